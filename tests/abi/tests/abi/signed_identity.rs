//! Statements signed by the host: only where it signs well, and nothing goes upstream without one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate_abi::Vm;
use serde_json::{Value, json};

use crate::gateway::{Gateway, request};
use crate::policy::{CLUSTERS, demo};
use crate::tokens::{Key, jwks};

const HEADER: &str = "x-claimgate-identity";
const KEY: &str = include_str!("../../../testdata/keys/p256-1.pem");
const OTHER_KEY: &str = include_str!("../../../testdata/keys/p256-2.pem");

fn policy() -> Value {
    let mut policy = demo();
    policy["identity_headers"] = json!({});
    policy["providers"][0]["jwks"] = json!({"inline": jwks(&[&Key::one()])});
    policy["signed_identity"] = json!({"issuer": "gateway", "key_env": "IDENTITY_KEY"});
    policy["routes"][0]["identity_audience"] = "customers".into();
    policy
}

/// A root under the policy, in a host that is as `change` makes it.
fn configured(key: &str, change: impl FnOnce(&mut Vm)) -> (Gateway, bool) {
    let mut vm = Vm::start_with(&CLUSTERS, &[("IDENTITY_KEY", key)]);
    change(&mut vm);
    let (root, accepted) = vm.root(policy().to_string().as_bytes());
    (Gateway { vm, root }, accepted)
}

#[test]
fn what_the_host_signs_goes_upstream() {
    let (mut gateway, accepted) = configured(KEY, |vm| vm.sign(true));
    assert!(accepted, "{:?}", gateway.logs());
    let token = gateway.token();
    let said = |gateway: &mut Gateway| {
        let stream = gateway.get("/customers/health", &token);
        gateway.forwarded(stream).text(HEADER).expect("a statement")
    };
    let first = said(&mut gateway);
    let parts: Vec<_> = first.split('.').collect();
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let payload: Value = serde_json::from_slice(&decoded(parts[1])).unwrap();
    assert_eq!((&payload["aud"], &payload["iss"]), (&json!("customers"), &json!("gateway")));
    assert_eq!(decoded(parts[2]).len(), 64);
    assert_eq!(said(&mut gateway), first);
    // What was signed is used again; once it has to be renewed and cannot be, nothing goes on.
    gateway.sign(false);
    assert_eq!(said(&mut gateway), first);
    gateway.advance(std::time::Duration::from_secs(16));
    let stream = gateway.get("/customers/health", &token);
    gateway.refused(stream, 500);
    gateway.sign(true);
    assert!(said(&mut gateway) != first);
}

#[test]
fn a_forged_statement_is_taken_out() {
    let (mut gateway, _) = configured(KEY, |vm| vm.sign(true));
    let stream = gateway.send(request("/auth/realms/api-gateway-poc").with(HEADER, "forged"));
    assert_eq!(gateway.forwarded(stream).text(HEADER), None);
    let bearer = format!("Bearer {}", gateway.token());
    let head = request("/customers/health").with(HEADER, "forged").with("authorization", bearer);
    let stream = gateway.send(head);
    assert!(gateway.forwarded(stream).text(HEADER).is_some_and(|value| value != "forged"));
}

#[test]
fn a_host_that_does_not_sign_or_signs_nonsense_is_refused() {
    let lies: [&[u8]; 7] = [
        b"",
        b"\x08\x01",
        b"\x08\x01\x12\x00",
        b"\x08\x01\x12\x08\x30\x06\x02\x01\x01\x02\x01\x01",
        b"\x08\x01\x12\x7f\x30\x06",
        b"\x1a\x05wrong",
        &[0xff; 200],
    ];
    let (gateway, accepted) = configured(KEY, |_| ());
    assert!(!accepted);
    let log = gateway.logs().join("\n");
    assert!(log.contains("signed_identity: the host does not sign"), "{log}");
    for lie in lies {
        let (_, accepted) = configured(KEY, |vm| vm.answer_foreign(lie));
        assert!(!accepted, "{lie:?}");
    }
}

#[test]
fn no_key_reaches_a_log() {
    let halves = KEY.lines().nth(1).unwrap();
    // Two halves of two keys: a text like a key, which is none.
    let mixed = OTHER_KEY.replace(OTHER_KEY.lines().nth(1).unwrap(), halves);
    for key in [KEY, "not a key at all", &mixed] {
        let (gateway, accepted) = configured(key, |vm| vm.sign(true));
        assert_eq!(accepted, key == KEY);
        let log = gateway.logs().join("\n");
        assert!(!log.contains(halves) && !log.contains("not a key"), "{log}");
    }
}
