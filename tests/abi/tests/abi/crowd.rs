//! Many who wait at once: all are served, and there is a bound.

use claimgate_abi::Answer;

use crate::gateway::{Gateway, permit};
use crate::policy::{demo, without_roles};
use crate::tokens::{Key, jwks};

/// Requests that one VM lets wait.
const ROOM: usize = 4096;

#[test]
fn three_thousand_who_wait_for_keys_are_all_resumed_once() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..3_000).map(|_| gateway.get("/products", &token)).collect();
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    assert_eq!(gateway.calls(), 1);
    assert_eq!(gateway.counted("claimgate.allowed"), streams.len());
    for stream in streams {
        assert!(!gateway.forwarded(stream).has("authorization"));
        gateway.close(stream);
    }
}

#[test]
fn three_thousand_who_wait_for_keys_that_do_not_come_are_all_refused() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..3_000).map(|_| gateway.get("/products", &token)).collect();
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(503, "upstream connect error"));
    assert_eq!(gateway.counted("claimgate.no_keys"), streams.len());
    for stream in streams.iter().step_by(97) {
        gateway.unavailable(*stream);
    }
}

#[test]
fn beyond_the_room_requests_are_refused_and_room_comes_back() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..ROOM).map(|_| gateway.get("/products", &token)).collect();
    let beyond = gateway.get("/products", &token);
    let reply = gateway.unavailable(beyond);
    assert!(reply.details.ends_with("overloaded"), "{}", reply.details);
    gateway.close(streams[0]);
    let next = gateway.get("/products", &token);
    gateway.held(next);
    let beyond = gateway.get("/products", &token);
    gateway.unavailable(beyond);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    assert_eq!(gateway.counted("claimgate.allowed"), ROOM);
    gateway.forwarded(next);
}

#[test]
fn beyond_the_room_nobody_is_asked() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let streams: Vec<_> = (0..ROOM).map(|_| gateway.get("/customers", &token)).collect();
    let asked = gateway.calls();
    let beyond = gateway.get("/customers", &token);
    gateway.unavailable(beyond);
    assert_eq!(gateway.calls(), asked);
    let call = gateway.in_flight().remove(0);
    gateway.answer(call.token, permit(&["user"]));
    gateway.resumed_last(streams[0]);
}
