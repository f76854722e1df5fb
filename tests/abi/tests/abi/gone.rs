//! Streams that end while they wait: nothing happens to them, nothing happens to the others, and
//! an answer that comes later is nobody's.

use claimgate_abi::{Answer, Effect};

use crate::gateway::{Gateway, permit};
use crate::policy::{demo, without_roles};
use crate::tokens::{Key, jwks};

fn keys() -> Answer {
    Answer::new(200, jwks(&[&Key::one()]))
}

fn touched(gateway: &Gateway, stream: u32) -> bool {
    gateway.effects().iter().any(|effect: &Effect| effect.stream() == Some(stream))
}

#[test]
fn a_stream_that_leaves_before_keys_come_is_left_alone() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..3).map(|_| gateway.get("/products", &token)).collect();
    let call = gateway.fetch();
    gateway.close(streams[1]);
    gateway.answer(call.token, keys());
    gateway.resumed_last(streams[0]);
    gateway.resumed_last(streams[2]);
    assert!(!touched(&gateway, streams[1]));
}

#[test]
fn when_all_have_left_the_keys_are_kept_for_the_next() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..3).map(|_| gateway.get("/products", &token)).collect();
    let call = gateway.fetch();
    for stream in streams {
        gateway.close(stream);
    }
    gateway.answer(call.token, keys());
    let next = gateway.get("/products", &token);
    gateway.forwarded(next);
    assert_eq!(gateway.calls(), 1);
}

#[test]
fn a_stream_that_leaves_before_the_root_was_told_causes_no_harm() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    gateway.close(stream);
    gateway.deliver_queue();
    for call in gateway.in_flight() {
        gateway.answer(call.token, keys());
    }
    let next = gateway.get("/products", &token);
    if gateway.deliver_queue() > 0 {
        let call = gateway.only_call();
        gateway.answer(call.token, keys());
    }
    gateway.forwarded(next);
}

#[test]
fn a_stream_the_host_no_longer_knows_is_skipped() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..3).map(|_| gateway.get("/products", &token)).collect();
    let call = gateway.fetch();
    gateway.vanish(streams[0]);
    gateway.vanish(streams[1]);
    gateway.answer(call.token, keys());
    gateway.resumed_last(streams[2]);
    assert!(!touched(&gateway, streams[0]) && !touched(&gateway, streams[1]));
    gateway.tick();
}

#[test]
fn a_stream_the_host_no_longer_knows_is_not_refused_either() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let (dead, alive) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.fetch();
    gateway.vanish(dead);
    gateway.answer(call.token, Answer::new(500, ""));
    gateway.unavailable(alive);
    assert!(!touched(&gateway, dead));
}

#[test]
fn a_stream_that_leaves_before_its_decision_leaves_the_question_to_the_root() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let (leaves, stays) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let lost = gateway.only_call();
    assert_eq!(lost.by, leaves);
    gateway.close(leaves);
    // Envoy goes on with the call, and the SDK drops its answer.
    gateway.answer(lost.token, permit(&["admin"]).with("cache-control", "max-age=60"));
    gateway.held(stays);
    gateway.deliver_queue();
    let call = gateway.only_call();
    assert_eq!((call.by, &call.body, call.timeout), (gateway.root, &lost.body, 250));
    gateway.answer(call.token, permit(&["user"]).with("cache-control", "max-age=60"));
    gateway.resumed_last(stays);
    assert_eq!(gateway.forwarded(stays).text("x-user-roles").as_deref(), Some("user"));
    assert!(!touched(&gateway, leaves));
}

#[test]
fn a_decision_asked_for_when_keys_came_is_nobodys_in_particular() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let (first, second) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.fetch();
    gateway.answer(call.token, keys());
    gateway.close(first);
    for question in gateway.in_flight() {
        gateway.answer(question.token, permit(&["user"]));
    }
    gateway.resumed_last(second);
    assert!(!touched(&gateway, first));
}

#[test]
fn when_all_are_gone_nothing_is_left_behind() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    for _ in 0..50 {
        let stream = gateway.get("/customers", &token);
        gateway.close(stream);
    }
    let call = gateway.fetch();
    gateway.answer(call.token, keys());
    gateway.forget_effects();
    gateway.tick();
    gateway.deliver_queue();
    assert_eq!(gateway.effects(), []);
}
