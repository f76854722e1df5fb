//! One path pattern, read from its text.

mod invalid;
mod parse;

pub use invalid::InvalidTemplate;

/// A path pattern, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    segments: Vec<Segment>,
    tail: Tail,
    /// In the order in which they stand.
    variables: Vec<Variable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This text, byte for byte.
    Literal(Box<str>),
    /// `*` or `{name}`: anything but nothing, between these two texts.
    Any(Around),
}

/// What stands before and behind a `*` in its segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Around {
    before: Box<str>,
    after: Box<str>,
}

/// What may follow the segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing.
    End,
    /// A slash, then anything that ends like this (`**`, `{rest=**}`, `**.mpd`).
    Rest(Box<str>),
    /// Nothing, or a slash and anything (`prefix`).
    Below,
}

/// A part of a path that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Variable {
    name: Box<str>,
    /// The first of its segments.
    from: usize,
    /// How many segments; without a number also what the tail stands for.
    segments: Option<usize>,
}

impl Template {
    /// Compiles a URI template.
    pub(crate) fn path(text: &str) -> Result<Self, InvalidTemplate> {
        parse::path(text)
    }

    /// Compiles a path prefix, which has no variables.
    pub(in crate::policy) fn prefix(text: &str) -> Result<Self, InvalidTemplate> {
        parse::prefix(text)
    }

    /// The template as written; the id under which a decision point knows the route.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names of its variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| &*variable.name)
    }

    /// Whether it is for every path.
    pub fn is_for_all(&self) -> bool {
        let any = match &self.tail {
            Tail::Rest(end) => end.is_empty(),
            Tail::Below => true,
            Tail::End => false,
        };
        self.segments.is_empty() && any
    }

    /// What a path that it matches has in the place of each variable, in order.
    pub fn captures<'p>(&self, path: &'p str) -> Vec<(&str, &'p str)> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let value = |variable| self.capture(variable, path);
        self.names()
            .zip(self.variables.iter().map(value))
            .filter_map(|(n, v)| Some((n, v?)))
            .collect()
    }

    fn capture<'p>(&self, variable: &Variable, path: &'p str) -> Option<&'p str> {
        let from = start_of(path, variable.from)?;
        let value = path.get(from..)?;
        let Some(count) = variable.segments else {
            let Tail::Rest(end) = &self.tail else { return Some(value) };
            return value.strip_suffix(&**end);
        };
        // One before the slash of the next segment; the path's end where none follows.
        let to = start_of(value, count).map_or(value.len(), |next| next.saturating_sub(1));
        let value = value.get(..to)?;
        match self.segments.get(variable.from) {
            Some(Segment::Any(around)) if count == 1 => around.inside(value),
            _ => Some(value),
        }
    }

    /// Its segments, before what may follow them.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// What may follow its segments.
    pub(super) const fn tail(&self) -> &Tail {
        &self.tail
    }
}

/// Where the segment of this number begins.
fn start_of(path: &str, segment: usize) -> Option<usize> {
    match segment.checked_sub(1) {
        None => Some(0),
        Some(slash) => path.match_indices('/').nth(slash).map(|(at, _)| at + 1),
    }
}

impl Around {
    /// Whether it is a whole segment that is open.
    pub(super) const fn is_nothing(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// What is between; `None` when the segment is not like this.
    pub(super) fn inside<'s>(&self, segment: &'s str) -> Option<&'s str> {
        let inside = segment.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        Some(inside).filter(|inside| !inside.is_empty())
    }
}

impl Tail {
    /// Whether a path that has the segments may go on like this; `None` when it ends there.
    pub(super) fn takes(&self, rest: Option<&str>) -> bool {
        match self {
            Self::End => rest.is_none(),
            Self::Rest(end) => rest.is_some_and(|rest| rest.ends_with(&**end)),
            Self::Below => true,
        }
    }
}
