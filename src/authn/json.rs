//! JSON objects as a token may carry them (RFC 7515 §4, RFC 7519 §4): no member twice, and no
//! deeper than anybody needs. A second member of a name means one thing to one reader and another
//! to the next, so it is refused wherever it stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// How deep objects and arrays may nest, the outermost object included.
const MAX_DEPTH: u8 = 16;

/// The object that `json` is; `None` when it is none, or none that we take. Depth is looked at
/// while reading: nothing below the limit is ever built.
pub(super) fn object(json: &[u8]) -> Option<Map<String, Value>> {
    // As text, for one look at its encoding instead of one for each string in it.
    let mut reader = serde_json::Deserializer::from_str(std::str::from_utf8(json).ok()?);
    let value = Strict { depth_left: MAX_DEPTH }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Strict {
    depth_left: u8,
}

impl Strict {
    fn below<E: Error>(self) -> Result<Self, E> {
        let depth_left = self.depth_left.checked_sub(1);
        depth_left.map(|depth_left| Self { depth_left }).ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut values = Vec::new();
        while let Some(value) = members.next_element_seed(below)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match map.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(members.next_value_seed(below)?);
                }
                Entry::Occupied(_) => return Err(A::Error::custom("a member twice")),
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn objects_read_as_they_stand() {
        let json = r#"{"a":[1,-2,0.5,"x\u00e9",null,true,{"b":{}}],"c":"d"}"#;
        let plain: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(object(json.as_bytes()).map(Into::into), Some(plain));
    }

    #[test]
    fn a_member_twice_is_refused_wherever_it_stands() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
        ] {
            assert_eq!(object(json.as_bytes()), None, "{json}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested =
            |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(object(nested(16).as_bytes()).is_some());
        assert!(object(nested(17).as_bytes()).is_none());
        assert!(object(nested(8_000).as_bytes()).is_none());
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        for json in ["", "[]", "\"a\"", "1", "null", "{}{}", "{} x", "\u{feff}{}", "{\"a\":1e999}"]
        {
            assert_eq!(object(json.as_bytes()), None, "{json}");
        }
    }
}
