//! JSON values of a request or a store, as Cedar values. Our own conversion, never Cedar's JSON
//! entity format: there `{"__entity": …}` inside a request would become a reference to whatever
//! entity the caller names.
//!
//! What Cedar cannot hold exactly is refused, not approximated; a refusal never becomes an
//! absent attribute, because a `forbid` could hang on it.

use cedar_policy::RestrictedExpression;
use claimgate_authz_api::Properties;
use serde_json::Value;

/// Deepest nesting of a value: far above any attribute worth deciding on.
const MAX_DEPTH: usize = 16;

/// Why a value cannot become a Cedar value, and the member it is below.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}`: {kind}")]
pub struct Unrepresentable {
    /// Name of the innermost member around the value.
    pub name: String,
    /// What is wrong with it.
    pub kind: UnrepresentableKind,
}

/// The kinds of values that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnrepresentableKind {
    /// `__entity`, `__extn` and the like.
    #[error("names that start with `__` are reserved")]
    ReservedName,
    /// A fraction, an exponent, or beyond 64 bits.
    #[error("a number that is no 64-bit integer")]
    Number,
    /// A set has no place for nothing.
    #[error("null inside an array")]
    NullInArray,
    /// More than 16 levels.
    #[error("nested too deeply")]
    Depth,
}

/// Converts every member; a member that is null is left out.
pub(super) fn convert(
    properties: &Properties,
) -> Result<Vec<(String, RestrictedExpression)>, Unrepresentable> {
    members(properties, 0)
}

fn members(
    properties: &Properties,
    depth: usize,
) -> Result<Vec<(String, RestrictedExpression)>, Unrepresentable> {
    let mut converted = Vec::with_capacity(properties.len());
    for (name, value) in properties {
        if name.starts_with("__") {
            return Err(refuse(name, UnrepresentableKind::ReservedName));
        }
        if !value.is_null() {
            converted.push((name.clone(), expression(name, value, depth)?));
        }
    }
    Ok(converted)
}

fn expression(
    name: &str,
    value: &Value,
    depth: usize,
) -> Result<RestrictedExpression, Unrepresentable> {
    if depth >= MAX_DEPTH {
        return Err(refuse(name, UnrepresentableKind::Depth));
    }
    match value {
        Value::Null => Err(refuse(name, UnrepresentableKind::NullInArray)),
        Value::Bool(value) => Ok(RestrictedExpression::new_bool(*value)),
        Value::Number(number) => number
            .as_i64()
            .map(RestrictedExpression::new_long)
            .ok_or_else(|| refuse(name, UnrepresentableKind::Number)),
        Value::String(text) => Ok(RestrictedExpression::new_string(text.clone())),
        Value::Array(items) => {
            let items: Result<Vec<_>, _> =
                items.iter().map(|item| expression(name, item, depth + 1)).collect();
            items.map(RestrictedExpression::new_set)
        }
        // Names within one object are unique, so the record can always be built.
        Value::Object(fields) => RestrictedExpression::new_record(members(fields, depth + 1)?)
            .map_err(|_| refuse(name, UnrepresentableKind::ReservedName)),
    }
}

fn refuse(name: &str, kind: UnrepresentableKind) -> Unrepresentable {
    Unrepresentable { name: name.to_owned(), kind }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json! literals read better by value")]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(value: Value) -> UnrepresentableKind {
        convert(value.as_object().unwrap()).unwrap_err().kind
    }

    #[test]
    fn strings_integers_booleans_sets_and_records_convert() {
        let value = json!({"s": "x", "n": -5, "b": true, "set": [1, "two"], "r": {"a": {"b": 1}},
                           "max": i64::MAX, "empty": [], "none": {}});
        assert_eq!(convert(value.as_object().unwrap()).unwrap().len(), 8);
    }

    #[test]
    fn null_is_left_out_at_every_level() {
        let converted = convert(json!({"a": null, "b": {"c": null}}).as_object().unwrap()).unwrap();
        assert_eq!(converted.len(), 1);
        assert_eq!(converted[0].0, "b");
    }

    #[test]
    fn reserved_names_are_refused_at_every_level() {
        for value in [
            json!({"__entity": {"type": "Role", "id": "admin"}}),
            json!({"a": {"__entity": {"type": "Role", "id": "admin"}}}),
            json!({"a": [{"__extn": {"fn": "ip", "arg": "127.0.0.1"}}]}),
            json!({"__expr": "1"}),
            json!({"__x": null}),
        ] {
            assert_eq!(kind(value), UnrepresentableKind::ReservedName);
        }
    }

    #[test]
    fn numbers_beyond_a_long_are_refused() {
        for value in [json!(1.5), json!(1.0), json!(1e3), json!(u64::MAX)] {
            assert_eq!(kind(json!({"n": [{"x": value}]})), UnrepresentableKind::Number);
        }
    }

    #[test]
    fn null_in_an_array_and_deep_nesting_are_refused() {
        assert_eq!(kind(json!({"a": [null]})), UnrepresentableKind::NullInArray);
        let deep = (0..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(kind(json!({"a": deep})), UnrepresentableKind::Depth);
        let fits = (1..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        assert!(convert(json!({"a": fits}).as_object().unwrap()).is_ok());
    }
}
