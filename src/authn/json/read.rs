//! Reading an [`Object`]. Depth is looked at while reading: nothing below the limit is ever kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Kind, Members, Object, Span, Stored};

/// How deep objects and arrays may nest, the outermost object included.
pub(super) const MAX_DEPTH: u8 = 16;
/// About how many bytes of a token's JSON make a value.
const BYTES_PER_VALUE: usize = 24;

pub(super) fn object(json: &[u8]) -> Option<Object> {
    // As text, for one look at its encoding instead of one for each string in it.
    let json = std::str::from_utf8(json).ok()?;
    let mut into = Object {
        text: String::with_capacity(json.len()),
        values: Vec::with_capacity(json.len() / BYTES_PER_VALUE),
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    let place = Place { into: &mut into, name: None, depth_left: MAX_DEPTH };
    place.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    matches!(into.values.first(), Some(Stored { kind: Kind::Object, .. })).then_some(into)
}

/// Where the next value goes.
pub(super) struct Place<'o> {
    pub(super) into: &'o mut Object,
    pub(super) name: Option<Span>,
    pub(super) depth_left: u8,
}

impl Place<'_> {
    fn put<E: Error>(self, kind: Kind) -> Result<(), E> {
        self.into.put(self.name, kind).map(drop)
    }

    fn below<E: Error>(&self) -> Result<u8, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| E::custom("too deep"))
    }
}

impl Object {
    /// Adds a value; its index.
    pub(super) fn put<E: Error>(&mut self, name: Option<Span>, kind: Kind) -> Result<usize, E> {
        let at = self.values.len();
        let end = u16::try_from(at + 1).map_err(|_| E::custom("too long"))?;
        self.values.push(Stored { name, end, kind });
        Ok(at)
    }

    /// What has been added since is inside the value at this index.
    pub(super) fn close(&mut self, at: usize) {
        let len = self.values.len();
        if let Some(value) = self.values.get_mut(at) {
            // It fits: the last value's end is the same.
            value.end = u16::try_from(len).unwrap_or(u16::MAX);
        }
    }

    fn keep<E: Error>(&mut self, text: &str) -> Result<Span, E> {
        let from = self.text.len();
        self.text.push_str(text);
        let place = |at: usize| u16::try_from(at).map_err(|_| E::custom("too long"));
        Ok(Span { from: place(from)?, to: place(self.text.len())? })
    }
}

impl Members<'_> {
    /// Whether two members have one name. Shorter names first: most of them differ in that.
    pub(super) fn repeat(&self) -> bool {
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable_by(|one, other| one.len().cmp(&other.len()).then(one.cmp(other)));
        names.windows(2).any(|pair| matches!(pair, [one, other] if one == other))
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.put(Kind::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.put(Kind::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.put(Kind::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.put(Kind::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.put(Kind::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let text = self.into.keep(value)?;
        self.put(Kind::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let depth_left = self.below()?;
        let at = self.into.put(self.name, Kind::Array)?;
        while members
            .next_element_seed(Place { into: self.into, name: None, depth_left })?
            .is_some()
        {}
        self.into.close(at);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let depth_left = self.below()?;
        let at = self.into.put(self.name, Kind::Object)?;
        while let Some(name) = members.next_key_seed(Name(self.into))? {
            let place = Place { into: self.into, name: Some(name), depth_left };
            members.next_value_seed(place)?;
        }
        self.into.close(at);
        if Members::inside(self.into, at).repeat() {
            return Err(A::Error::custom("a member twice"));
        }
        Ok(())
    }
}

/// Where the next member's name goes.
pub(super) struct Name<'o>(pub(super) &'o mut Object);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Span;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Span, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Span, E> {
        self.0.keep(name)
    }
}
