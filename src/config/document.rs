//! The document as the host hands it over: JSON text, or the bytes of a `google.protobuf.Struct`.
//!
//! Envoy 1.40 unwraps a `StringValue` and hands a `Struct` over as it is on the wire, so YAML
//! written straight into `envoy.yaml` arrives in protobuf's encoding. Only the six kinds of value
//! that a Struct has are read; anything else is no document.

use serde_json::{Map, Number, Value};

/// How deep values may nest; JSON's parser has the same bound.
const MAX_DEPTH: usize = 128;

/// The document, or what is wrong with it as JSON.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).or_else(|error| {
        // Every Struct with a field starts with a tag that JSON takes for a line feed.
        structure(bytes, MAX_DEPTH).map(Value::Object).filter(|_| !bytes.is_empty()).ok_or(error)
    })
}

/// `Struct { map<string, Value> fields = 1; }`
fn structure(mut bytes: &[u8], depth: usize) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    while !bytes.is_empty() {
        let Field::Bytes(1, entry) = field(&mut bytes)? else { return None };
        let (key, value) = entry_of(entry, depth.checked_sub(1)?)?;
        map.insert(key, value);
    }
    Some(map)
}

/// A map entry: `key = 1`, `value = 2`, either left out when empty.
fn entry_of(mut bytes: &[u8], depth: usize) -> Option<(String, Value)> {
    let (mut key, mut value) = (String::new(), Value::Null);
    while !bytes.is_empty() {
        match field(&mut bytes)? {
            Field::Bytes(1, text) => key = String::from_utf8(text.into()).ok()?,
            Field::Bytes(2, inner) => value = value_of(inner, depth)?,
            Field::Bytes(..) | Field::Varint(..) | Field::Double(..) => return None,
        }
    }
    Some((key, value))
}

/// `Value { oneof { null = 1; number = 2; string = 3; bool = 4; struct = 5; list = 6; } }`
fn value_of(mut bytes: &[u8], depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let mut value = Value::Null;
    while !bytes.is_empty() {
        value = match field(&mut bytes)? {
            Field::Varint(1, _) => Value::Null,
            Field::Double(2, number) => Value::Number(number_of(number)?),
            Field::Bytes(3, text) => Value::String(String::from_utf8(text.into()).ok()?),
            Field::Varint(4, flag) => Value::Bool(flag != 0),
            Field::Bytes(5, inner) => Value::Object(structure(inner, depth)?),
            Field::Bytes(6, inner) => Value::Array(list(inner, depth)?),
            Field::Bytes(..) | Field::Varint(..) | Field::Double(..) => return None,
        };
    }
    Some(value)
}

/// `ListValue { repeated Value values = 1; }`
fn list(mut bytes: &[u8], depth: usize) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let Field::Bytes(1, value) = field(&mut bytes)? else { return None };
        values.push(value_of(value, depth)?);
    }
    Some(values)
}

/// A Struct's numbers are doubles; a whole one that a double holds exactly is an integer again.
fn number_of(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation)] // whole and in range
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

/// A protobuf field: its number and value.
enum Field<'b> {
    Varint(u64, u64),
    Double(u64, f64),
    Bytes(u64, &'b [u8]),
}

fn field<'b>(bytes: &mut &'b [u8]) -> Option<Field<'b>> {
    let tag = varint(bytes)?;
    match tag & 7 {
        0 => Some(Field::Varint(tag >> 3, varint(bytes)?)),
        1 => {
            let number = f64::from_le_bytes(take(bytes, 8)?.try_into().ok()?);
            Some(Field::Double(tag >> 3, number))
        }
        2 => {
            let len = usize::try_from(varint(bytes)?).ok()?;
            Some(Field::Bytes(tag >> 3, take(bytes, len)?))
        }
        _ => None,
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &mut &'b [u8], len: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Protobuf's encoding of a JSON value, written from the message definitions.
    fn encode(value: &Value) -> Vec<u8> {
        let bytes = |number: u8, inner: Vec<u8>| {
            let mut len = inner.len();
            let mut out = vec![number << 3 | 2];
            while len >= 0x80 {
                out.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
                len >>= 7;
            }
            out.push(u8::try_from(len).unwrap());
            [out, inner].concat()
        };
        match value {
            Value::Null => vec![1 << 3, 0],
            Value::Bool(flag) => vec![4 << 3, u8::from(*flag)],
            Value::Number(n) => {
                [vec![2 << 3 | 1], n.as_f64().unwrap().to_le_bytes().to_vec()].concat()
            }
            Value::String(text) => bytes(3, text.clone().into_bytes()),
            Value::Array(values) => {
                bytes(6, values.iter().flat_map(|value| bytes(1, encode(value))).collect())
            }
            Value::Object(map) => bytes(5, fields(map, &bytes)),
        }
    }

    fn fields(map: &Map<String, Value>, bytes: &dyn Fn(u8, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
        let entry = |(key, value): (&String, &Value)| {
            let entry = [bytes(1, key.clone().into_bytes()), bytes(2, encode(value))].concat();
            bytes(1, entry)
        };
        map.iter().flat_map(entry).collect()
    }

    /// The bytes of a Struct: what an object's value holds after its own tag and length.
    fn as_struct(value: &Value) -> Vec<u8> {
        let encoded = encode(value);
        let mut rest = &encoded[..];
        let Some(Field::Bytes(5, inner)) = field(&mut rest) else { panic!("no object") };
        inner.to_vec()
    }

    #[test]
    fn a_struct_reads_as_the_json_it_was_made_of() {
        let long = "x".repeat(300);
        let value = json!({
            "version": "v1", "n": 10_000, "f": 0.5, "neg": -3, "yes": true, "no": false,
            "nothing": null, "list": ["a", 1, {"b": []}, long], "map": {"é": {}},
        });
        assert_eq!(read(&as_struct(&value)).unwrap(), value);
    }

    #[test]
    fn json_stays_json() {
        assert_eq!(read(b"\n {\"a\": 1}").unwrap(), json!({"a": 1}));
    }

    #[test]
    fn what_is_neither_is_reported_as_json() {
        let whole = as_struct(&json!({"a": {"b": ["c", 1.5]}}));
        for end in 1..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        for bytes in [&b""[..], b"\n", b"{", b"version: v1", b"\n\xff\xff\xff\xff\xff\xff"] {
            assert!(read(bytes).is_err());
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = (0..200).fold(json!(1), |inner, _| json!({"a": inner}));
        let deep = json!({"a": deep});
        assert!(read(&as_struct(&deep)).is_err());
    }
}
