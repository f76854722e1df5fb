//! Long-lived streams, which end when the tokens do that they were let through with.

use claimgate::engine::{End, StreamId};
use claimgate::pipeline::Step;
use serde_json::{Value, json};

use crate::support::*;

const EVENTS: (&str, &str) = ("accept", "text/event-stream");

fn with(streams: Value) -> Value {
    let mut config = config(json!([route("optional", allow_all(), json!({}))]));
    config.as_object_mut().unwrap().remove("identity_headers");
    config["streams"] = streams;
    config["freshness"] = json!({"cluster": "authz"});
    config
}

fn hear(world: &mut World, version: u64, entries: Value) {
    world.later(1);
    let document = json!({
        "format": 1, "store": "s", "version": version, "decisions": 1, "policies": "p",
        "snapshot": version == 1, "complete": true, "place": format!("s.{version}"),
        "entries": entries,
    });
    assert!(world.engine.tend_feed(world.now).is_some());
    world.engine.feed_answered(Ok(document.to_string().as_bytes()), world.now);
}

/// A world that knows that nothing is revoked, one second after [`START`].
fn world(streams: Value) -> World {
    let mut world = World::with_keys(&with(streams));
    hear(&mut world, 1, json!([]));
    world
}

fn token(jti: &str) -> String {
    format!("Bearer {}", ONE.token(&claims(json!({"jti": jti}))))
}

fn open(world: &mut World, jti: &str, header: (&str, &str)) -> StreamId {
    let (stream, step) = world.get("/r", &[("authorization", &token(jti)), header]);
    assert!(matches!(step, Step::Forward(..)), "{step:?}");
    stream
}

/// What ends, second by second: stream, why, and how long after [`START`].
fn ends(world: &mut World, secs: u64) -> Vec<(StreamId, End, u64)> {
    let mut seen = Vec::new();
    for _ in 0..secs {
        world.later(1);
        let after = world.now.as_millis() / 1_000 - START;
        let ended = world.engine.take_ended(world.now);
        seen.extend(ended.into_iter().map(|(stream, end)| (stream, end, after)));
    }
    seen
}

#[test]
fn a_stream_ends_when_its_token_has_expired_and_the_grace_is_over() {
    let mut world = world(json!({"grace": "5s"}));
    let stream = open(&mut world, "a", EVENTS);
    // 300 s of life and 60 s for the issuer's clock.
    assert_eq!(ends(&mut world, 500), [(stream, End::Expired, 365)]);
}

#[test]
fn a_stream_ends_when_its_token_is_revoked_and_the_grace_is_over() {
    let mut world = world(json!({}));
    let [revoked, other] = ["a", "b"].map(|jti| open(&mut world, jti, EVENTS));
    let entry = |until| json!([{"kind": "token", "jti": "a", "until": until}]);
    hear(&mut world, 2, entry(START + 3_600));
    assert_eq!(world.engine.take_ended(world.now), []);
    let then = 2;
    assert_eq!(
        ends(&mut world, 400),
        [(revoked, End::Revoked, then + 30), (other, End::Expired, 390)]
    );
}

#[test]
fn what_is_taken_back_in_time_ends_nothing() {
    let mut world = world(json!({}));
    let stream = open(&mut world, "a", EVENTS);
    let entry = |until| json!([{"kind": "token", "jti": "a", "until": until}]);
    hear(&mut world, 2, entry(START + 3_600));
    assert_eq!(ends(&mut world, 20), []);
    hear(&mut world, 3, entry(0));
    assert_eq!(ends(&mut world, 400), [(stream, End::Expired, 390)]);
}

#[test]
fn what_lasts_is_told_by_its_headers() {
    for header in [
        EVENTS,
        ("accept", "text/html, text/event-stream;q=0.9"),
        ("upgrade", "websocket"),
        ("content-type", "application/grpc"),
        ("content-type", "application/grpc-web+proto"),
    ] {
        let mut world = world(json!({"grace": "0s"}));
        open(&mut world, "a", header);
        assert_eq!(ends(&mut world, 400).len(), 1, "{header:?}");
    }
    for header in [
        ("accept", "text/html, */*"),
        ("content-type", "application/json"),
        ("x-upgrade", "websocket"),
    ] {
        let mut world = world(json!({"grace": "0s"}));
        open(&mut world, "a", header);
        assert_eq!(ends(&mut world, 400), [], "{header:?}");
    }
}

#[test]
fn a_stream_that_has_ended_by_itself_or_has_no_token_is_not_ended() {
    let mut world = world(json!({}));
    let stream = open(&mut world, "a", EVENTS);
    world.engine.forget(stream);
    world.get("/r", &[EVENTS]);
    assert_eq!(ends(&mut world, 500), []);
}

#[test]
fn a_route_may_say_otherwise_than_all_routes() {
    for (general, own, header, expected) in [
        (json!({"end_with_token": false}), json!(null), EVENTS, None),
        (json!({"end_with_token": false}), json!({}), EVENTS, Some(390)),
        (json!({"grace": "1h"}), json!({"grace": "0s"}), EVENTS, Some(360)),
        (json!({}), json!({"end_with_token": false}), EVENTS, None),
        (json!({}), json!({"all_requests": true}), ("x-any", "thing"), Some(390)),
        (json!({"all_requests": true}), json!({}), ("x-any", "thing"), None),
    ] {
        let mut config = with(general.clone());
        if own != json!(null) {
            config["routes"][0]["streams"] = own.clone();
        }
        let mut world = World::with_keys(&config);
        hear(&mut world, 1, json!([]));
        open(&mut world, "a", header);
        let found = ends(&mut world, 500).first().map(|(_, _, after)| *after);
        assert_eq!(found, expected, "{general} {own}");
    }
}

#[test]
fn more_streams_than_can_be_watched_are_refused() {
    let mut world = world(json!({}));
    let bearer = token("a");
    for number in 0.. {
        let (_, step) = world.get("/r", &[("authorization", &bearer), EVENTS]);
        if let Step::Reply(..) = step {
            assert_eq!((number, refused(&step).0), (65_536, 503));
            break;
        }
    }
    let (_, step) = world.get("/r", &[("authorization", &bearer)]);
    assert!(matches!(step, Step::Forward(..)), "what does not last goes on");
    let ended: Vec<_> = ends(&mut world, 500);
    assert_eq!(ended.len(), 65_536);
    assert!(ended.iter().all(|(_, _, after)| (390..=394).contains(after)), "within a few turns");
}
