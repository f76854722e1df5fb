//! Revocations and epochs: whole requests beside a feed that is answered by hand.

use claimgate::freshness::{FeedError, Polled};
use claimgate::pipeline::{Passed, Step};
use claimgate::reply::{Rejection, Unchecked};
use claimgate::shared_data::OneThread;
use serde_json::{Value, json};

use crate::support::*;

fn fresh(mut config: Value) -> Value {
    config["freshness"] = json!({"cluster": "authz"});
    config
}

/// A route for `/r` that takes any token.
fn open(more: Value) -> Value {
    let mut config = config(json!([route("required", allow_all(), more)]));
    config.as_object_mut().unwrap().remove("identity_headers");
    fresh(config)
}

/// Its keys are there, and nothing of the feed.
fn world(config: &Value) -> World {
    sharing(config, &OneThread::default())
}

fn sharing(config: &Value, data: &OneThread) -> World {
    let mut world = World::sharing(config, data);
    let (stream, _) = world.with_token(&ONE.token(&claims(json!({}))));
    if world.engine.fetches_due(world.now) == [0] {
        world.publish(&[&ONE]);
    }
    world.engine.forget(stream);
    world
}

fn document(version: u64, snapshot: bool, entries: Value) -> Value {
    json!({
        "format": 1, "store": "s", "version": version, "decisions": version, "policies": "p",
        "snapshot": snapshot, "complete": true, "place": format!("s.{version}"),
        "entries": entries,
    })
}

/// The next poll, if one is due, brings this.
#[track_caller]
fn hear(world: &mut World, document: Value) {
    world.later(1);
    let path = world.engine.tend_feed(world.now).unwrap();
    assert_eq!(path.contains("since="), document["snapshot"] == json!(false), "{path}");
    let ended = world.engine.feed_answered(Ok(document.to_string().as_bytes()), world.now);
    assert_eq!(ended, Polled::Ended(Ok(())));
}

fn silence(world: &mut World, secs: u64) {
    for _ in 0..secs {
        world.later(1);
        if world.engine.tend_feed(world.now).is_some() {
            world.engine.feed_answered(Err(FeedError::Unreachable), world.now);
        }
    }
}

fn get(world: &mut World, token: &str) -> Step {
    world.with_token(token).1
}

/// What is said to the waiting requests.
fn released(world: &mut World) -> Vec<Step> {
    let streams = world.engine.released_by_feed(world.now);
    streams.into_iter().map(|s| world.engine.state_settled(s, world.now)).collect()
}

#[track_caller]
fn is_revoked(step: &Step) {
    let reply = reply(step);
    assert_eq!((reply.status, &*reply.details), (401, "claimgate.credentials.revoked"));
    let challenge = reply.headers.iter().find(|(name, _)| *name == "www-authenticate");
    assert!(challenge.unwrap().1.contains("invalid_token"), "{reply:?}");
}

#[track_caller]
fn passed(step: &Step) -> Passed {
    let Step::Forward(_, passed, ..) = step else { panic!("not forwarded: {step:?}") };
    *passed
}

const UNTIL: u64 = START + 3_600;

#[test]
fn a_revoked_token_stops_working_though_it_is_cached() {
    let token = |changes| ONE.token(&claims(changes));
    let named = json!({"jti": "j", "sid": "s"});
    for entry in [
        json!({"kind": "token", "jti": "j", "until": UNTIL}),
        json!({"kind": "token", "jti": "j", "iss": ISSUER, "until": UNTIL}),
        json!({"kind": "session", "sid": "s", "until": UNTIL}),
        json!({"kind": "session", "sid": "s", "iss": ISSUER, "until": UNTIL}),
        json!({"kind": "subject", "iss": ISSUER, "sub": "alice", "before": START + 1, "until": UNTIL}),
        json!({"kind": "everyone", "before": START + 1, "until": UNTIL}),
    ] {
        let mut world = world(&open(json!({})));
        hear(&mut world, document(1, true, json!([])));
        let (good, other) = (token(named.clone()), token(json!({"sub": "bob", "iat": START + 1})));
        for token in [&good, &good, &other] {
            assert_eq!(passed(&get(&mut world, token)), Passed::Permitted);
        }
        hear(&mut world, document(2, false, json!([entry])));
        is_revoked(&get(&mut world, &good));
        is_revoked(&get(&mut world, &good));
        assert_eq!(passed(&get(&mut world, &other)), Passed::Permitted, "{entry}");
        let mut taken_back = entry.clone();
        taken_back["until"] = 0.into();
        hear(&mut world, document(3, false, json!([taken_back])));
        assert_eq!(passed(&get(&mut world, &good)), Passed::Permitted, "{entry}");
    }
}

#[test]
fn what_is_revoked_of_others_is_nothing_to_this_token() {
    let mut world = world(&open(json!({})));
    let entries = json!([
        {"kind": "token", "jti": "other", "until": UNTIL},
        {"kind": "token", "jti": "j", "iss": "https://other", "until": UNTIL},
        {"kind": "session", "sid": "j", "until": UNTIL},
        {"kind": "token", "jti": "s", "until": UNTIL},
        {"kind": "subject", "iss": "https://other", "sub": "alice", "before": UNTIL, "until": UNTIL},
        {"kind": "subject", "iss": ISSUER, "sub": "bob", "before": UNTIL, "until": UNTIL},
        {"kind": "subject", "iss": ISSUER, "sub": "alice", "before": START, "until": UNTIL},
        {"kind": "everyone", "before": START, "until": UNTIL},
    ]);
    hear(&mut world, document(1, true, entries));
    let good = ONE.token(&claims(json!({"jti": "j", "sid": "s"})));
    assert_eq!(passed(&get(&mut world, &good)), Passed::Permitted);
    // It does not say that it was issued later.
    is_revoked(&get(&mut world, &ONE.token(&claims(json!({"iat": null})))));
}

#[test]
fn a_revocation_lasts_as_long_as_a_token_may_be_taken() {
    let mut world = world(&open(json!({})));
    let entry = json!({"kind": "token", "jti": "j", "until": START + 300});
    hear(&mut world, document(1, true, json!([entry])));
    let token = ONE.token(&claims(json!({"jti": "j", "exp": START + 300})));
    // The token is good for the clock's difference longer than it says; so is what revokes it.
    for version in 2..360 {
        hear(&mut world, document(version, false, json!([])));
        is_revoked(&get(&mut world, &token));
    }
    world.later(1);
    assert_eq!(reply(&get(&mut world, &token)).details, "claimgate.credentials.expired");
}

#[test]
fn where_the_subject_is_another_claim_either_name_revokes() {
    for sub in ["alice", "alice@example.com"] {
        let mut config = open(json!({}));
        config["providers"][0]["subject_claim"] = "email".into();
        let mut world = world(&config);
        let entry =
            json!({"kind": "subject", "iss": ISSUER, "sub": sub, "before": UNTIL, "until": UNTIL});
        hear(&mut world, document(1, true, json!([entry])));
        is_revoked(&get(&mut world, &ONE.token(&claims(json!({})))));
    }
}

#[test]
fn without_word_for_too_long_the_route_says_what_to_do_and_what_is_known_holds() {
    for (mode, expected) in [("deny", None), ("allow", Some(Passed::Unchecked))] {
        let mut world = world(&open(json!({"failure_mode": mode})));
        let entry = json!({"kind": "token", "jti": "revoked", "until": UNTIL});
        hear(&mut world, document(1, true, json!([entry])));
        let long = |jti: &str| ONE.token(&claims(json!({"jti": jti, "exp": START + 3_000})));
        let (good, revoked) = (long("good"), long("revoked"));
        assert_eq!(passed(&get(&mut world, &good)), Passed::Permitted);
        silence(&mut world, 30);
        assert_eq!(passed(&get(&mut world, &good)), Passed::Permitted);
        silence(&mut world, 1);
        is_revoked(&get(&mut world, &revoked));
        let step = get(&mut world, &good);
        match expected {
            Some(expected) => assert_eq!(passed(&step), expected),
            None => {
                assert_eq!(refused(&step), (503, Rejection::Unchecked(Unchecked::Stale)));
                let reply = reply(&step);
                assert_eq!(reply.details, "claimgate.unchecked.stale");
                assert!(reply.headers.contains(&("retry-after", "1".into())));
            }
        }
        silence(&mut world, 100);
        is_revoked(&get(&mut world, &revoked));
        world.later(3);
        hear(&mut world, document(2, false, json!([])));
        assert_eq!(passed(&get(&mut world, &good)), Passed::Permitted);
    }
}

#[test]
fn who_has_no_token_does_not_depend_on_the_feed() {
    let rules = json!([{"name": "all", "allow": {"always": true}}]);
    for token in ["none", "optional"] {
        let mut config = config(json!([route(token, rules.clone(), json!({}))]));
        config.as_object_mut().unwrap().remove("identity_headers");
        let mut world = World::new(&fresh(config));
        assert_eq!(passed(&world.get("/r", &[]).1), Passed::Permitted);
        silence(&mut world, 100);
        assert_eq!(passed(&world.get("/r", &[]).1), Passed::Permitted);
    }
}

#[test]
fn the_first_requests_wait_until_it_is_known_what_is_revoked() {
    let mut world = world(&open(json!({})));
    let [good, revoked] = ["good", "revoked"].map(|jti| ONE.token(&claims(json!({"jti": jti}))));
    assert!(matches!(get(&mut world, &good), Step::AwaitState));
    assert!(matches!(get(&mut world, &revoked), Step::AwaitState));
    let path = world.engine.tend_feed(world.now).unwrap();
    assert_eq!(path, "/v1/state?limit=2000");
    assert!(matches!(get(&mut world, &good), Step::AwaitState));
    assert!(released(&mut world).is_empty());
    let mut half = document(1, true, json!([{"kind": "token", "jti": "x", "until": UNTIL}]));
    half["complete"] = false.into();
    let more = world.engine.feed_answered(Ok(half.to_string().as_bytes()), world.now);
    assert_eq!(more, Polled::More("/v1/state?limit=2000&since=s.1".into()));
    assert!(released(&mut world).is_empty());
    let entry = json!({"kind": "token", "jti": "revoked", "until": UNTIL});
    let rest = document(2, false, json!([entry]));
    let ended = world.engine.feed_answered(Ok(rest.to_string().as_bytes()), world.now);
    assert_eq!(ended, Polled::Ended(Ok(())));
    let steps = released(&mut world);
    assert_eq!(passed(&steps[0]), Passed::Permitted);
    is_revoked(&steps[1]);
    assert_eq!((steps.len(), passed(&steps[2])), (3, Passed::Permitted));
    assert!(released(&mut world).is_empty());
}

#[test]
fn where_the_first_word_does_not_come_the_route_says_what_to_do() {
    for mode in ["deny", "allow"] {
        let mut world = world(&open(json!({"failure_mode": mode})));
        let token = ONE.token(&claims(json!({})));
        assert!(matches!(get(&mut world, &token), Step::AwaitState));
        // Twice it may be that the gateway itself is not ready.
        for _ in 0..3 {
            assert!(released(&mut world).is_empty());
            world.later(1);
            assert!(world.engine.tend_feed(world.now).is_some());
            world.engine.feed_answered(Err(FeedError::Status(503)), world.now);
        }
        let mut steps = released(&mut world);
        steps.push(get(&mut world, &token));
        assert_eq!(steps.len(), 2);
        for step in &steps {
            match mode {
                "allow" => assert_eq!(passed(step), Passed::Unchecked),
                _ => assert_eq!(reply(step).details, "claimgate.unchecked.no_state"),
            }
        }
        world.later(3);
        hear(&mut world, document(1, true, json!([])));
        assert_eq!(passed(&get(&mut world, &token)), Passed::Permitted);
    }
}

#[test]
fn a_vm_that_comes_later_knows_at_once_and_polls_no_more_than_the_others() {
    let (config, data) = (open(json!({})), OneThread::default());
    let mut first = sharing(&config, &data);
    let entry = json!({"kind": "token", "jti": "j", "until": UNTIL});
    hear(&mut first, document(1, true, json!([entry])));
    let mut later = sharing(&config, &data);
    later.now = first.now;
    assert!(later.engine.tend_feed(later.now).is_none());
    is_revoked(&get(&mut later, &ONE.token(&claims(json!({"jti": "j"})))));
    // With the feed away for good, too.
    let mut last = sharing(&config, &data);
    last.now = later.now;
    is_revoked(&get(&mut last, &ONE.token(&claims(json!({"jti": "j"})))));
}

/// A route that the decision point decides, beside a feed from which the first word has come.
fn decided(cache: Value) -> World {
    let mut config = config(json!([route("required", by_decision(), json!({}))]));
    config["authorization"][0]["cache"] = cache;
    let mut world = world(&fresh(config));
    hear(&mut world, document(1, true, json!([])));
    world
}

fn of(subject: &str) -> String {
    ONE.token(&claims(json!({"sub": subject, "exp": START + 3_000})))
}

fn epoch_of(subject: &str) -> Value {
    let scope = json!({"subject": {"iss": ISSUER, "sub": subject}});
    json!([{"kind": "epoch", "scope": scope, "number": 1}])
}

const YES: &str = r#"{"decision":true}"#;
const NO: &str = r#"{"decision":false}"#;

#[test]
fn a_kept_decision_ends_when_something_changes_for_its_subject() {
    let mut world = decided(json!({"stale_while_revalidate": "1h", "max_stale": "1h"}));
    for subject in ["alice", "bob"] {
        let (stream, step) = world.with_token(&of(subject));
        asked(&step);
        forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
        // From the cache, and from what is kept with the token.
        (0..2).for_each(|_| drop(forwarded(&get(&mut world, &of(subject)))));
    }
    let mut change = document(2, false, epoch_of("alice"));
    change["decisions"] = json!(1);
    hear(&mut world, change);
    forwarded(&get(&mut world, &of("bob")));
    let (stream, step) = world.with_token(&of("alice"));
    asked(&step);
    assert_eq!(refused(&world.no_answer(stream)).0, 503, "no old answer stands in");
    let (stream, step) = world.with_token(&of("alice"));
    asked(&step);
    assert_eq!(refused(&world.answer(stream, 200, Some("max-age=60"), NO)).0, 403);
    assert_eq!(refused(&get(&mut world, &of("alice"))).0, 403);
}

#[test]
fn an_answer_that_was_on_its_way_when_something_changed_is_asked_for_again() {
    let mut world = decided(json!({}));
    let (early, step) = world.with_token(&of("alice"));
    asked(&step);
    hear(&mut world, document(2, false, epoch_of("alice")));
    let (late, step) = world.with_token(&of("alice"));
    asked(&step);
    assert!(matches!(world.answer(early, 200, Some("max-age=60"), YES), Step::AwaitAnswer));
    assert_eq!(refused(&world.answer(late, 200, Some("max-age=60"), NO)).0, 403);
    let (stream, step) = world.resumed.pop().unwrap();
    assert_eq!((stream, refused(&step).0), (early, 403));
    assert_eq!(refused(&get(&mut world, &of("alice"))).0, 403, "the newer one is kept");
}

#[test]
fn no_request_is_asked_about_for_ever() {
    let mut world = decided(json!({}));
    let (stream, step) = world.with_token(&of("alice"));
    asked(&step);
    hear(&mut world, document(2, false, epoch_of("alice")));
    asked(&world.answer(stream, 200, Some("max-age=60"), YES));
    let mut change = epoch_of("alice");
    change[0]["number"] = json!(2);
    hear(&mut world, document(3, false, change));
    forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
    asked(&get(&mut world, &of("alice")));
}

#[test]
fn without_word_for_too_long_no_kept_decision_is_used() {
    let mut config =
        config(json!([route("required", by_decision(), json!({"failure_mode": "allow"}))]));
    config["authorization"][0]["cache"] =
        json!({"stale_while_revalidate": "1h", "max_stale": "1h"});
    let mut world = world(&fresh(config));
    hear(&mut world, document(1, true, json!([])));
    let (stream, _) = world.with_token(&of("alice"));
    forwarded(&world.answer(stream, 200, Some("max-age=300"), YES));
    silence(&mut world, 20);
    forwarded(&get(&mut world, &of("alice")));
    silence(&mut world, 20);
    let (stream, step) = world.with_token(&of("alice"));
    asked(&step);
    assert_eq!(passed(&world.no_answer(stream)), Passed::Assumed, "not by the old answer");
}

#[test]
fn a_token_revoked_while_its_request_waits_is_refused_whatever_the_answer() {
    for mode in ["deny", "allow"] {
        let routes = json!([route("required", by_decision(), json!({"failure_mode": mode}))]);
        let mut world = world(&fresh(config(routes)));
        hear(&mut world, document(1, true, json!([])));
        let token = ONE.token(&claims(json!({"jti": "j"})));
        let streams = [0, 1].map(|_| world.with_token(&token).0);
        let revoked = json!([{"kind": "token", "jti": "j", "until": UNTIL}]);
        hear(&mut world, document(2, false, revoked));
        let step = match mode {
            "deny" => world.answer(streams[0], 200, None, r#"{"decision":true}"#),
            _ => world.no_answer(streams[0]),
        };
        is_revoked(&step);
        let (stream, step) = world.resumed.pop().unwrap();
        assert_eq!(stream, streams[1]);
        is_revoked(&step);
    }
}
