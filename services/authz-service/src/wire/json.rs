//! Request bodies → JSON members, as I-JSON (RFC 7493) has them: UTF-8, an object at the top, no
//! member twice. Two readers of a body with a member twice may each believe another one, and one
//! of them may be the caller.
//!
//! The only place that parses a body. Depth is bounded by the parser, size by the caller.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::problem::Problem;

/// The field that faults of the body as a whole are named by.
pub(crate) const BODY: &str = "body";

/// The members of a body; what its headers say is checked first.
pub(crate) fn members(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match parse(headers, body)? {
        Unambiguous(Value::Object(members)) => Ok(members),
        Unambiguous(_) => Err(not_an_object()),
    }
}

/// A body as `T`, whose only error of its own is [`twice`].
pub(super) fn parse<'a, T: Deserialize<'a>>(
    headers: &HeaderMap,
    body: &'a [u8],
) -> Result<T, Problem> {
    if !is_json(headers) {
        return Err(Problem::malformed("content-type", "must be application/json"));
    }
    if body.is_empty() {
        return Err(Problem::malformed(BODY, "must not be empty"));
    }
    serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => Problem::malformed(BODY, "must not have a member twice in an object"),
        false => Problem::malformed(BODY, "must be JSON"),
    })
}

/// What is wrong with a body that is another value.
pub(super) fn not_an_object() -> Problem {
    Problem::malformed(BODY, "must be an object")
}

/// What is wrong with an object that has a member twice.
pub(super) fn twice<E: de::Error>() -> E {
    E::custom("a member twice")
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A JSON value without a member twice at any level.
pub(super) struct Unambiguous(pub(super) Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
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

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unambiguous(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let Entry::Vacant(member) = members.entry(name) else {
                return Err(twice());
            };
            let Unambiguous(value) = entries.next_value()?;
            member.insert(value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<Map<String, Value>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap());
        members(&headers, body)
    }

    #[test]
    fn what_serde_json_reads_is_read_the_same() {
        let text = r#"{"a": [1, -2, 1.5, 18446744073709551615, null, true], "b": {"c": "\u00e4"}, "": {}}"#;
        assert_eq!(
            Value::Object(read(text.as_bytes()).unwrap()),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn a_member_twice_is_refused_at_every_level() {
        for body in [
            r#"{"a": 1, "a": 1}"#,
            r#"{"a": {"b": 1, "b": 2}}"#,
            r#"{"a": [{"b": 1, "\u0062": 2}]}"#,
        ] {
            let problem = read(body.as_bytes()).unwrap_err();
            assert_eq!(
                problem,
                Problem::malformed(BODY, "must not have a member twice in an object")
            );
        }
    }

    #[test]
    fn what_is_not_an_object_in_json_is_refused_by_its_kind() {
        let deep = format!("{}{}", "{\"a\":".repeat(200), "1".to_owned() + &"}".repeat(200));
        for body in ["", " ", "[]", "null", "{", "{}{}", "{a:1}", "{\"a\":\"\\ud800\"}", &deep] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(read(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn other_content_types_are_refused() {
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]
        {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            assert!(members(&headers, b"{}").is_err(), "{content_type}");
        }
        assert!(members(&HeaderMap::new(), b"{}").is_err());
    }
}
