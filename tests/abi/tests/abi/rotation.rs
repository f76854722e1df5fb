//! Keys that come and go: an unknown name causes one fetch for everybody, a key that is taken
//! back takes every token with it that it has verified.

use std::time::Duration;

use claimgate_abi::Answer;

use crate::gateway::Gateway;
use crate::policy::without_roles;
use crate::tokens::{Key, claims, jwks};

#[test]
fn an_unknown_key_causes_one_fetch_and_both_who_wait_are_resumed() {
    let mut gateway = Gateway::warm(&without_roles());
    let rotated = Key::two().sign(&claims(gateway.now()));
    let streams = [gateway.get("/products/1", &rotated), gateway.get("/products/2", &rotated)];
    let call = gateway.fetch();
    let known = gateway.get("/products", &gateway.token());
    gateway.forwarded(known);
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one(), &Key::two()])));
    for stream in streams {
        gateway.resumed_last(stream);
    }
    assert_eq!(gateway.calls(), 1);
    let again = gateway.get("/products", &rotated);
    gateway.forwarded(again);
    let old = gateway.get("/products", &gateway.token());
    gateway.forwarded(old);
}

#[test]
fn a_key_that_stays_unknown_is_refused_and_remembered() {
    let mut gateway = Gateway::warm(&without_roles());
    let rotated = Key::two().sign(&claims(gateway.now()));
    let stream = gateway.get("/products", &rotated);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    let reply = gateway.refused(stream, 401);
    assert!(reply.details.ends_with("unknown_key"), "{}", reply.details);
    let again = gateway.get("/products", &rotated);
    gateway.refused(again, 401);
    gateway.deliver_queue();
    assert_eq!(gateway.calls(), 1, "it is remembered");
}

#[test]
fn a_fetch_that_fails_is_not_held_against_the_token() {
    let mut gateway = Gateway::warm(&without_roles());
    let rotated = Key::two().sign(&claims(gateway.now()));
    let stream = gateway.get("/products", &rotated);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(503, "upstream connect error"));
    // Nobody can tell whether the token is good, so it is no 401.
    gateway.unavailable(stream);
}

#[test]
fn a_fetch_that_failed_is_repeated_for_the_next_token_of_its_key() {
    let mut gateway = Gateway::warm(&without_roles());
    let rotated = Key::two().sign(&claims(gateway.now()));
    gateway.get("/products", &rotated);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(503, "upstream connect error"));
    gateway.advance(Duration::from_secs(2));
    let again = gateway.get("/products", &rotated);
    gateway.held(again);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one(), &Key::two()])));
    gateway.resumed_last(again);
}

#[test]
fn who_comes_during_a_fetch_may_cause_one_more() {
    let mut gateway = Gateway::warm(&without_roles());
    gateway.advance(Duration::from_secs(300));
    gateway.tick();
    let refresh = gateway.only_call();
    let rotated = Key::two().sign(&claims(gateway.now()));
    let stream = gateway.get("/products", &rotated);
    gateway.deliver_queue();
    gateway.answer(refresh.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.held(stream);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one(), &Key::two()])));
    gateway.resumed_last(stream);
}

#[test]
fn a_key_that_is_taken_back_takes_its_tokens_with_it() {
    let mut gateway = Gateway::publishing(&without_roles(), &[&Key::one(), &Key::two()]);
    let mut long = claims(gateway.now());
    long["exp"] = (gateway.now() + 3_600).into();
    let (kept, dropped) = (Key::two().sign(&long), Key::one().sign(&long));
    for token in [&kept, &dropped] {
        let stream = gateway.get("/products", token);
        gateway.forwarded(stream);
    }
    gateway.advance(Duration::from_secs(300));
    gateway.tick();
    let call = gateway.only_call();
    let stream = gateway.get("/products", &dropped);
    gateway.forwarded(stream);
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::two()])));
    let stream = gateway.get("/products", &dropped);
    gateway.held(stream);
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::two()])));
    gateway.refused(stream, 401);
    let stream = gateway.get("/products", &kept);
    gateway.forwarded(stream);
}

#[test]
fn a_key_of_the_same_name_and_other_numbers_is_another_key() {
    let mut gateway = Gateway::warm(&without_roles());
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    gateway.forwarded(stream);
    gateway.advance(Duration::from_secs(299));
    let mut fresh = claims(gateway.now());
    fresh["jti"] = "replaced".into();
    let (old, new) = (Key::one().sign(&fresh), Key::foreign().sign(&fresh));
    gateway.advance(Duration::from_secs(1));
    gateway.tick();
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::foreign()])));
    let stream = gateway.get("/products", &new);
    gateway.forwarded(stream);
    let stream = gateway.get("/products", &old);
    gateway.refused(stream, 401);
}
