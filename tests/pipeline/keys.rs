//! Waiting for keys: first need, rotation, an identity provider that is down.

use claimgate::authn::{AuthnError, Over};
use claimgate::authz::CheckError;
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use serde_json::json;

use crate::support::*;

fn required() -> serde_json::Value {
    config(json!([route(
        "required",
        json!([{"name": "known", "deny": {"claims": {"sub": ["mallory"]}}}, {"name": "all", "allow": {"always": true}}]),
        json!({"roles_on_failure": "absent"})
    )]))
}

fn good() -> String {
    ONE.token(&claims(json!({})))
}

#[test]
fn requests_before_the_keys_wait_for_one_fetch_and_are_all_resumed() {
    let mut world = World::new(&required());
    let token = good();
    let streams: Vec<_> = (0..5).map(|_| world.with_token(&token)).collect();
    assert!(streams.iter().all(|(_, step)| matches!(step, Step::AwaitKeys(0))));
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    assert!(world.engine.fetches_due(world.now).is_empty(), "one fetch for all");
    let late = world.with_token(&token).0;
    world.publish(&[&ONE]);
    let waiting = world.engine.awaiting_keys(0);
    assert_eq!(waiting.len(), 6);
    assert!(waiting.contains(&late));
    for stream in waiting {
        awaits_decision(&world.keys_changed(stream));
    }
    assert!(world.engine.awaiting_keys(0).is_empty());
}

#[test]
fn without_first_keys_a_request_is_undecided_and_not_unauthorized() {
    let mut world = World::new(&required());
    let (stream, _) = world.with_token(&good());
    world.engine.fetches_due(world.now);
    world.engine.keys_failed(0, world.now);
    assert_eq!(refused(&world.keys_changed(stream)), (503, Rejection::NoKeys));
    assert_eq!(refused(&world.with_token(&good()).1), (503, Rejection::NoKeys), "no fetch each");
    world.later(1);
    assert!(matches!(world.with_token(&good()).1, Step::AwaitKeys(0)), "tried again");
}

#[test]
fn a_token_that_needs_no_key_to_be_refused_does_not_wait() {
    let mut world = World::new(&required());
    let token = ONE.token(&claims(json!({"iss": "https://other.test"})));
    assert_eq!(refused(&world.with_token(&token).1).0, 401);
    assert!(world.engine.fetches_due(world.now).is_empty());
}

#[test]
fn with_keys_an_identity_provider_that_is_down_costs_nothing() {
    let mut world = World::with_keys(&required());
    for _ in 0..10 {
        world.later(20);
        for provider in world.engine.fetches_due(world.now) {
            world.engine.keys_failed(provider, world.now);
        }
        awaits_decision(&world.with_token(&ONE.token(&claims(json!({"exp": START + 9_999})))).1);
    }
}

#[test]
fn a_new_key_is_fetched_when_its_first_token_comes() {
    let mut world = World::with_keys(&required());
    let (stream, step) = world.with_token(&TWO.token(&claims(json!({}))));
    assert!(matches!(step, Step::AwaitKeys(0)));
    world.engine.fetches_due(world.now);
    world.publish(&[&ONE, &TWO]);
    awaits_decision(&world.keys_changed(stream));
    awaits_decision(&world.with_token(&good()).1);
}

#[test]
fn a_fetch_that_began_before_the_question_is_followed_by_another() {
    let mut world = World::with_keys(&required());
    world.later(300);
    assert_eq!(world.engine.fetches_due(world.now), [0], "a refresh is out");
    let (stream, step) = world.with_token(&TWO.token(&claims(json!({}))));
    assert!(matches!(step, Step::AwaitKeys(0)));
    // Its answer was made before the rotation: the request goes on waiting.
    world.publish(&[&ONE]);
    assert!(matches!(world.keys_changed(stream), Step::AwaitKeys(0)));
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&TWO]);
    awaits_decision(&world.keys_changed(stream));
}

#[test]
fn an_unknown_key_while_fetching_fails_is_undecided() {
    let mut world = World::with_keys(&required());
    let (stream, _) = world.with_token(&TWO.token(&claims(json!({}))));
    world.engine.fetches_due(world.now);
    world.engine.keys_failed(0, world.now);
    assert_eq!(refused(&world.keys_changed(stream)), (503, Rejection::NoKeys));
    awaits_decision(&world.with_token(&good()).1);
}

#[test]
fn a_stream_that_has_gone_is_neither_resumed_nor_missed() {
    let mut world = World::new(&required());
    let (gone, _) = world.with_token(&good());
    let (stays, _) = world.with_token(&good());
    assert_eq!(world.engine.forget(gone), None, "it had asked nothing");
    world.engine.fetches_due(world.now);
    world.publish(&[&ONE]);
    assert_eq!(world.engine.awaiting_keys(0), [stays]);
    assert!(matches!(world.keys_changed(gone), Step::Ignore));
}

#[test]
fn a_fetch_that_is_never_answered_is_given_up() {
    let mut world = World::new(&required());
    let (stream, _) = world.with_token(&good());
    world.engine.fetches_due(world.now);
    world.later(2);
    assert!(world.engine.fetches_over(world.now).is_empty());
    world.later(1);
    assert_eq!(world.engine.fetches_over(world.now), [(0, Over::Lost)]);
    assert_eq!(refused(&world.keys_changed(stream)).0, 503);
}

#[test]
fn a_request_is_answered_once() {
    let mut world = World::new(&required());
    let (stream, _) = world.with_token(&ONE.token(&claims(json!({"aud": "other"}))));
    world.engine.fetches_due(world.now);
    world.publish(&[&ONE]);
    let (status, rejection) = refused(&world.keys_changed(stream));
    assert_eq!((status, rejection), (401, Rejection::credentials(AuthnError::Audience)));
    assert!(matches!(world.keys_changed(stream), Step::Ignore));
    let late = world.engine.decided(stream, Err(CheckError::Timeout), world.now);
    assert!(matches!(late, Step::Ignore));
}
