//! What is taken as an object, and that it reads as it stands.

use serde_json::Value;

use super::{Members, Object, object_with_list};

fn object(json: &[u8]) -> Option<Value> {
    let object = Object::from_slice(json)?;
    Some(super::Json::Object(object.members()).to_value())
}

#[test]
fn objects_read_as_they_stand() {
    let json = r#"{"a":[1,-2,0.5,"x\u00e9",null,true,{"b":{}}],"c":"d"}"#;
    let plain: Value = serde_json::from_str(json).unwrap();
    assert_eq!(object(json.as_bytes()), Some(plain));
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
    for json in ["", "[]", "\"a\"", "1", "null", "{}{}", "{} x", "\u{feff}{}", "{\"a\":1e999}"] {
        assert_eq!(object(json.as_bytes()), None, "{json}");
    }
}

#[test]
fn a_member_is_found_beside_others_and_not_inside_them() {
    let object = Object::from_slice(br#"{"a":{"x":1,"b":[{"y":2},"z"]},"b":"found","c":{}}"#);
    let object = object.unwrap();
    assert_eq!(object.get("b").unwrap().as_str(), Some("found"));
    assert!(object.get("x").is_none() && object.get("").is_none());
    let inner = object.get("a").and_then(|a| a.get("b")).unwrap();
    assert!(inner.get("y").is_none() && inner.get("").is_none());
    assert!(object.get("c").unwrap().get("b").is_none());
}

#[test]
fn a_member_twice_is_found_among_many() {
    let many = |last: &str| {
        let members: String = (0..3_000).map(|at| format!("\"{at}\":0,")).collect();
        object(format!("{{{members}\"{last}\":0}}").as_bytes())
    };
    assert!(many("other").is_some());
    assert!(many("1234").is_none());
}

#[test]
fn more_than_can_be_told_apart_is_refused() {
    let text = |len: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(len));
    assert!(object(text(65_000).as_bytes()).is_some());
    assert!(object(text(66_000).as_bytes()).is_none());
    let values = |count: usize| format!("{{\"a\":[0{}]}}", ",0".repeat(count));
    assert!(object(values(65_000).as_bytes()).is_some());
    assert!(object(values(66_000).as_bytes()).is_none());
}

#[test]
fn the_members_of_a_long_list_are_handed_over_and_not_kept() {
    let entries: Vec<_> = (0..50_000).map(|n| format!(r#"{{"n":{n},"t":"text"}}"#)).collect();
    let json = format!(r#"{{"a":1,"list":[{}],"b":"two"}}"#, entries.join(","));
    let mut seen = 0;
    let each = &mut |member: Members<'_>| {
        let number = member.get("n").and_then(|n| n.as_number()?.as_u64());
        seen += 1;
        number == Some(seen - 1)
    };
    let object = object_with_list(json.as_bytes(), "list", each).unwrap();
    assert_eq!(seen, 50_000);
    assert_eq!(object.get("b").unwrap().as_str(), Some("two"));
}

#[test]
fn objects_with_a_list_keep_the_rules_of_objects() {
    let read = |json: &str| object_with_list(json.as_bytes(), "list", &mut |_| true).is_some();
    assert!(read(r#"{"list":[{}]}"#) && read("{}") && read(r#"{"list":[]}"#));
    for bad in [
        "",
        "[]",
        "null",
        r#"{"list":{}}"#,
        r#"{"list":null}"#,
        r#"{"list":[1]}"#,
        r#"{"list":[[]]}"#,
        r#"{"list":[{}],"list":[]}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"list":[{"a":1,"a":2}]}"#,
        r#"{"list":[{}]} x"#,
        r#"{"list":[{}"#,
    ] {
        assert!(!read(bad), "{bad}");
    }
    let refused = object_with_list(br#"{"list":[{}]}"#, "list", &mut |_| false);
    assert!(refused.is_none());
}
