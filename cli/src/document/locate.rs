//! From a path in one of the filter's messages to where that is written.
//!
//! A path is read against the document itself, because names in it may hold dots and brackets. What it
//! names need not be there (that may be the error): then the last entry that is there is meant.

use super::{Cursor, Place};

impl Cursor<'_> {
    /// Where the entry is that a path of the filter names, seen from this value.
    pub(crate) fn locate(&self, path: &str) -> Place {
        let mut at = self.clone();
        let mut rest = path;
        while let Some((next, left)) = step(&at, rest) {
            (at, rest) = (next, left);
        }
        at.place
    }
}

/// One name or one index further.
fn step<'d, 'p>(at: &Cursor<'d>, path: &'p str) -> Option<(Cursor<'d>, &'p str)> {
    let path = after_label(path);
    if let Some(indexed) = path.strip_prefix('[') {
        let (index, left) = indexed.split_once(']')?;
        return Some((at.items().nth(index.parse().ok()?)?, left));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let fits = at.fields().filter_map(|(name, field)| Some((name, field, after(name, path)?)));
    let (_, field, left) = fits.max_by_key(|(name, ..)| name.len())?;
    Some((field, left))
}

/// What follows a name, quoted or not, if a path goes on with it.
fn after<'p>(name: &str, path: &'p str) -> Option<&'p str> {
    let quoted = path.strip_prefix('"').and_then(|path| path.strip_prefix(name)?.strip_prefix('"'));
    let left = quoted.or_else(|| path.strip_prefix(name))?;
    (left.is_empty() || left.starts_with(['.', '[', ' '])).then_some(left)
}

/// The path after ` "name"`, with which the filter labels members of lists.
fn after_label(path: &str) -> &str {
    let label = path.strip_prefix(" \"").and_then(|label| label.split_once('"'));
    label.map_or(path, |(_, rest)| rest)
}
