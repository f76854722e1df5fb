//! One question at a time: who makes its call, who goes on with its answer, and what becomes of it
//! when whoever asked is gone, no connection can be had, or nobody answers.

use std::time::Duration;

use claimgate_abi::{Answer, Fate, status};
use serde_json::{Value, json};

use crate::gateway::{Gateway, deny, permit};
use crate::policy::demo;
use crate::tokens::{Key, claims};

const NO_CONNECTION: &str = "upstream connect error or disconnect/reset before headers. reset \
                             reason: remote connection failure";

/// The demo's policy with more settings of its decision point.
fn with(name: &str, settings: Value) -> Value {
    let mut policy = demo();
    let known = &mut policy["authorization"][0][name];
    match settings {
        Value::Object(members) if known.is_object() => {
            known.as_object_mut().unwrap().extend(members);
        }
        settings => *known = settings,
    }
    policy
}

fn kept() -> Answer {
    permit(&["user"]).with("cache-control", "max-age=60")
}

fn no_connection() -> Answer {
    Answer::new(503, NO_CONNECTION)
}

fn token_of(gateway: &Gateway, subject: &str) -> String {
    let mut claims = claims(gateway.now());
    claims["sub"] = json!(subject);
    Key::one().sign(&claims)
}

#[test]
fn two_hundred_who_ask_the_same_cause_one_call_and_are_all_resumed_by_its_answer() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let streams: Vec<_> = (0..200).map(|_| gateway.get("/customers", &token)).collect();
    let call = gateway.only_call();
    assert_eq!(call.by, streams[0]);
    gateway.answer(call.token, permit(&["user"]));
    for stream in &streams {
        gateway.resumed_last(*stream);
    }
    gateway.tick();
    assert_eq!((gateway.calls(), gateway.counted("claimgate.decisions_asked")), (1, 1));
    assert_eq!(gateway.counted("claimgate.authorization.authz.shared"), 199);
}

#[test]
fn all_who_wait_are_refused_when_it_says_no() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let streams: Vec<_> = (0..20).map(|_| gateway.get("/customers", &token)).collect();
    let call = gateway.only_call();
    gateway.answer(call.token, deny());
    for stream in streams {
        gateway.refused(stream, 403);
    }
}

#[test]
fn with_nobody_left_the_answer_is_kept_for_the_next() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.close(stream);
    gateway.deliver_queue();
    let [lost, call] = &gateway.in_flight()[..] else { panic!("{:?}", gateway.in_flight()) };
    let (lost, call) = (lost.token, call.token);
    gateway.answer(call, kept());
    gateway.answer(lost, deny());
    let next = gateway.get("/customers", &token);
    gateway.forwarded(next);
    gateway.tick();
    assert_eq!(gateway.counted("claimgate.authorization.authz.repeated"), 1);
}

#[test]
fn who_comes_between_waits_for_the_roots_call() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let leaves = gateway.get("/customers", &token);
    gateway.close(leaves);
    let before = gateway.get("/customers", &token);
    gateway.deliver_queue();
    let after = gateway.get("/customers", &token);
    assert_eq!(gateway.calls(), 2, "the lost one, and one for both");
    let call = gateway.in_flight().pop().unwrap();
    gateway.answer(call.token, kept());
    gateway.resumed_last(before);
    gateway.resumed_last(after);
}

#[test]
fn without_a_queue_the_tick_makes_the_call() {
    for function in ["proxy_enqueue_shared_queue", "proxy_dequeue_shared_queue"] {
        let mut gateway = Gateway::warm(&demo());
        gateway.refuse(function, status::INTERNAL_FAILURE);
        let token = gateway.token();
        let (leaves, stays) =
            (gateway.get("/customers", &token), gateway.get("/customers", &token));
        gateway.close(leaves);
        gateway.tick();
        let call = gateway.in_flight().pop().unwrap();
        assert_eq!(call.by, gateway.root);
        gateway.answer(call.token, kept());
        gateway.resumed_last(stays);
    }
}

#[test]
fn waiters_that_the_host_no_longer_knows_are_skipped() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let streams: Vec<_> = (0..4).map(|_| gateway.get("/customers", &token)).collect();
    gateway.vanish(streams[1]);
    gateway.close(streams[2]);
    let call = gateway.only_call();
    gateway.answer(call.token, kept());
    gateway.resumed_last(streams[0]);
    gateway.resumed_last(streams[3]);
    assert!(gateway.done_to(streams[1]).is_empty() && gateway.done_to(streams[2]).is_empty());
}

#[test]
fn a_connection_that_fails_is_tried_once_more_in_the_time_that_is_left() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let (first, other) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.only_call();
    gateway.advance(Duration::from_millis(100));
    gateway.answer(call.token, no_connection());
    gateway.held(first);
    let second = gateway.only_call();
    assert_eq!((second.timeout, &second.body), (150, &call.body));
    gateway.answer(second.token, kept());
    gateway.resumed_last(first);
    gateway.resumed_last(other);
    // Once, and not when all the time is gone.
    let token = token_of(&gateway, "another");
    let stream = gateway.get("/customers", &token);
    for _ in 0..2 {
        let call = gateway.only_call();
        gateway.answer(call.token, no_connection());
    }
    gateway.unavailable(stream);
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.advance(Duration::from_millis(250));
    gateway.answer(call.token, no_connection());
    gateway.unavailable(stream);
    assert_eq!(gateway.in_flight().len(), 0);
}

#[test]
fn who_made_the_second_try_may_leave_too() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let (leaves, stays) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.only_call();
    gateway.answer(call.token, no_connection());
    let lost = gateway.only_call();
    gateway.close(leaves);
    gateway.deliver_queue();
    gateway.answer(lost.token, deny());
    let call = gateway.only_call();
    assert_eq!(call.by, gateway.root);
    gateway.answer(call.token, kept());
    gateway.resumed_last(stays);
}

#[test]
fn an_old_answer_serves_while_the_root_asks_for_a_newer_one() {
    let mut gateway = Gateway::warm(&with("cache", json!({"stale_while_revalidate": "30s"})));
    let token = gateway.token();
    gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, kept());
    gateway.advance(Duration::from_secs(60));
    for _ in 0..3 {
        let stream = gateway.get("/customers", &token);
        gateway.forwarded(stream);
        gateway.close(stream);
    }
    assert_eq!(gateway.deliver_queue(), 1);
    let refresh = gateway.only_call();
    assert_eq!((refresh.by, refresh.body), (gateway.root, call.body));
    gateway.answer(refresh.token, deny().with("cache-control", "max-age=60"));
    let stream = gateway.get("/customers", &token);
    gateway.refused(stream, 403);
    gateway.tick();
    assert_eq!(gateway.counted("claimgate.authorization.authz.stale"), 3);
    assert_eq!(gateway.counted("claimgate.authorization.authz.refreshed"), 1);
}

#[test]
fn an_old_answer_stands_in_while_nobody_answers() {
    let mut gateway = Gateway::warm(&with("cache", json!({"max_stale": "60s"})));
    let token = gateway.token();
    gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, kept());
    gateway.advance(Duration::from_secs(100));
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::new(504, "upstream request timeout"));
    gateway.resumed_last(stream);
    assert_eq!(gateway.forwarded(stream).text("x-user-roles").as_deref(), Some("user"));
    gateway.advance(Duration::from_secs(20));
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::broken());
    gateway.unavailable(stream);
}

#[test]
fn a_decision_point_that_does_not_answer_is_left_alone_until_it_does() {
    let breaker = json!({"failures": 3, "window": "10s", "open": "5s"});
    let mut gateway = Gateway::warm(&with("breaker", breaker));
    let gauge = |gateway: &mut Gateway| {
        gateway.tick();
        gateway.gauge("claimgate.authorization.authz.breaker")
    };
    assert_eq!(gauge(&mut gateway), Some(0));
    for subject in ["a", "b", "c"] {
        let token = token_of(&gateway, subject);
        let stream = gateway.get("/customers", &token);
        let call = gateway.only_call();
        gateway.answer(call.token, Answer::new(504, "upstream request timeout"));
        gateway.unavailable(stream);
    }
    assert_eq!(gauge(&mut gateway), Some(1));
    let token = gateway.token();
    let calls = gateway.calls();
    for _ in 0..100 {
        let stream = gateway.get("/customers", &token);
        let reply = gateway.unavailable(stream);
        assert!(reply.details.ends_with("breaker_open"), "{}", reply.details);
    }
    assert_eq!(gateway.calls(), calls, "it costs nothing");
    gateway.advance(Duration::from_secs(5));
    let token = gateway.token();
    let (probe, joins) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.only_call();
    gateway.answer(call.token, permit(&["user"]));
    gateway.resumed_last(probe);
    gateway.resumed_last(joins);
    assert_eq!(gauge(&mut gateway), Some(0));
    for (what, times) in [("failed", 3), ("opened", 1), ("spared", 100)] {
        let name = format!("claimgate.authorization.authz.{what}");
        assert_eq!(gateway.counted(&name), times, "{name}");
    }
}

#[test]
fn a_probe_whose_stream_leaves_is_made_by_the_root() {
    let mut gateway = Gateway::warm(&with("breaker", json!({"failures": 1, "open": "5s"})));
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, Answer::broken());
    gateway.unavailable(stream);
    gateway.advance(Duration::from_secs(5));
    let probe = gateway.get("/customers", &token);
    gateway.close(probe);
    gateway.deliver_queue();
    let call = gateway.in_flight().pop().unwrap();
    gateway.answer(call.token, kept());
    let next = gateway.get("/customers", &token);
    gateway.forwarded(next);
}

/// Envoy answers every call; should it ever not, nobody waits for ever.
#[test]
fn a_call_that_is_never_answered_is_given_up() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let (first, other) = (gateway.get("/customers", &token), gateway.get("/customers", &token));
    let call = gateway.only_call();
    gateway.advance(Duration::from_millis(1_251));
    gateway.tick();
    gateway.unavailable(first);
    gateway.unavailable(other);
    gateway.answer(call.token, kept());
    assert_eq!(gateway.done_to(first).len(), 1, "an answer after that is nobody's");
}

/// Clients that ask and go away: nothing is left behind, and nobody else suffers.
#[test]
fn a_flood_of_those_who_do_not_wait_is_bounded() {
    let asks_by_path = with("request", json!({"context": {"at": {"path": true}}}));
    let mut gateway = Gateway::warm(&asks_by_path);
    let token = gateway.token();
    for n in 0..1_000 {
        let stream = gateway.get(&format!("/customers/{n}"), &token);
        gateway.close(stream);
        let call = gateway.in_flight().pop().unwrap();
        gateway.answer(call.token, kept());
    }
    gateway.deliver_queue();
    let calls = gateway.in_flight();
    assert!(calls.len() <= 256, "{} calls for nobody", calls.len());
    for call in calls {
        gateway.answer(call.token, kept());
    }
    gateway.forget_effects();
    gateway.tick();
    assert_eq!(gateway.calls(), 0);
    let stream = gateway.get("/customers", &token);
    assert!(matches!(gateway.fate(stream), Fate::Held));
}
