//! `google.protobuf.Struct` on the wire, from JSON: how Envoy hands over a configuration that is
//! written into `envoy.yaml`. Written from the message definitions.

use serde_json::{Map, Value};

/// `Struct { map<string, Value> fields = 1; }`
pub(crate) fn structure(map: &Map<String, Value>) -> Vec<u8> {
    let entry = |(name, value): (&String, &Value)| {
        let entry = [bytes(1, name.as_bytes()), bytes(2, &self::value(value))].concat();
        bytes(1, &entry)
    };
    map.iter().flat_map(entry).collect()
}

/// `Value { oneof { null = 1; number = 2; string = 3; bool = 4; struct = 5; list = 6; } }`
fn value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => {
            [vec![2 << 3 | 1], number.as_f64().unwrap().to_le_bytes().to_vec()].concat()
        }
        Value::String(text) => bytes(3, text.as_bytes()),
        Value::Bool(flag) => vec![4 << 3, u8::from(*flag)],
        Value::Object(map) => bytes(5, &structure(map)),
        Value::Array(values) => {
            let values = values.iter().flat_map(|value| bytes(1, &self::value(value)));
            bytes(6, &values.collect::<Vec<_>>())
        }
    }
}

fn bytes(field: u8, inner: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    let mut len = inner.len();
    while len > 0x7f {
        out.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
        len >>= 7;
    }
    out.push(u8::try_from(len).unwrap());
    out.extend_from_slice(inner);
    out
}
