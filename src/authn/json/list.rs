//! Reading an object with one long list in it: the list's members are handed over one by one and
//! not kept, so that a list may be longer than an [`Object`] can be.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::read::{MAX_DEPTH, Name, Place};
use super::{Kind, Members, Object};

/// Takes a member of the list; false when it is none that can be taken.
type Each<'e> = &'e mut dyn FnMut(Members<'_>) -> bool;

/// The object that `json` is, without its member `list`, whose members, objects too, went to
/// `each`. `None` when it is none that we take, or `each` said no.
pub(crate) fn object_with_list(json: &[u8], list: &str, each: Each<'_>) -> Option<Object> {
    let json = std::str::from_utf8(json).ok()?;
    let mut into = Object::default();
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_map(Around { into: &mut into, list, each }).ok()?;
    reader.end().ok()?;
    Some(into)
}

/// The object around the list.
struct Around<'o> {
    into: &'o mut Object,
    list: &'o str,
    each: Each<'o>,
}

impl<'de> Visitor<'de> for Around<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let at = self.into.put(None, Kind::Object)?;
        while let Some(name) = members.next_key_seed(Name(self.into))? {
            let place = Place { into: self.into, name: Some(name), depth_left: MAX_DEPTH - 1 };
            if place.into.part(name) == self.list {
                // Its name stays, so that a second one is seen.
                place.into.put(Some(name), Kind::Null)?;
                members.next_value_seed(List(self.each))?;
            } else {
                members.next_value_seed(place)?;
            }
        }
        self.into.close(at);
        if Members::inside(self.into, at).repeat() {
            return Err(A::Error::custom("a member twice"));
        }
        Ok(())
    }
}

/// The list.
struct List<'e>(Each<'e>);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut into = Object::default();
        loop {
            into.text.clear();
            into.values.clear();
            let place = Place { into: &mut into, name: None, depth_left: MAX_DEPTH - 2 };
            if members.next_element_seed(place)?.is_none() {
                return Ok(());
            }
            let is_object =
                into.values.first().is_some_and(|first| matches!(first.kind, Kind::Object));
            if !is_object || !(self.0)(into.members()) {
                return Err(A::Error::custom("no member that can be taken"));
            }
        }
    }
}
