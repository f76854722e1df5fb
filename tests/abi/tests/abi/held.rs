//! While a request is undecided every callback holds it, and once it is answered they go on to;
//! with `allow_on_headers_stop_iteration` a body would otherwise carry it past the filter.

use claimgate_abi::{Action, Answer, HeaderMap, status};

use crate::gateway::{Gateway, deny, permit, request};
use crate::policy::{demo, without_roles};
use crate::tokens::{Key, jwks};

const TRAILERS: u32 = 1;

fn trailers() -> HeaderMap {
    HeaderMap::new(&[("grpc-status", "0")])
}

#[track_caller]
fn all(gateway: &mut Gateway, stream: u32, action: Action) {
    assert_eq!(gateway.body(stream, 3, false), action);
    assert_eq!(gateway.body(stream, 0, false), action);
    assert_eq!(gateway.body(stream, 1 << 20, true), action);
    assert_eq!(gateway.trailers(stream, trailers()), action);
}

#[test]
fn a_request_that_waits_for_keys_is_held_in_every_callback() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    all(&mut gateway, stream, Action::Pause);
    let call = gateway.fetch();
    all(&mut gateway, stream, Action::Pause);
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.resumed_last(stream);
    all(&mut gateway, stream, Action::Continue);
}

#[test]
fn a_request_that_waits_for_a_decision_is_held_in_every_callback() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    all(&mut gateway, stream, Action::Pause);
    let call = gateway.only_call();
    gateway.answer(call.token, permit(&["user"]));
    gateway.resumed_last(stream);
    all(&mut gateway, stream, Action::Continue);
}

#[test]
fn a_request_that_passed_at_once_goes_on() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(request("/auth/me"));
    all(&mut gateway, stream, Action::Continue);
}

#[test]
fn a_request_that_was_answered_is_held_for_good() {
    let mut gateway = Gateway::warm(&demo());
    let at_once = gateway.send(request("/customers"));
    gateway.refused(at_once, 401);
    all(&mut gateway, at_once, Action::Pause);
    let token = gateway.token();
    let later = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, deny());
    gateway.refused(later, 403);
    all(&mut gateway, later, Action::Pause);
    assert_eq!((gateway.done_to(at_once).len(), gateway.done_to(later).len()), (1, 1));
}

#[test]
fn ticks_and_knocks_that_come_late_change_nothing() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let (allowed, denied) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    for (question, answer) in gateway.in_flight().into_iter().zip([permit(&["user"]), deny()]) {
        gateway.answer(question.token, answer);
    }
    let done = (gateway.done_to(allowed), gateway.done_to(denied));
    let calls = gateway.calls();
    for _ in 0..10 {
        gateway.tick();
        gateway.vm.queue_ready(gateway.root, 1);
        gateway.vm.queue_ready(gateway.root, 77);
        gateway.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!((gateway.done_to(allowed), gateway.done_to(denied)), done);
    assert_eq!(gateway.calls(), calls);
    gateway.close(allowed);
    gateway.close(denied);
    gateway.tick();
}

#[test]
fn trailers_that_cannot_be_cleaned_end_the_request_for_good() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.refuse("proxy_remove_header_map_value", status::BAD_ARGUMENT);
    let spoofed = HeaderMap::new(&[("x-user-roles", "admin")]);
    assert_eq!(gateway.trailers(stream, spoofed), Action::Pause);
    gateway.refused(stream, 500);
    gateway.relent();
    gateway.answer(call.token, permit(&["user"]));
    gateway.refused(stream, 500);
    assert_eq!(gateway.done_to(stream).len(), 1, "answered, and nothing after that");
}

#[test]
fn trailers_of_a_request_that_was_answered_are_no_reason_to_answer_again() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(request("/customers"));
    gateway.refused(stream, 401);
    gateway.refuse("proxy_remove_header_map_value", status::BAD_ARGUMENT);
    let spoofed = HeaderMap::new(&[("x-user-roles", "admin")]);
    assert_eq!(gateway.trailers(stream, spoofed), Action::Pause);
    assert_eq!(gateway.done_to(stream).len(), 1);
}

#[test]
fn trailers_that_cannot_be_read_do_not_go_on() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(request("/auth/me"));
    gateway.refuse_when("proxy_get_header_map_pairs", status::INTERNAL_FAILURE, TRAILERS);
    let spoofed = HeaderMap::new(&[("x-user-roles", "admin")]);
    assert_eq!(gateway.trailers(stream, spoofed), Action::Pause);
    gateway.refused(stream, 500);
}
