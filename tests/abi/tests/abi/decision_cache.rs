//! Decisions that may be kept, for whom and for how long.

use std::time::Duration;

use claimgate_abi::Answer;
use serde_json::json;

use crate::gateway::{Gateway, deny, permit};
use crate::policy::demo;
use crate::tokens::{Key, claims};

/// A gateway that has asked about the ordinary token on `/customers` and got this answer.
fn having(answer: Answer) -> Gateway {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, answer);
    gateway.forget_effects();
    gateway
}

/// How many questions a request like the first one causes now.
fn questions(gateway: &mut Gateway) -> usize {
    let before = gateway.calls();
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let asked = gateway.calls() - before;
    if asked > 0 {
        gateway.held(stream);
        gateway.close(stream);
    }
    asked
}

#[test]
fn an_answer_serves_for_as_long_as_it_says() {
    let mut gateway = having(permit(&["user"]).with("cache-control", "max-age=60"));
    gateway.advance(Duration::from_secs(59));
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    assert_eq!(gateway.forwarded(stream).text("x-user-roles").as_deref(), Some("user"));
    assert_eq!(gateway.calls(), 0);
    gateway.advance(Duration::from_secs(1));
    assert_eq!(questions(&mut gateway), 1);
}

#[test]
fn a_no_is_kept_like_a_yes() {
    let mut gateway = having(deny().with("cache-control", "max-age=60"));
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.refused(stream, 403);
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn without_permission_nothing_is_kept() {
    let yes = || permit(&["user"]);
    let answers = [
        yes(),
        yes().with("cache-control", "no-store"),
        yes().with("cache-control", "no-store, max-age=60"),
        yes().with("cache-control", "max-age=60").with("cache-control", "no-store"),
        yes().with("cache-control", "private, max-age=60"),
        yes().with("cache-control", "max-age=0"),
        yes().with("cache-control", "max-age=-1"),
        yes().with("cache-control", "max-age=x"),
        yes().with("cache-control", b"max-age=60, \xff"),
        Answer::new(503, "{\"decision\":true}").with("cache-control", "max-age=60"),
        Answer::new(404, "{\"decision\":true}").with("cache-control", "max-age=60"),
        Answer::new(200, "{}").with("cache-control", "max-age=60"),
    ];
    for answer in answers {
        let said = format!("{:?}", answer.headers);
        assert_eq!(questions(&mut having(answer)), 1, "{said}");
    }
}

#[test]
fn the_policy_bounds_what_an_answer_may_ask_for() {
    let mut gateway = having(permit(&["user"]).with("cache-control", "max-age=86400"));
    gateway.advance(Duration::from_secs(298));
    assert_eq!(questions(&mut gateway), 0);
    gateway.advance(Duration::from_secs(2));
    assert_eq!(questions(&mut gateway), 1);
}

#[test]
fn no_decision_outlives_the_token_it_was_made_for() {
    let mut gateway = Gateway::warm(&demo());
    let mut short = claims(gateway.now());
    short["exp"] = (gateway.now() + 10).into();
    let short = Key::one().sign(&short);
    gateway.get("/customers", &short);
    let call = gateway.only_call();
    gateway.answer(call.token, permit(&["user"]).with("cache-control", "max-age=300"));
    gateway.advance(Duration::from_secs(9));
    let stream = gateway.get("/customers", &short);
    gateway.forwarded(stream);
    assert_eq!(questions(&mut gateway), 0, "another token of the same subject");
    gateway.advance(Duration::from_secs(1));
    let stream = gateway.get("/customers", &short);
    gateway.refused(stream, 401);
    assert_eq!(questions(&mut gateway), 1);
}

#[test]
fn another_question_is_another_decision() {
    let mut gateway = having(permit(&["user"]).with("cache-control", "max-age=60"));
    let now = gateway.now();
    let other = |name: &str, value: serde_json::Value| {
        let mut claims = claims(now);
        claims[name] = value;
        Key::one().sign(&claims)
    };
    let (subject, email) = (other("sub", json!("someone")), other("email", json!("e@x.org")));
    let unasked = other("name", json!("Another Name"));
    for token in [subject, email] {
        let stream = gateway.get("/customers", &token);
        gateway.held(stream);
        gateway.close(stream);
    }
    let token = gateway.token();
    let stream = gateway.get("/customers/7", &token);
    gateway.held(stream);
    let stream = gateway.get("/customers", &unasked);
    assert_eq!(gateway.forwarded(stream).text("x-user-name").as_deref(), Some("Another Name"));
}

#[test]
fn a_new_configuration_begins_without_decisions() {
    let mut gateway = having(permit(&["user"]).with("cache-control", "max-age=60"));
    let (second, accepted) = gateway.vm.root(demo().to_string().as_bytes());
    assert!(accepted);
    gateway.root = second;
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.held(stream);
    assert_eq!(gateway.only_call().cluster, "authz-service", "asked again, with the same keys");
}
