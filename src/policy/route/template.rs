//! One path pattern, read from its text.

use std::fmt;

/// A path pattern, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    segments: Vec<Segment>,
    tail: Tail,
    /// Names of the variables, in the order in which they stand.
    names: Vec<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This text, byte for byte.
    Literal(Box<str>),
    /// `{name}`: anything but nothing.
    Parameter,
}

/// What may follow the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    End,
    /// A slash, then anything (`{rest=**}`).
    Rest,
    /// Nothing, or a slash and anything (`prefix`).
    Below,
}

impl Template {
    /// Compiles a URI template.
    pub(in crate::policy) fn path(text: &str) -> Result<Self, InvalidTemplate> {
        let mut names = Vec::new();
        let mut segments = Vec::new();
        let mut tail = Tail::End;
        for part in literal_path(text)?.split('/') {
            if tail == Tail::Rest {
                return Err(InvalidTemplate::RestNotLast);
            }
            match parse_segment(part, &mut names)? {
                Some(segment) => segments.push(segment),
                None => tail = Tail::Rest,
            }
        }
        let names = names.into_iter().map(Into::into).collect();
        Ok(Self { text: text.into(), segments, tail, names })
    }

    /// Compiles a path prefix, which has no variables.
    pub(in crate::policy) fn prefix(text: &str) -> Result<Self, InvalidTemplate> {
        let literal = literal_path(text)?;
        if literal.contains(['{', '}']) || literal.ends_with('/') {
            return Err(InvalidTemplate::Prefix);
        }
        let segments = literal.split('/').filter(|part| !part.is_empty());
        let segments = segments.map(|part| Segment::Literal(part.into())).collect();
        Ok(Self { text: text.into(), segments, tail: Tail::Below, names: Vec::new() })
    }

    /// The template as written; the id under which a decision point knows the route.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names of its variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// What a path that it matches has in the place of each variable, in order.
    pub fn captures<'p>(&self, path: &'p str) -> Vec<(&str, &'p str)> {
        let mut rest = path.strip_prefix('/');
        let mut values = Vec::with_capacity(self.names.len());
        for segment in &self.segments {
            let Some(left) = rest else { break };
            let (part, after) = match left.split_once('/') {
                Some((part, after)) => (part, Some(after)),
                None => (left, None),
            };
            if matches!(segment, Segment::Parameter) {
                values.push(part);
            }
            rest = after;
        }
        if self.tail == Tail::Rest {
            values.extend(rest);
        }
        self.names().zip(values).collect()
    }

    /// Its segments, before what may follow them.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What may follow its segments.
    pub(super) const fn tail(&self) -> Tail {
        self.tail
    }
}

impl Tail {
    /// Whether a path that has the segments may go on as it does: `ended` when it does not.
    pub(super) const fn takes(self, ended: bool) -> bool {
        match self {
            Self::End => ended,
            Self::Rest => !ended,
            Self::Below => true,
        }
    }
}

fn literal_path(text: &str) -> Result<&str, InvalidTemplate> {
    let plain: String = text.chars().filter(|c| !matches!(c, '{' | '}' | '=' | '*')).collect();
    let query_or_bad =
        text.contains('?') || crate::request::canonical_path(plain.as_bytes()).is_err();
    match text.strip_prefix('/') {
        Some(rest) if !query_or_bad => Ok(rest),
        _ => Err(InvalidTemplate::NotCanonical),
    }
}

/// One segment of a template; `None` for `{name=**}`.
fn parse_segment<'t>(
    part: &'t str,
    names: &mut Vec<&'t str>,
) -> Result<Option<Segment>, InvalidTemplate> {
    let Some(inner) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
        let literal = !part.contains(['{', '}', '*']);
        return literal
            .then(|| Some(Segment::Literal(part.into())))
            .ok_or(InvalidTemplate::Variable);
    };
    let (name, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
    let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !named {
        return Err(InvalidTemplate::Variable);
    }
    if names.contains(&name) {
        return Err(InvalidTemplate::Repeated(name.into()));
    }
    names.push(name);
    match pattern {
        "*" => Ok(Some(Segment::Parameter)),
        "**" => Ok(None),
        _ => Err(InvalidTemplate::Variable),
    }
}

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidTemplate {
    /// It could never match, because canonical paths look otherwise.
    NotCanonical,
    /// A segment that is neither literal nor `{name}`, `{name=*}` or `{name=**}`.
    Variable,
    /// The same variable twice.
    Repeated(Box<str>),
    /// Something follows `{name=**}`.
    RestNotLast,
    /// A prefix with variables or a trailing slash.
    Prefix,
}

impl fmt::Display for InvalidTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCanonical => f.write_str(
                "is not a canonical path: it starts with `/` and has no empty, dot or \
                 needlessly encoded segment, no query, `;` or `\\`",
            ),
            Self::Variable => {
                f.write_str("has a segment that is neither literal nor `{name}` or `{name=**}`")
            }
            Self::Repeated(name) => write!(f, "names the variable `{name}` twice"),
            Self::RestNotLast => f.write_str("has something after `{name=**}`"),
            Self::Prefix => f.write_str("is no prefix: it has a variable or ends with `/`"),
        }
    }
}
