//! The body of one question → its parts, without a tree of everything in between.
//!
//! What [`json`] and [`decode`] say of a body holds here as well: no member twice at any level,
//! unknown ones ignored, every fault named by its field. Members that are known go straight to
//! their places; that is most of what reading a question costs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use axum::http::HeaderMap;
use claimgate_authz_api::EvaluationRequest;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::decode::{Draft, Fields, Part};
use super::json::{self, Unambiguous};
use super::problem::Problem;

/// The question in a body; what its headers say is checked first.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<EvaluationRequest, Problem> {
    match json::parse::<Object<Draft>>(headers, body)? {
        Object(Some(draft)) => draft.whole(),
        Object(None) => Err(json::not_an_object()),
    }
}

/// Members that have places.
trait Members: Default {
    /// Reads the value of the member called `name`; false when it has no place.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error>;
}

impl Members for Draft {
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error> {
        match name {
            "subject" => part(&mut self.subject, from),
            "action" => part(&mut self.action, from),
            "resource" => part(&mut self.resource, from),
            "context" => value(&mut self.context, from),
            _ => Ok(false),
        }
    }
}

impl Members for Fields {
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, from: &mut A) -> Result<bool, A::Error> {
        match name {
            "type" => value(&mut self.kind, from),
            "id" => value(&mut self.id, from),
            "name" => value(&mut self.name, from),
            "properties" => value(&mut self.properties, from),
            _ => Ok(false),
        }
    }
}

fn value<'de, A: MapAccess<'de>>(
    place: &mut Option<Value>,
    from: &mut A,
) -> Result<bool, A::Error> {
    let Unambiguous(value) = once(place, from)?;
    *place = Some(value);
    Ok(true)
}

fn part<'de, A: MapAccess<'de>>(place: &mut Option<Part>, from: &mut A) -> Result<bool, A::Error> {
    let Object(fields) = once(place, from)?;
    *place = Some(Part(fields));
    Ok(true)
}

/// The value for a place that must be free.
fn once<'de, A: MapAccess<'de>, T, V: Deserialize<'de>>(
    place: &Option<T>,
    from: &mut A,
) -> Result<V, A::Error> {
    match place {
        None => from.next_value(),
        Some(_) => Err(json::twice()),
    }
}

/// An object's members; `None` for a value that is no object.
struct Object<T>(Option<T>);

impl<'de, T: Members> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Members> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Option<T>, A::Error> {
        let mut members = T::default();
        let mut others = HashSet::new();
        while let Some(Name(name)) = entries.next_key()? {
            if members.read(&name, &mut entries)? {
                continue;
            }
            if !others.insert(name) {
                return Err(json::twice());
            }
            let Unambiguous(_) = entries.next_value()?;
        }
        Ok(Some(members))
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<T>, A::Error> {
        while let Some(Unambiguous(_)) = items.next_element()? {}
        Ok(None)
    }
}

/// A member's name, copied only when it was written with escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Self)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use proptest::prelude::*;

    use super::super::decode;
    use super::*;

    fn both(body: &str) -> [Result<EvaluationRequest, Problem>; 2] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        let tree = json::members(&headers, body.as_bytes()).and_then(decode::evaluation);
        [read(&headers, body.as_bytes()), tree]
    }

    const WHOLE: &str = r#"{"subject": {"type": "user", "id": "a", "properties": {"x": [1, {}]}},
        "action": {"name": "read"}, "resource": {"type": "r", "id": "b", "other": 1},
        "context": {"c": null}, "unknown": [{}]}"#;

    #[test]
    fn a_question_is_read_as_from_the_tree() {
        let [direct, tree] = both(WHOLE);
        assert!(direct.is_ok());
        assert_eq!(direct, tree);
    }

    #[test]
    fn every_fault_is_named_as_from_the_tree() {
        for (from, to) in [
            ("\"a\"", "\"\""),
            ("\"a\"", "1"),
            ("\"name\"", "\"nom\""),
            ("\"name\": \"read\"", "\"name\": \"a\", \"n\\u0061me\": \"b\""),
            ("{\"name\": \"read\"}", "[]"),
            ("{\"name\": \"read\"}", "null"),
            ("{\"name\": \"read\"}", "[{\"a\": 1, \"a\": 1}]"),
            ("\"action\"", "\"subject\""),
            ("\"action\"", "\"none\""),
            ("\"other\": 1", "\"other\": 1, \"other\": 2"),
            ("\"other\": 1", "\"other\": {\"a\": 1, \"a\": 1}"),
            ("[{}]", "[{}], \"unknown\": 1"),
            ("[1, {}]", "{\"y\": 1, \"y\": 2}"),
            ("{\"x\": [1, {}]}", "\"none\""),
            ("{\"c\": null}", "[]"),
            ("[{}]}", "[{}]"),
            ("[{}]}", "[{}]} 1"),
        ] {
            let body = WHOLE.replacen(from, to, 1);
            assert_ne!(body, WHOLE, "{from}");
            let [direct, tree] = both(&body);
            assert!(direct.is_err(), "{body}");
            assert_eq!(direct, tree, "{body}");
        }
    }

    proptest! {
        #[test]
        fn cut_and_garbled_bodies_are_read_as_from_the_tree(
            at in 0..WHOLE.len(), with in r#"[\[\]{}:,"a1 ]{0,2}"#, cut in 0usize..12,
        ) {
            let end = WHOLE.len().min(at + cut);
            let (before, after) = (WHOLE.get(..at).unwrap(), WHOLE.get(end..).unwrap());
            let body = format!("{before}{with}{after}");
            let [direct, tree] = both(&body);
            prop_assert_eq!(direct, tree, "{}", body);
        }
    }
}
