//! Reading a template: Envoy's URI templates, with at most one open part in a segment.

use super::{Around, InvalidTemplate, Segment, Tail, Template, Variable};

type Result<T> = std::result::Result<T, InvalidTemplate>;

pub(super) fn path(text: &str) -> Result<Template> {
    let mut template = Template {
        text: text.into(),
        segments: Vec::new(),
        tail: Tail::End,
        variables: Vec::new(),
    };
    for part in parts(literal_path(text)?)? {
        template.add(part)?;
    }
    Ok(template)
}

pub(super) fn prefix(text: &str) -> Result<Template> {
    let literal = literal_path(text)?;
    if literal.contains(['{', '}', '*']) || literal.ends_with('/') {
        return Err(InvalidTemplate::Prefix);
    }
    let segments = literal.split('/').filter(|part| !part.is_empty());
    let segments = segments.map(|part| Segment::Literal(part.into())).collect();
    Ok(Template { text: text.into(), segments, tail: Tail::Below, variables: Vec::new() })
}

fn literal_path(text: &str) -> Result<&str> {
    let plain = text.chars().filter(|c| !matches!(c, '{' | '}' | '='));
    let plain: String = plain.map(|c| if c == '*' { 'x' } else { c }).collect();
    let query_or_bad =
        text.contains('?') || crate::request::canonical_path(plain.as_bytes()).is_err();
    match text.strip_prefix('/') {
        Some(rest) if !query_or_bad => Ok(rest),
        _ => Err(InvalidTemplate::NotCanonical),
    }
}

/// The parts between slashes, but for those inside braces.
fn parts(text: &str) -> Result<Vec<&str>> {
    let (mut parts, mut rest, mut open) = (Vec::new(), text, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if open => return Err(InvalidTemplate::Variable),
            b'{' => open = true,
            b'}' if !open => return Err(InvalidTemplate::Variable),
            b'}' => open = false,
            b'/' if !open => {
                let from = text.len() - rest.len();
                parts.push(text.get(from..at).unwrap_or_default());
                rest = text.get(at + 1..).unwrap_or_default();
            }
            _ => {}
        }
    }
    if open {
        return Err(InvalidTemplate::Variable);
    }
    parts.push(rest);
    Ok(parts)
}

impl Template {
    fn add(&mut self, part: &str) -> Result<()> {
        if self.tail != Tail::End {
            return Err(InvalidTemplate::RestNotLast);
        }
        let Some((before, rest)) = part.split_once('{') else {
            return self.add_segment(part);
        };
        let (inner, after) = rest.split_once('}').ok_or(InvalidTemplate::Variable)?;
        let (name, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
        let from = self.segments.len();
        if after.contains('{') {
            return Err(InvalidTemplate::Several);
        }
        for segment in pattern.split('/') {
            if self.tail != Tail::End || segment.is_empty() {
                return Err(InvalidTemplate::Variable);
            }
            // What stands around a variable belongs to its only segment.
            self.add_segment(&format!("{before}{segment}{after}"))?;
        }
        let alone = pattern == "*" || pattern == "**" || (before.is_empty() && after.is_empty());
        if !alone || !pattern.contains('*') {
            return Err(InvalidTemplate::Variable);
        }
        let segments = (self.tail == Tail::End).then(|| self.segments.len() - from);
        self.name(name, Variable { name: name.into(), from, segments })
    }

    fn name(&mut self, name: &str, variable: Variable) -> Result<()> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(InvalidTemplate::Variable);
        }
        if self.names().any(|one| one == name) {
            return Err(InvalidTemplate::Repeated(name.into()));
        }
        self.variables.push(variable);
        Ok(())
    }

    fn add_segment(&mut self, text: &str) -> Result<()> {
        let plain = |text: &str| !text.contains(['{', '}', '*']);
        match text.split_once('*') {
            None => self.segments.push(Segment::Literal(text.into())),
            Some((before, after)) => match after.strip_prefix('*') {
                Some(end) if before.is_empty() && plain(end) => self.tail = Tail::Rest(end.into()),
                None if plain(before) && plain(after) => {
                    let around = Around { before: before.into(), after: after.into() };
                    self.segments.push(Segment::Any(around));
                }
                Some(_) => return Err(InvalidTemplate::Variable),
                None => return Err(InvalidTemplate::Several),
            },
        }
        Ok(())
    }
}
