//! Questions that several ask, answers that are old, and decision points that do not answer.

use claimgate::authz::{CalloutResponse, CheckError};
use claimgate::engine::{FlightId, Landing, StreamId};
use claimgate::pipeline::{Passed, Step};
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::support::*;

const YES: &str = r#"{"decision":true}"#;
const NO: &str = r#"{"decision":false}"#;
const NO_CONNECTION: &str = "upstream connect error or disconnect/reset before headers. reset \
                             reason: remote connection failure";

/// A world whose decision point has these settings beside its cluster.
fn world(more: Value) -> World {
    world_of(json!([route("optional", by_decision(), json!({}))]), more)
}

fn world_of(routes: Value, more: Value) -> World {
    let mut config = config(routes);
    let service = config["authorization"][0].as_object_mut().unwrap();
    service.extend(more.as_object().unwrap().clone());
    World::with_keys(&config)
}

fn token(changes: Value) -> String {
    ONE.token(&claims(changes))
}

fn good() -> String {
    token(json!({"exp": START + 3_000}))
}

fn waits(step: &Step) {
    assert!(matches!(step, Step::AwaitAnswer), "{step:?}");
}

fn undecided(step: &Step) -> CheckError {
    match refused(step) {
        (503, Rejection::Undecided { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

fn flight(step: &Step) -> FlightId {
    let Step::Ask(flight, _) = step else { panic!("asks nothing: {step:?}") };
    *flight
}

fn yes(cache_control: &str) -> CalloutResponse<'_> {
    let cache_control = Some(cache_control.as_bytes());
    CalloutResponse { status: 200, cache_control, body: YES.as_bytes() }
}

/// Has a decision in the cache, given for `token` just now.
fn decide(world: &mut World, token: &str, cache_control: &str, body: &str) {
    let (stream, step) = world.with_token(token);
    asked(&step);
    world.answer(stream, 200, Some(cache_control), body);
}

#[test]
fn one_asks_and_all_who_wait_go_on_with_its_answer() {
    let mut world = world(json!({}));
    let (first, step) = world.with_token(&good());
    asked(&step);
    let others: Vec<StreamId> = (0..199)
        .map(|n| {
            // Another token of the same subject asks the same.
            let (stream, step) = world.with_token(&token(json!({"jti": n.to_string()})));
            waits(&step);
            stream
        })
        .collect();
    let (other, step) = world.with_token(&token(json!({"sub": "bob"})));
    asked(&step);
    forwarded(&world.answer(first, 200, None, YES));
    let resumed = std::mem::take(&mut world.resumed);
    assert_eq!(resumed.iter().map(|(stream, _)| *stream).collect::<Vec<_>>(), others);
    assert!(
        resumed.iter().all(|(_, step)| matches!(step, Step::Forward(_, Passed::Permitted, ..)))
    );
    assert_eq!(refused(&world.answer(other, 200, None, NO)).0, 403);
    let usage = world.engine.take_usage(0).unwrap().0;
    assert_eq!((usage.shared, usage.failed), (199, 0));
}

#[test]
fn all_who_wait_are_undecided_when_there_is_no_answer() {
    let mut world = world(json!({}));
    let (first, _) = world.with_token(&good());
    (0..5).for_each(|_| waits(&world.with_token(&good()).1));
    assert_eq!(undecided(&world.no_answer(first)), CheckError::Unreachable);
    assert_eq!(world.resumed.len(), 5);
    assert!(world.resumed.iter().all(|(_, step)| undecided(step) == CheckError::Unreachable));
}

#[test]
fn who_waits_is_decided_for_itself_and_ends_with_its_own_token() {
    let by_claim = json!([
        {"name": "blocked", "deny": {"claims": {"azp": ["legacy"]}, "decision": true}},
        {"name": "permitted", "allow": {"decision": true}},
    ]);
    let mut world = world_of(json!([route("required", by_claim, json!({}))]), json!({}));
    let short = token(json!({"exp": START - 50}));
    let (first, _) = world.with_token(&good());
    let (blocked, step) = world.with_token(&token(json!({"azp": "legacy"})));
    waits(&step);
    let (ends_soon, step) = world.with_token(&short);
    waits(&step);
    forwarded(&world.answer(first, 200, Some("max-age=60"), YES));
    let resumed = std::mem::take(&mut world.resumed);
    assert_eq!(resumed.iter().map(|(stream, _)| *stream).collect::<Vec<_>>(), [blocked, ends_soon]);
    assert_eq!(refused(&resumed[0].1).0, 403);
    forwarded(&resumed[1].1);
    forwarded(&world.with_token(&short).1);
    world.later(10);
    assert_eq!(refused(&world.with_token(&short).1).0, 401, "its token is over");
    forwarded(&world.with_token(&good()).1);
}

#[test]
fn a_waiter_that_goes_away_changes_nothing() {
    let mut world = world(json!({}));
    let (first, _) = world.with_token(&good());
    let (gone, _) = world.with_token(&good());
    let (stays, _) = world.with_token(&good());
    assert_eq!(world.engine.forget(gone), None);
    assert!(!world.engine.take_knock());
    forwarded(&world.answer(first, 200, None, YES));
    assert_eq!(world.resumed.len(), 1);
    assert_eq!(world.resumed[0].0, stays);
}

#[test]
fn when_who_asked_goes_away_the_root_asks_for_those_who_wait_and_for_the_cache() {
    let mut world = world(json!({}));
    let (first, step) = world.with_token(&good());
    let flight = flight(&step);
    let (stays, _) = world.with_token(&good());
    assert_eq!(world.engine.forget(first), Some(flight));
    assert!(world.engine.take_knock());
    let calls = world.root_calls();
    assert_eq!((calls[0].0, calls.len()), (flight, 1));
    assert_eq!(calls[0].1, asked(&step));
    waits(&world.with_token(&good()).1);
    world.land(flight, Ok(yes("max-age=60")));
    assert_eq!(world.resumed.len(), 2);
    assert_eq!(world.resumed[0].0, stays);
    forwarded(&world.with_token(&good()).1);
    // With nobody left the cache is filled all the same.
    world.later(60);
    let (only, step) = world.with_token(&good());
    world.engine.forget(only);
    assert_eq!(world.root_calls().len(), 1);
    world.land(self::flight(&step), Ok(yes("max-age=60")));
    forwarded(&world.with_token(&good()).1);
}

#[test]
fn beyond_the_room_nobody_is_asked() {
    let mut world = world(json!({}));
    let token = good();
    (0..4_096).for_each(|_| awaits_decision(&world.with_token(&token).1));
    let other = self::token(json!({"sub": "bob"}));
    assert_eq!(refused(&world.with_token(&other).1), (503, Rejection::Overloaded));
    assert_eq!(refused(&world.with_token(&token).1), (503, Rejection::Overloaded));
    assert!(!world.engine.take_knock());
    world.engine.forget(2);
    world.engine.forget(3);
    asked(&world.with_token(&other).1);
}

#[test]
fn an_old_answer_serves_while_one_is_asked_for_in_the_background() {
    let mut world = world(json!({"cache": {"stale_while_revalidate": "30s"}}));
    decide(&mut world, &good(), "max-age=10", YES);
    world.later(10);
    for _ in 0..3 {
        forwarded(&world.with_token(&good()).1);
    }
    assert!(world.engine.take_knock() && !world.engine.take_knock());
    let calls = world.root_calls();
    assert_eq!(calls.len(), 1, "one for all of them");
    world.land(calls[0].0, Ok(CalloutResponse { body: NO.as_bytes(), ..yes("max-age=10") }));
    assert_eq!(refused(&world.with_token(&good()).1).0, 403, "the new one");
    world.later(40);
    asked(&world.with_token(&good()).1);
}

#[test]
fn a_newer_answer_that_may_not_be_kept_ends_the_old_one() {
    for answer in ["no-store", "max-age=0"] {
        let mut world =
            world(json!({"cache": {"stale_while_revalidate": "30s", "max_stale": "1h"}}));
        decide(&mut world, &good(), "max-age=10", YES);
        world.later(10);
        forwarded(&world.with_token(&good()).1);
        let flight = world.root_calls()[0].0;
        world.land(flight, Ok(CalloutResponse { body: NO.as_bytes(), ..yes(answer) }));
        let (stream, step) = world.with_token(&good());
        asked(&step);
        assert_eq!(undecided(&world.no_answer(stream)), CheckError::Unreachable, "{answer}");
    }
}

#[test]
fn a_refresh_that_fails_leaves_the_old_answer_for_its_time() {
    let mut world = world(json!({"cache": {"stale_while_revalidate": "30s"}}));
    decide(&mut world, &good(), "max-age=10", YES);
    world.later(39);
    forwarded(&world.with_token(&good()).1);
    let flight = world.root_calls()[0].0;
    world.land(flight, Err(CheckError::Timeout));
    forwarded(&world.with_token(&good()).1);
    world.later(1);
    waits(&world.with_token(&good()).1);
}

#[test]
fn an_old_answer_stands_in_while_none_can_be_had_for_a_reason_that_no_client_can_bring_about() {
    for (status, body, stands_in) in [
        (500, "", true),
        (503, "", true),
        (504, "", true),
        (200, "{}", true),
        (200, r#"{"decision":"true"}"#, true),
        (400, "", false),
        (404, "", false),
        (429, "", false),
    ] {
        let mut world = world(json!({"cache": {"max_stale": "60s"}}));
        decide(&mut world, &good(), "max-age=10", YES);
        world.later(10);
        let (stream, step) = world.with_token(&good());
        asked(&step);
        let (waiter, step) = world.with_token(&good());
        waits(&step);
        let step = world.answer(stream, status, Some("max-age=60"), body);
        assert_eq!(matches!(step, Step::Forward(..)), stands_in, "{status} {body}: {step:?}");
        let (stream, step) = world.resumed.pop().unwrap();
        assert_eq!((stream, matches!(step, Step::Forward(..))), (waiter, stands_in));
    }
}

#[test]
fn an_old_answer_stands_in_no_longer_than_it_may() {
    let mut world = world(json!({"cache": {"max_stale": "60s"}}));
    decide(&mut world, &good(), "max-age=10", YES);
    world.later(69);
    let (stream, _) = world.with_token(&good());
    forwarded(&world.no_answer(stream));
    world.later(1);
    let (stream, _) = world.with_token(&good());
    assert_eq!(undecided(&world.no_answer(stream)), CheckError::Unreachable);
    // Nor beyond the token that it was asked for.
    decide(&mut world, &token(json!({"sub": "bob", "exp": START + 70})), "max-age=10", YES);
    world.later(50);
    let longer = token(json!({"sub": "bob", "exp": START + 3_000}));
    let (stream, _) = world.with_token(&longer);
    forwarded(&world.no_answer(stream));
    world.later(11);
    let (stream, _) = world.with_token(&longer);
    assert_eq!(undecided(&world.no_answer(stream)), CheckError::Unreachable);
}

#[test]
fn a_denial_is_kept_for_its_own_time() {
    let mut world = world(json!({"cache": {"deny_ttl": "5s", "max_ttl": "60s"}}));
    decide(&mut world, &good(), "max-age=30", NO);
    world.later(4);
    assert_eq!(refused(&world.with_token(&good()).1).0, 403);
    world.later(1);
    decide(&mut world, &good(), "max-age=30", YES);
    world.later(29);
    forwarded(&world.with_token(&good()).1);
}

/// Asks for `count` different subjects, of whom none gets an answer.
fn fail(world: &mut World, count: usize, answer: (u16, &str)) {
    for n in 0..count {
        let (stream, step) =
            world.with_token(&token(json!({"sub": format!("{n}-{}", world.now.as_millis())})));
        asked(&step);
        world.answer(stream, answer.0, None, answer.1);
    }
}

#[test]
fn after_failures_in_a_row_nobody_is_asked_until_one_has_an_answer() {
    let mut world = world(json!({"breaker": {"failures": 3, "window": "10s", "open": "5s"}}));
    fail(&mut world, 2, (500, ""));
    decide(&mut world, &token(json!({"sub": "between"})), "no-store", YES);
    fail(&mut world, 3, (504, ""));
    assert_eq!(undecided(&world.with_token(&good()).1), CheckError::Open);
    assert!(
        reply(&world.with_token(&good()).1).headers.iter().any(|(name, _)| *name == "retry-after")
    );
    world.later(5);
    let (probe, step) = world.with_token(&good());
    asked(&step);
    let (joins, step) = world.with_token(&good());
    waits(&step);
    let other = token(json!({"sub": "bob"}));
    assert_eq!(undecided(&world.with_token(&other).1), CheckError::Open, "one and no more");
    world.no_answer(probe);
    assert_eq!(undecided(&world.resumed.pop().unwrap().1), CheckError::Unreachable);
    assert_eq!(undecided(&world.with_token(&good()).1), CheckError::Open);
    assert!(joins > probe);
    world.later(5);
    let (probe, step) = world.with_token(&good());
    asked(&step);
    forwarded(&world.answer(probe, 200, None, YES));
    asked(&world.with_token(&other).1);
    let (usage, open) = world.engine.take_usage(0).unwrap();
    assert_eq!((usage.opened, usage.spared, open), (2, 4, false));
}

#[test]
fn what_clients_bring_about_never_opens_the_breaker() {
    let mut world = world(json!({"breaker": {"failures": 2}}));
    for status in [400, 401, 404, 413, 429] {
        fail(&mut world, 10, (status, ""));
    }
    for _ in 0..10 {
        assert_eq!(refused(&world.with_token(&token(json!({"sub": ""}))).1).0, 403);
    }
    asked(&world.with_token(&good()).1);
    assert!(!world.engine.take_usage(0).unwrap().1);
}

#[test]
fn an_open_breaker_is_the_failure_modes_business_and_old_answers_stand_in() {
    let routes = json!([
        route("optional", by_decision(), json!({"failure_mode": "allow"})),
        {"name": "strict", "match": {"path": "/strict"}, "token": "required", "rules": by_decision()},
    ]);
    let more = json!({"breaker": {"failures": 1}, "cache": {"max_stale": "1h"}});
    let mut world = world_of(routes, more);
    let bearer = format!("Bearer {}", good());
    let strict = [("authorization", &*bearer)];
    let (stream, _) = world.get("/strict", &strict);
    forwarded(&world.answer(stream, 200, Some("max-age=1"), YES));
    world.later(1);
    fail(&mut world, 1, (503, ""));
    assert!(matches!(world.with_token(&good()).1, Step::Forward(_, Passed::Assumed, ..)));
    assert!(matches!(world.get("/strict", &strict).1, Step::Forward(_, Passed::Permitted, ..)));
    let other = format!("Bearer {}", token(json!({"sub": "bob"})));
    let (_, step) = world.get("/strict", &[("authorization", &other)]);
    assert_eq!(undecided(&step), CheckError::Open);
    assert_eq!(world.engine.take_usage(0).unwrap().0.stood_in, 1);
}

#[test]
fn each_decision_point_has_its_own_breaker_and_cache() {
    let mut config = config(json!([
        route("required", by_decision(), json!({"authorization": "authz"})),
        {"name": "o", "match": {"path": "/o"}, "token": "required", "authorization": "other",
         "rules": by_decision()},
    ]));
    let mut other = config["authorization"][0].clone();
    other["name"] = json!("other");
    other["cluster"] = json!("other");
    config["authorization"].as_array_mut().unwrap().push(other);
    config["identity_headers"] = json!({});
    let mut world = World::with_keys(&config);
    fail(&mut world, 5, (500, ""));
    assert_eq!(undecided(&world.with_token(&good()).1), CheckError::Open);
    let bearer = format!("Bearer {}", good());
    let (stream, step) = world.get("/o", &[("authorization", &bearer)]);
    asked(&step);
    forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
    forwarded(&world.get("/o", &[("authorization", &bearer)]).1);
}

#[test]
fn a_call_without_connection_is_made_once_more_and_others_are_not() {
    let mut world = world(json!({"timeout": "250ms"}));
    let (stream, step) = world.with_token(&good());
    let flight = flight(&step);
    let broken =
        CalloutResponse { status: 503, cache_control: None, body: NO_CONNECTION.as_bytes() };
    let now = world.now.after(std::time::Duration::from_millis(100));
    assert!(matches!(world.engine.answered(flight, Ok(broken), now), Some(Landing::Again)));
    let (_, question, left) = world.engine.make_call(flight, Some(stream), now).unwrap();
    assert_eq!(left.as_millis(), 150);
    assert_eq!(serde_json::from_slice::<Value>(&question).unwrap(), asked(&step));
    assert_eq!(undecided(&world.answer(stream, 503, None, NO_CONNECTION)), CheckError::Failed(503));
    for status in [500, 503, 504, 404] {
        let (stream, step) = world.with_token(&token(json!({"sub": status.to_string()})));
        asked(&step);
        assert_eq!(refused(&world.answer(stream, status, None, "our database")).0, 503);
    }
    let usage = world.engine.take_usage(0).unwrap().0;
    assert_eq!((usage.retried, usage.failed), (1, 4), "one question is one failure");
}

#[test]
fn a_call_that_the_host_will_not_make_is_tried_once_more_by_the_root() {
    let mut world = world(json!({}));
    let (_, step) = world.with_token(&good());
    let flight = flight(&step);
    assert!(matches!(world.engine.refused(flight, world.now), Some(Landing::Again)));
    assert!(world.engine.take_knock());
    assert_eq!(world.root_calls().len(), 1);
    let landing = world.engine.refused(flight, world.now);
    let Some(Landing::Over(landed)) = landing else { panic!("{landing:?}") };
    assert_eq!(landed.outcome, Err(CheckError::Unreachable));
    assert_eq!(landed.waiters.len(), 1);
    assert!(world.engine.answered(flight, Ok(yes("")), world.now).is_none(), "it is over");
}

#[test]
fn a_call_that_is_never_heard_of_ends_some_time() {
    let mut world = world(json!({"timeout": "250ms"}));
    let (stream, step) = world.with_token(&good());
    world.later(1);
    assert!(world.engine.overdue(world.now).is_empty());
    world.later(1);
    assert_eq!(world.engine.overdue(world.now), [flight(&step)]);
    world.land(flight(&step), Err(CheckError::Timeout));
    assert_eq!(world.resumed[0].0, stream);
    assert_eq!(undecided(&world.resumed[0].1), CheckError::Timeout);
}

/// Whatever happens in whatever order: nobody is forwarded but by an answer that says yes and is
/// still good, and everybody who waits is told.
#[test]
fn nothing_but_a_good_yes_lets_anybody_through() {
    let cache = json!({"stale_while_revalidate": "3s", "max_stale": "6s", "max_entries": 4});
    let mut world = world(json!({"cache": cache, "breaker": {"failures": 3, "open": "2s"}}));
    let mut random = 7_u64;
    let mut next = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    // Until when each subject's last answer may be used at most, and whether it said yes.
    let mut good_until: Vec<(u64, bool)> = vec![(0, false); 6];
    let mut flights: Vec<(FlightId, u64)> = Vec::new();
    let mut waiting = 0_usize;
    let tokens: Vec<_> =
        (0..6).map(|n| token(json!({"sub": n.to_string(), "exp": START + 9_999}))).collect();
    for _ in 0..5_000 {
        let now = world.now.as_millis();
        match next(4) {
            0 => world.later(next(3)),
            1 if !flights.is_empty() => {
                let (flight, subject) =
                    flights.swap_remove(usize::try_from(next(flights.len() as u64)).unwrap());
                let (body, status, says) = match next(4) {
                    0 => (NO, 200, Some(false)),
                    1 => (YES, 200, Some(true)),
                    2 => ("", 500, None),
                    _ => ("{}", 200, None),
                };
                let response = CalloutResponse {
                    status,
                    cache_control: Some(b"max-age=2"),
                    body: body.as_bytes(),
                };
                world.land(flight, Ok(response));
                let subject = &mut good_until[usize::try_from(subject).unwrap()];
                for (_, step) in std::mem::take(&mut world.resumed) {
                    waiting -= 1;
                    let passed = matches!(step, Step::Forward(..));
                    match says {
                        Some(says) => assert_eq!(passed, says),
                        None => assert!(!passed || (subject.1 && now < subject.0)),
                    }
                }
                if let Some(says) = says {
                    *subject = (now + 8_000, says);
                }
            }
            _ => {
                let subject = next(6);
                let index = usize::try_from(subject).unwrap();
                let (_, step) = world.with_token(&tokens[index]);
                match step {
                    Step::Ask(flight, _) => {
                        flights.push((flight, subject));
                        waiting += 1;
                    }
                    Step::AwaitAnswer => waiting += 1,
                    Step::Forward(..) => {
                        let (until, says) = good_until[index];
                        assert!(says && now < until);
                    }
                    Step::Reply(..) => {}
                    other => panic!("{other:?}"),
                }
                for (flight, question) in world.root_calls() {
                    let subject = question["subject"]["id"].as_str().unwrap().parse().unwrap();
                    flights.push((flight, subject));
                }
            }
        }
    }
    for (flight, _) in flights {
        world.land(flight, Err(CheckError::Timeout));
    }
    assert_eq!(world.resumed.len(), waiting, "nobody is left waiting");
}

/// What is kept with a token is the cache's: it takes no room beside it.
#[test]
fn a_decision_that_had_to_make_room_is_asked_for_again() {
    let mut world = world(json!({"cache": {"max_entries": 1, "max_ttl": "1h"}}));
    let [one, two] = ["alice", "bob"].map(|sub| token(json!({"sub": sub, "exp": START + 3_000})));
    decide(&mut world, &one, "max-age=60", YES);
    // From the cache, and from then on from what is kept with the token.
    (0..3).for_each(|_| drop(forwarded(&world.with_token(&one).1)));
    decide(&mut world, &two, "max-age=60", YES);
    asked(&world.with_token(&one).1);
}
