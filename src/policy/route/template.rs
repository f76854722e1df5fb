//! One path pattern: what it says, and whether a path is like it.

use std::fmt;

/// A path pattern, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    segments: Vec<Segment>,
    tail: Tail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(Box<str>),
    Parameter,
}

/// What may follow the segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
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
        Ok(Self { text: text.into(), segments, tail })
    }

    /// Compiles a path prefix, which has no variables.
    pub(in crate::policy) fn prefix(text: &str) -> Result<Self, InvalidTemplate> {
        let literal = literal_path(text)?;
        if literal.contains(['{', '}']) || literal.ends_with('/') {
            return Err(InvalidTemplate::Prefix);
        }
        let segments = literal.split('/').filter(|part| !part.is_empty());
        let segments = segments.map(|part| Segment::Literal(part.into())).collect();
        Ok(Self { text: text.into(), segments, tail: Tail::Below })
    }

    /// The template as written; the id under which a decision point knows the route.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a canonical path is one of this template's.
    pub fn matches(&self, path: &str) -> bool {
        let Some(mut rest) = path.strip_prefix('/') else { return false };
        let mut ended = false;
        for segment in &self.segments {
            if ended {
                return false;
            }
            let (part, after) = match rest.split_once('/') {
                Some((part, after)) => (part, after),
                None => {
                    ended = true;
                    (rest, "")
                }
            };
            if !segment.matches(part) {
                return false;
            }
            rest = after;
        }
        match self.tail {
            Tail::End => ended,
            Tail::Rest => !ended,
            Tail::Below => true,
        }
    }

    pub(super) fn is_literal(&self) -> bool {
        self.tail == Tail::End && self.segments.iter().all(|s| matches!(s, Segment::Literal(_)))
    }

    pub(super) fn first_literal(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Literal(text)) => Some(text),
            Some(Segment::Parameter) | None => None,
        }
    }
}

impl Segment {
    fn matches(&self, part: &str) -> bool {
        match self {
            Self::Literal(text) => **text == *part,
            Self::Parameter => !part.is_empty(),
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
