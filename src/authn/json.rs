//! JSON objects as a token may carry them (RFC 7515 §4, RFC 7519 §4): no member twice, and no
//! deeper than anybody needs. A second member of a name means one thing to one reader and another
//! to the next, so it is refused wherever it stands.
//!
//! An object lies in two pieces of memory: its texts in one, its values in the other, each followed by
//! those inside it. A token has some forty values; a piece for each would take longer than reading
//! them, and twice the room in the cache of tokens.

mod list;
mod read;
mod view;

pub(crate) use list::object_with_list;
pub use view::{Json, Members};

/// An object and all that is in it.
#[derive(Clone, Default)]
pub(crate) struct Object {
    text: String,
    values: Vec<Stored>,
}

/// A value in an [`Object`].
#[derive(Clone)]
struct Stored {
    /// What the object around it calls it; in an array it has no name.
    name: Option<Span>,
    /// Where the values inside it end, as an index of values.
    end: u16,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Span),
    Array,
    Object,
}

/// A part of an object's text, in bytes.
#[derive(Clone, Copy)]
struct Span {
    from: u16,
    to: u16,
}

impl Object {
    /// The object that `json` is; `None` when it is none, or none that we take.
    pub(super) fn from_slice(json: &[u8]) -> Option<Self> {
        read::object(json)
    }

    /// Its members.
    pub(super) fn members(&self) -> Members<'_> {
        Members::inside(self, 0)
    }

    /// The member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Json<'_>> {
        self.members().get(name)
    }

    fn part(&self, Span { from, to }: Span) -> &str {
        self.text.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
