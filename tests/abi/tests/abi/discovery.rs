//! Keys that the issuer's discovery document names: two calls, one fetch, and no way elsewhere.

use claimgate_abi::{Answer, status};
use serde_json::{Value, json};

use crate::gateway::Gateway;
use crate::policy::{ISSUER, without_roles};
use crate::tokens::{Key, jwks};

/// A policy whose keys are found by discovery.
fn discovering() -> Value {
    let mut policy = without_roles();
    let provider = policy["providers"][0].as_object_mut().unwrap();
    provider.remove("jwks");
    provider.insert("issuer".into(), ISSUER.into());
    provider.insert("discovery".into(), json!({"cluster": "idp", "timeout": "1s"}));
    policy
}

fn home() -> String {
    let issuer = ISSUER;
    issuer.split('/').take(3).collect::<Vec<_>>().join("/")
}

#[test]
fn discovery_is_two_calls_of_the_root_and_one_fetch() {
    let mut gateway = Gateway::cold(&discovering());
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    let call = gateway.fetch();
    let path = call.headers.text(":path").unwrap();
    assert!(path.ends_with("/.well-known/openid-configuration"), "{path}");
    let uri = format!("{}/somewhere/keys", home());
    let document = json!({"issuer": ISSUER, "jwks_uri": uri}).to_string();
    gateway.answer(call.token, Answer::new(200, document));
    gateway.held(stream);
    let call = gateway.only_call();
    assert_eq!((call.cluster.as_str(), call.by), ("idp", gateway.root));
    assert_eq!(call.headers.text(":path").as_deref(), Some("/somewhere/keys"));
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.resumed_last(stream);
    assert_eq!(gateway.counted("claimgate.jwks_fetches"), 1);
}

#[test]
fn a_discovery_document_that_leads_elsewhere_is_not_followed() {
    let documents = [
        (json!({"issuer": ISSUER, "jwks_uri": "http://evil.test/keys"}), "jwks_uri_foreign_host"),
        (
            json!({"issuer": "http://evil.test", "jwks_uri": format!("{}/k", home())}),
            "discovery_issuer",
        ),
        (json!({"issuer": ISSUER}), "discovery_malformed"),
    ];
    for (document, reason) in documents {
        let mut gateway = Gateway::cold(&discovering());
        let stream = gateway.get("/products", &gateway.token());
        let call = gateway.fetch();
        gateway.answer(call.token, Answer::new(200, document.to_string()));
        gateway.unavailable(stream);
        assert_eq!(gateway.in_flight(), []);
        let failed = format!(".failed.{reason}");
        assert!(gateway.defined_metrics().iter().any(|name| name.ends_with(&failed)), "{reason}");
    }
}

#[test]
fn a_second_call_that_is_refused_ends_the_fetch() {
    let mut gateway = Gateway::cold(&discovering());
    let stream = gateway.get("/products", &gateway.token());
    let call = gateway.fetch();
    gateway.refuse("proxy_http_call", status::INTERNAL_FAILURE);
    let uri = format!("{}/keys", home());
    let document = json!({"issuer": ISSUER, "jwks_uri": uri}).to_string();
    gateway.answer(call.token, Answer::new(200, document));
    gateway.unavailable(stream);
}
