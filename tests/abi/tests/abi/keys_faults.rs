//! Keys that cannot be had: those who wait are answered 503, once, and a later fetch works again.

use std::time::Duration;

use claimgate_abi::{Answer, status};

use crate::gateway::Gateway;
use crate::policy::without_roles;
use crate::tokens::{Key, jwks};

const HTML: &str = "<!doctype html><title>Sign in</title>";

/// After a fetch has failed: who waited got 503, so does who comes at once, and after a pause one
/// more fetch serves again.
#[track_caller]
fn recovers(gateway: &mut Gateway, waited: &[u32]) {
    for stream in waited {
        gateway.unavailable(*stream);
    }
    let token = gateway.token();
    let early = gateway.get("/products", &token);
    gateway.unavailable(early);
    gateway.deliver_queue();
    gateway.tick();
    assert_eq!(gateway.in_flight(), [], "too early for another fetch");
    gateway.advance(Duration::from_secs(1));
    let later = gateway.get("/products", &token);
    gateway.held(later);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.resumed_last(later);
}

#[test]
fn any_answer_that_is_no_key_set_refuses_and_recovers() {
    let big = format!("{{\"keys\":[],\"x\":\"{}\"}}", "y".repeat(3 << 20));
    let answers = [
        Answer::new(500, "oops"),
        Answer::new(404, jwks(&[&Key::one()])),
        Answer::new(302, "").with("location", "http://elsewhere/"),
        Answer::new(503, "upstream connect error or disconnect/reset before headers."),
        Answer::new(504, "upstream request timeout"),
        Answer::broken(),
        Answer::new(200, HTML),
        Answer::new(200, ""),
        Answer::new(200, b"\xff\xfe"),
        Answer::new(200, "{\"keys\":[]}"),
        Answer::new(200, "{\"keys\":{}}"),
        Answer::new(200, big),
        Answer { headers: claimgate_abi::HeaderMap::new(&[("x", "no status")]), body: None },
        Answer { headers: claimgate_abi::HeaderMap::new(&[(":status", "200")]), body: None },
        Answer { headers: claimgate_abi::HeaderMap::new(&[(":status", "2OO")]), body: None },
    ];
    for answer in answers {
        let mut gateway = Gateway::cold(&without_roles());
        let token = gateway.token();
        let waiting = [gateway.get("/products", &token), gateway.get("/customers", &token)];
        let call = gateway.fetch();
        gateway.answer(call.token, answer);
        recovers(&mut gateway, &waiting);
    }
}

#[test]
fn a_call_that_is_refused_refuses_and_recovers() {
    for status in [status::INTERNAL_FAILURE, status::BAD_ARGUMENT] {
        let mut gateway = Gateway::cold(&without_roles());
        let token = gateway.token();
        let waiting = [gateway.get("/products", &token), gateway.get("/customers", &token)];
        gateway.refuse("proxy_http_call", status);
        gateway.deliver_queue();
        gateway.relent();
        recovers(&mut gateway, &waiting);
    }
}

#[test]
fn a_cluster_that_is_not_there_refuses() {
    let mut gateway = Gateway::cold(&without_roles());
    gateway.remove_cluster("idp");
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    gateway.deliver_queue();
    gateway.unavailable(stream);
}

#[test]
fn a_fetch_that_is_never_answered_is_given_up_by_a_tick() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    let lost = gateway.fetch();
    gateway.advance(Duration::from_millis(1_500));
    gateway.tick();
    gateway.held(stream);
    gateway.advance(Duration::from_millis(500));
    gateway.tick();
    gateway.unavailable(stream);
    gateway.answer(lost.token, Answer::new(504, "upstream request timeout"));
    gateway.tick();
    gateway.forget_effects();
    gateway.advance(Duration::from_secs(2));
    let later = gateway.get("/products", &token);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.resumed_last(later);
}

#[test]
fn a_late_answer_to_a_lost_fetch_changes_nothing() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    let lost = gateway.fetch();
    gateway.advance(Duration::from_secs(2));
    gateway.tick();
    gateway.unavailable(stream);
    gateway.advance(Duration::from_secs(1));
    let next = gateway.get("/products", &token);
    gateway.deliver_queue();
    gateway.answer(lost.token, Answer::new(200, jwks(&[&Key::foreign()])));
    gateway.held(next);
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.resumed_last(next);
}

#[test]
fn last_good_keys_serve_until_they_are_too_old() {
    let mut policy = without_roles();
    policy["providers"][0]["jwks"]["max_stale"] = "1h".into();
    let mut gateway = Gateway::warm(&policy);
    gateway.advance(Duration::from_secs(300));
    gateway.tick();
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(200, HTML));
    gateway.advance(Duration::from_secs(3_599));
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    gateway.forwarded(stream);
    gateway.advance(Duration::from_secs(2));
    let stream = gateway.get("/products", &token);
    gateway.held(stream);
    gateway.refuse("proxy_http_call", status::INTERNAL_FAILURE);
    gateway.deliver_queue();
    gateway.unavailable(stream);
}
