//! Well signed, and not for us, not now, or not what a claim may be.

use serde_json::{Value, json};

use super::{Hostile, World, first, with};
use crate::sign::header;

const ISSUER: &str = "RFC 8725 §3.8: issuers are compared whole";
const AUDIENCE: &str = "RFC 8725 §3.9, RFC 7519 §4.1.3: audiences are compared whole";
const TIME: &str = "RFC 7519 §4.1.4 to §4.1.6: not now";
const DATE: &str = "RFC 7519 §2: a NumericDate is a number, and one that there is";
const TYPE: &str = "RFC 8725 §3.11: a token for another use";
const TEXT: &str = "RFC 7519 §4.1.1 to §4.1.3, §4.1.7: not of its type";
const TWICE: &str = "RFC 7519 §4: claim names must be unique";

pub(super) fn table(world: &World) -> Vec<Hostile> {
    [issuers(world), audiences(world), types(world), texts(world), twice(world)]
        .into_iter()
        .flatten()
        .collect()
}

fn changed(world: &World, why: &'static str, name: &str, value: Value) -> Hostile {
    let token = world.rs256(&header("RS256"), &with(&world.claims(), name, value.clone()));
    Hostile::new(format!("{name} {value}"), why, token)
}

fn issuers(world: &World) -> Vec<Hostile> {
    let issuer = &world.issuer;
    let values = [
        Value::Null,
        json!(""),
        json!("https://elsewhere.test"),
        json!(format!("{issuer}/")),
        json!(format!("{issuer}.elsewhere.test")),
        json!(format!("{issuer}\0")),
        json!(format!(" {issuer}")),
        json!(issuer.to_uppercase()),
        json!(issuer.trim_start_matches("https://").trim_start_matches("http://")),
        json!(&issuer[..issuer.len() - 1]),
        json!([issuer]),
        json!({ "0": issuer }),
        json!(1),
    ];
    values.into_iter().map(|value| changed(world, ISSUER, "iss", value)).collect()
}

fn audiences(world: &World) -> Vec<Hostile> {
    let audience = &world.audience;
    let values = [
        Value::Null,
        json!(""),
        json!([]),
        json!([""]),
        json!([[audience]]),
        json!([{ "aud": audience }]),
        json!({ audience: true }),
        json!({}),
        json!(1),
        json!(true),
        json!("another"),
        json!(["another", "more"]),
        json!(audience.to_uppercase()),
        json!(format!("{audience} ")),
        json!(format!("{audience},another")),
        json!(format!("{audience} another")),
        json!(&audience[..audience.len() - 1]),
        json!("*"),
        json!(format!("{audience}\0")),
    ];
    values.into_iter().map(|value| changed(world, AUDIENCE, "aud", value)).collect()
}

pub(super) fn times(world: &World) -> Vec<Hostile> {
    let now = world.now;
    let mut table = vec![changed(world, TIME, "exp", Value::Null)];
    for exp in [json!(now - 3_600), json!(0), json!(1), json!(0.5), json!((now - 3_600) as f64)] {
        table.push(changed(world, TIME, "exp", exp));
    }
    table.push(changed(world, TIME, "nbf", json!(now + 3_600)));
    table.push(changed(world, TIME, "iat", json!(now + 3_600)));
    let texts = [
        "-1",
        "-1e10",
        "\"4102444800\"",
        "\"\"",
        "true",
        "[4102444800]",
        "{}",
        "1e300",
        "1e19",
        "1000000000000000001",
        "18446744073709551615",
        "18446744073709551616",
        "-18446744073709551616",
        "1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "0x7fffffff",
        "4102444800.",
        ".5",
        "+4102444800",
        "04102444800",
        "4_102_444_800",
    ];
    for text in texts {
        for name in ["exp", "nbf", "iat"] {
            let claims = with(&world.claims(), name, Value::Null);
            let claims = first(&claims, &format!("\"{name}\":{text}"));
            let token = world.parts(world.header_text(), claims);
            table.push(Hostile::new(format!("{name} {text}"), DATE, token));
        }
    }
    table
}

/// What Keycloak and others write into a claim `typ`.
fn types(world: &World) -> Vec<Hostile> {
    let values = ["ID", "Refresh", "Offline", "Logout", "RPT", "Initial-Access", "JWT-ID"];
    values.into_iter().map(|value| changed(world, TYPE, "typ", value.into())).collect()
}

/// Members that are not of their type, whether or not anybody looks at them.
fn texts(world: &World) -> Vec<Hostile> {
    let names = ["iss", "aud", "sub", "jti"];
    let values = ["null", "0", "-1.5", "true", "[]", "[null]", "{}", r#"{"sub":"alice"}"#];
    let token = |name: &str, value: &str| {
        let claims = with(&world.claims(), name, Value::Null);
        world.parts(world.header_text(), first(&claims, &format!("\"{name}\":{value}")))
    };
    let of_name = |name| {
        values.map(|value| Hostile::new(format!("{name} {value}"), TEXT, token(name, value)))
    };
    names.into_iter().flat_map(of_name).collect()
}

fn twice(world: &World) -> Vec<Hostile> {
    let claims = world.claims();
    let members = [
        (r#""exp":1"#, "exp, the first long past"),
        (r#""sub":"admin""#, "sub"),
        (r#""iss":"https://elsewhere.test""#, "iss"),
        (r#""aud":"another""#, "aud"),
        (r#""\u0073ub":"admin""#, "sub, once escaped"),
        (r#""roles":{"a":1,"a":2}"#, "a member of a member"),
    ];
    let mut table: Vec<_> = members
        .into_iter()
        .map(|(member, name)| {
            let token = world.parts(world.header_text(), first(&claims, member));
            Hostile::new(format!("twice: {name}"), TWICE, token)
        })
        .collect();
    for member in [r#""alg":"none""#, r#""alg":"RS256""#, r#""\u0061lg":"none""#, r#""x":1,"x":2"#]
    {
        let token = world.parts(first(&header("RS256"), member), claims.to_string());
        table.push(Hostile::new(format!("header twice: {member}"), "RFC 7515 §4", token));
    }
    table
}
