//! Identity that a client made up never gets upstream, however it is spelt and wherever it stands.

use claimgate_abi::{Action, Answer, HeaderMap};

use crate::gateway::{Gateway, permit, request};
use crate::policy::demo;
use crate::tokens::{Key, jwks};

/// Spellings that some server somewhere reads as one of ours.
const SPELLINGS: [&str; 16] = [
    "x-user-roles",
    "X-User-Roles",
    "X-USER-ROLES",
    "x_user_roles",
    "x-user_roles",
    "X_User-Roles",
    "x-user-email",
    "x_user_email",
    "X-User_Email",
    "x-user-name",
    "x_user-name",
    "x-email-verified",
    "X_EMAIL_VERIFIED",
    "x-envoy-original-path",
    "x_envoy_original_path",
    "X-Envoy_Original-Path",
];

fn spoof(mut headers: HeaderMap) -> HeaderMap {
    for name in SPELLINGS {
        headers.push(name, "admin");
        headers.push(name, "again");
    }
    headers.with("x-user", "mine").with("x-user-roles-2", "mine").with("my-x-user-roles", "mine")
}

#[track_caller]
fn clean(headers: &HeaderMap) {
    let ours: Vec<_> = SPELLINGS
        .iter()
        .filter(|name| headers.has(name) && headers.text(name).as_deref() == Some("admin"))
        .collect();
    assert!(ours.is_empty(), "{ours:?} went upstream");
    for name in ["x-user", "x-user-roles-2", "my-x-user-roles"] {
        assert_eq!(headers.text(name).as_deref(), Some("mine"), "{name} is not ours");
    }
}

#[test]
fn headers_of_an_anonymous_request_are_cleaned() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(spoof(request("/auth/me")));
    let headers = gateway.forwarded(stream);
    clean(&headers);
    assert_eq!(headers.text("x-user-roles").as_deref(), Some("guest"));
    assert!(!headers.has("x-user-email"));
}

#[test]
fn headers_are_cleaned_where_no_token_is_read_too() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(spoof(request("/auth/realms/api-gateway-poc/x")));
    let headers = gateway.forwarded(stream);
    clean(&headers);
    assert!(!headers.has("x-user-roles"));
}

#[test]
fn headers_of_a_request_that_waited_are_cleaned() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let bearer = format!("Bearer {token}");
    let stream = gateway.send(spoof(request("/customers").with("authorization", bearer)));
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    let call = gateway.only_call();
    assert!(!call.body.contains("admin"));
    gateway.answer(call.token, permit(&["user"]));
    gateway.resumed_last(stream);
    let headers = gateway.forwarded(stream);
    clean(&headers);
    assert_eq!(headers.text("x-user-roles").as_deref(), Some("user"));
    assert_eq!(headers.text("x-user-email").as_deref(), Some("ada@example.com"));
}

#[test]
fn without_roles_from_anybody_there_is_no_roles_header() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let bearer = format!("Bearer {token}");
    let stream = gateway.send(spoof(request("/products").with("authorization", bearer)));
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(503, ""));
    let headers = gateway.forwarded(stream);
    clean(&headers);
    assert!(!headers.has("x-user-roles"));
}

#[test]
fn trailers_are_cleaned_before_and_after_the_decision() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let (waits, asks) = (gateway.get("/customers", &token), gateway.in_flight());
    assert_eq!(gateway.trailers(waits, spoof(HeaderMap::default())), Action::Pause);
    clean(&gateway.request_trailers(waits));
    gateway.answer(asks[0].token, permit(&["user"]));
    gateway.forwarded(waits);
    let passed = gateway.send(request("/auth/me"));
    assert_eq!(gateway.trailers(passed, spoof(HeaderMap::default())), Action::Continue);
    let trailers = gateway.request_trailers(passed);
    clean(&trailers);
    assert!(!trailers.has("x-user-roles"));
}
