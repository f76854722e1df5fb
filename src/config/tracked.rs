//! Reads the configuration's types from a document that is already in memory, and says where in it
//! something is wrong: `routes[0].match.path`.
//!
//! It does what `serde_path_to_error` does around any deserializer, for this one, in a third of the
//! module's code. Members of an object have names: a list in their place is refused, not taken in order.

use std::fmt;

use serde::Deserialize as _;
use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::Config;

/// What is wrong, and where.
#[derive(Debug)]
pub struct Misplaced {
    /// Names and numbers from the document's top; empty for the top itself.
    pub at: String,
    /// What is wrong there.
    pub what: String,
}

impl Config {
    /// What a document says, before any of it is looked up or compiled.
    pub fn read(document: &Value) -> Result<Self, Misplaced> {
        Self::deserialize(Tracked(document))
    }
}

impl Misplaced {
    fn in_member(self, name: &str) -> Self {
        Self { at: joined(name, &self.at), what: self.what }
    }

    fn in_element(self, number: usize) -> Self {
        Self { at: joined(&format!("[{number}]"), &self.at), what: self.what }
    }
}

fn joined(outer: &str, inner: &str) -> String {
    let between = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    [outer, between, inner].concat()
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

impl std::error::Error for Misplaced {}

impl de::Error for Misplaced {
    #[cold]
    #[inline(never)]
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self { at: String::new(), what: what.to_string() }
    }

    /// As people who write JSON and YAML would say it.
    #[cold]
    #[inline(never)]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unit => {
                Self::custom(format_args!("invalid type: null, expected {expected}"))
            }
            _ => Self::custom(format_args!("invalid type: {found}, expected {expected}")),
        }
    }
}

/// A value of the document.
#[derive(Clone, Copy)]
struct Tracked<'de>(&'de Value);

impl Tracked<'_> {
    #[cold]
    #[inline(never)]
    fn is_not(self, expected: &dyn Expected) -> Misplaced {
        let found = match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(truth) => Unexpected::Bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => Unexpected::Unsigned(number),
                (None, Some(number)) => Unexpected::Signed(number),
                (None, None) => Unexpected::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        de::Error::invalid_type(found, expected)
    }
}

/// A function for each type: all of them in one would be what the host takes most memory to compile.
impl<'de> Deserializer<'de> for Tracked<'de> {
    type Error = Misplaced;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(list) => visitor.visit_seq(Elements { rest: list.iter().enumerate() }),
            Value::Object(members) => visitor.visit_map(Members::of(members)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Bool(truth) => visitor.visit_bool(*truth),
            _ => Err(self.is_not(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::String(text) => visitor.visit_str(text),
            _ => Err(self.is_not(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        self.deserialize_str(visitor)
    }

    #[inline(never)]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Array(list) => visitor.visit_seq(Elements { rest: list.iter().enumerate() }),
            _ => Err(self.is_not(&visitor)),
        }
    }

    #[inline(never)]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members::of(members)),
            _ => Err(self.is_not(&visitor)),
        }
    }

    #[inline(never)]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        visitor.visit_newtype_struct(self)
    }

    /// One of several words; none of ours holds more than itself.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misplaced> {
        match self.0 {
            Value::String(word) => visitor.visit_enum(named(word)),
            _ => Err(self.is_not(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misplaced> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple
        tuple_struct identifier
    }
}

fn named(name: &str) -> StrDeserializer<'_, Misplaced> {
    name.into_deserializer()
}

struct Elements<'de> {
    rest: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Misplaced;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misplaced> {
        let Some((number, value)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Tracked(value)).map(Some).map_err(|error| error.in_element(number))
    }

    fn size_hint(&self) -> Option<usize> {
        self.rest.size_hint().1
    }
}

struct Members<'de> {
    rest: serde_json::map::Iter<'de>,
    at: Option<(&'de str, &'de Value)>,
}

impl<'de> Members<'de> {
    fn of(members: &'de Map<String, Value>) -> Self {
        Self { rest: members.iter(), at: None }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Misplaced;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misplaced> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.at = Some((name, value));
        seed.deserialize(named(name)).map(Some).map_err(|error| error.in_member(name))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misplaced> {
        let Some((name, value)) = self.at.take() else {
            return Err(de::Error::custom("a value without its name"));
        };
        seed.deserialize(Tracked(value)).map_err(|error| error.in_member(name))
    }
}
