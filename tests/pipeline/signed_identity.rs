//! Signed statements of who a caller is: what is in them, when they are made anew, and that nothing goes
//! upstream unsigned.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::{Expected, KeySet, PortableVerifier, verify_statement};
use claimgate::pipeline::{Passed, Step};
use claimgate::reply::Rejection;
use claimgate::time::Timestamp;
use claimgate::upstream::signed::{NoSigner, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};

use crate::support::*;

const KEY: &str = include_str!("../testdata/keys/p256-1.pem");
const HEADER: &str = "x-claimgate-identity";
const GATEWAY: &str = "https://gateway.test";

fn configured(changes: &Value) -> Value {
    let always = json!([{"name": "all", "allow": {"always": true}}]);
    let mut config = config(json!([route("optional", always, json!({}))]));
    config["identity_headers"] = json!({});
    config["providers"][0]["roles_claim"] = "roles".into();
    config["providers"][0]["jwks"] = json!({"inline": jwks(&[&ONE])});
    config["routes"][0]["identity_audience"] = "orders".into();
    config["signed_identity"] = json!({"issuer": GATEWAY, "key_env": "IDENTITY_KEY"});
    for (pointer, value) in changes.as_object().unwrap() {
        let (around, name) = pointer.rsplit_once('/').unwrap();
        config.pointer_mut(around).unwrap()[name] = value.clone();
    }
    config
}

fn world(changes: &Value) -> World {
    let env = |name: &str| (name == "IDENTITY_KEY").then(|| KEY.to_owned());
    World::in_environment(&configured(changes), &env)
}

/// The headers that a forwarded request gets, and those that it loses.
fn forwarded(step: Step) -> (Vec<(String, String)>, Vec<String>) {
    let Step::Forward(mutations, ..) = step else { panic!("not forwarded: {step:?}") };
    let set = mutations.set.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    (set.collect(), mutations.remove.iter().map(ToString::to_string).collect())
}

fn statement(step: Step) -> Option<String> {
    let (set, _) = forwarded(step);
    let mut values = set.into_iter().filter(|(name, _)| name == HEADER);
    let value = values.next().map(|(_, value)| value);
    assert!(values.next().is_none(), "two of them");
    value
}

fn public() -> KeySet {
    let point = p256::SecretKey::from_pkcs8_pem(KEY).unwrap().public_key().to_sec1_bytes();
    let number = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let key = json!({
        "kty": "EC", "crv": "P-256", "x": number(1), "y": number(33), "use": "sig",
        "alg": "ES256", "kid": SigningKey::from_pem(KEY).unwrap().id(),
    });
    KeySet::default().succeed(json!({"keys": [key]}).to_string().as_bytes()).unwrap()
}

/// What a service reads in it.
fn read(statement: &str, now: Timestamp) -> Value {
    let expected = Expected {
        types: &["claimgate-identity+jwt"],
        issuer: GATEWAY,
        audiences: &["orders".to_owned()],
        clock_skew: Duration::ZERO,
    };
    verify_statement(statement, &expected, &public(), &PortableVerifier, now).unwrap();
    let payload = statement.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_statement_says_who_for_whom_where_and_how_long() {
    let mut world = world(&json!({}));
    let token = ONE.token(&claims(json!({"roles": ["a"]})));
    let said = statement(world.with_token(&token).1).unwrap();
    let mut said = read(&said, world.now);
    assert!(said["jti"].as_str().unwrap().len() > 16);
    said["jti"] = Value::Null;
    let expected = json!({
        "iss": GATEWAY, "aud": "orders", "sub": "alice", "sub_iss": ISSUER, "provider": "idp",
        "method": "GET", "route": "/r", "iat": START, "exp": START + 30, "jti": null,
    });
    assert_eq!(said, expected);
}

#[test]
fn a_statement_says_what_it_is_configured_to() {
    let mut world = world(&json!({
        "/signed_identity/include": {
            "subject": false, "roles": "token", "claims": ["email", "address.city", "gone"],
        },
        "/signed_identity/ttl": "5m",
    }));
    let token = ONE.token(&claims(json!({"roles": ["a", "b"], "address": {"city": "x"}})));
    let said = statement(world.with_token(&token).1).unwrap();
    let said = read(&said, world.now);
    assert_eq!(said["sub"], Value::Null);
    assert_eq!(said["roles"], json!(["a", "b"]));
    assert_eq!(said["claims"], json!({"email": "alice@example.com", "address.city": "x"}));
    assert_eq!(said["exp"], START + 300);
}

#[test]
fn a_statement_is_used_again_until_half_its_life_is_over() {
    let mut world = world(&json!({}));
    let token = ONE.token(&claims(json!({})));
    let ask = |world: &mut World| statement(world.with_token(&token).1).unwrap();
    let first = ask(&mut world);
    world.now = world.now.after(Duration::from_millis(14_999));
    assert_eq!(ask(&mut world), first);
    world.now = world.now.after(Duration::from_millis(1));
    let second = ask(&mut world);
    assert!(second != first);
    assert_eq!(read(&second, world.now)["iat"], START + 15);
}

/// A clock that was ahead has been set right: what it dated is from the future now.
#[test]
fn a_statement_from_the_future_is_made_anew() {
    let mut world = world(&json!({}));
    let token = ONE.token(&claims(json!({"iat": START - 30})));
    let ahead = statement(world.with_token(&token).1).unwrap();
    world.now = Timestamp::from_secs(START - 10);
    let right = statement(world.with_token(&token).1).unwrap();
    assert!(right != ahead);
    assert_eq!(read(&right, world.now)["iat"], START - 10);
}

#[test]
fn a_statement_is_for_one_token_route_and_method() {
    let mut world = world(&json!({"/routes/0/match": {"prefix": "/"}}));
    let [one, two] = ["alice", "bob"].map(|sub| ONE.token(&claims(json!({"sub": sub}))));
    let mut said = |method: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let head = [
            (":method", method),
            (":path", "/r"),
            (":authority", "shop"),
            ("authorization", &*bearer),
        ];
        let now = world.now;
        read(&statement(world.send(&head).1).unwrap(), now)
    };
    let first = said("GET", &one);
    assert_eq!(said("GET", &one)["jti"], first["jti"]);
    let posted = said("POST", &one);
    assert_eq!((&posted["method"], &posted["sub"]), (&json!("POST"), &json!("alice")));
    let others = said("GET", &two);
    assert_eq!(others["sub"], "bob");
    let names = [&first["jti"], &posted["jti"], &others["jti"]];
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
}

#[test]
fn a_statement_of_a_request_is_for_that_request() {
    let mut world = world(&json!({
        "/signed_identity/bind": "request", "/routes/0/match": {"path": "/{one}"},
    }));
    let bearer = format!("Bearer {}", ONE.token(&claims(json!({}))));
    let mut said = |path: &str| {
        let head = [
            (":method", "GET"),
            (":path", path),
            (":authority", "shop"),
            ("authorization", &*bearer),
        ];
        let now = world.now;
        read(&statement(world.send(&head).1).unwrap(), now)
    };
    let (first, second) = (said("/r?secret=1"), said("/r?secret=1"));
    assert_eq!((&first["path"], &first["route"]), (&json!("/r"), &json!("/{one}")));
    assert!(first["jti"] != second["jti"]);
}

#[test]
fn a_statement_ends_with_the_token() {
    let mut world = world(&json!({"/providers/0/clock_skew": "0s"}));
    let token = ONE.token(&claims(json!({"exp": START + 10})));
    let said = statement(world.with_token(&token).1).unwrap();
    assert_eq!(read(&said, world.now)["exp"], START + 10);
}

#[test]
fn roles_in_a_statement_are_those_of_the_decision_that_let_it_pass() {
    let mut world = world(&json!({
        "/signed_identity/include": {"roles": "decision"},
        "/routes/0/rules": [{"name": "permitted", "allow": {"decision": true}}],
    }));
    let token = ONE.token(&claims(json!({})));
    let mut roles_after = |answer: &str| {
        let (stream, step) = world.with_token(&token);
        assert!(matches!(step, Step::Ask(..)), "{step:?}");
        let step = world.answer(stream, 200, None, answer);
        let now = world.now;
        read(&statement(step).unwrap(), now)["roles"].clone()
    };
    assert_eq!(
        roles_after(r#"{"decision":true,"context":{"roles":["a","b"]}}"#),
        json!(["a", "b"])
    );
    // The same token, route and method at the same time: other roles are another statement.
    assert_eq!(roles_after(r#"{"decision":true,"context":{"roles":["a"]}}"#), json!(["a"]));
    assert_eq!(roles_after(r#"{"decision":true,"context":{}}"#), Value::Null);
}

#[test]
fn whoever_has_no_token_is_stated_by_nobody() {
    let mut world = world(&json!({}));
    let head = [(":method", "GET"), (":path", "/r"), (":authority", "shop")];
    assert_eq!(statement(world.send(&head).1), None);
}

#[test]
fn what_a_client_sends_in_our_header_is_dropped_on_every_route() {
    let always = json!([{"name": "all", "allow": {"always": true}}]);
    let public = json!({
        "name": "public", "match": {"path": "/public"}, "token": "none", "rules": always,
    });
    let own = configured(&json!({}))["routes"][0].clone();
    let mut world = world(&json!({"/routes": [own, public]}));
    for path in ["/r", "/public"] {
        for name in ["x-claimgate-identity", "X_Claimgate_Identity"] {
            let head =
                [(":method", "GET"), (":path", path), (":authority", "shop"), (name, "forged")];
            let (set, removed) = forwarded(world.send(&head).1);
            assert_eq!((set.len(), &*removed), (0, &[name.to_owned()][..]), "{path} {name}");
        }
    }
}

#[test]
fn what_cannot_be_signed_is_not_forwarded() {
    let mut world = world(&json!({}));
    assert!(!world.engine.employ(Box::new(NoSigner)));
    let step = world.with_token(&ONE.token(&claims(json!({})))).1;
    assert!(matches!(&step, Step::Reply(Rejection::Unsigned, _)), "{step:?}");
    let head = [(":method", "GET"), (":path", "/r"), (":authority", "shop")];
    assert_eq!(statement(world.send(&head).1), None, "nothing to sign");
}

#[test]
fn a_statement_too_large_for_a_header_is_not_sent_and_neither_is_the_request() {
    let mut world = world(&json!({"/signed_identity/include": {"claims": ["large"]}}));
    let token = ONE.token(&claims(json!({"large": "x".repeat(8_000)})));
    let step = world.with_token(&token).1;
    assert!(matches!(&step, Step::Reply(Rejection::Unsigned, _)), "{step:?}");
}

#[test]
fn a_shadow_states_nobody() {
    let mut world = world(&json!({
        "/routes/0/rules": [{"name": "none", "deny": {"always": true}}],
        "/routes/0/mode": "shadow",
        "/routes/0/until": "2099-01-01",
    }));
    let step = world.with_token(&ONE.token(&claims(json!({})))).1;
    assert!(matches!(&step, Step::Forward(_, Passed::Waived, ..)), "{step:?}");
    assert_eq!(statement(step), None);
}
