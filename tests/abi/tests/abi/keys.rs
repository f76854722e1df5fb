//! A request before keys: it waits, the root fetches once for everybody, and each request is
//! changed first and resumed last.

use std::time::Duration;

use claimgate_abi::{Answer, Effect};

use crate::gateway::{Gateway, permit, request};
use crate::policy::{KEYS_PATH, demo, without_roles};
use crate::tokens::{Key, jwks};

#[test]
fn all_who_wait_are_served_by_one_fetch_of_the_root() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let streams: Vec<_> = (0..5).map(|_| gateway.get("/customers", &token)).collect();
    assert_eq!(gateway.calls(), 0, "a stream's call would be lost with the stream");
    let call = gateway.fetch();
    let expected = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "localhost:8180"),
        (":path", KEYS_PATH),
        ("accept", "application/json"),
    ];
    for (name, value) in expected {
        assert_eq!(call.headers.text(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!((call.timeout, call.body.as_str()), (1_000, ""));
    assert!(!call.headers.has("authorization"));
    gateway.tick();
    assert_eq!(gateway.calls(), 1, "one fetch is enough");
    for stream in &streams {
        gateway.held(*stream);
    }
}

#[test]
fn each_is_changed_first_and_resumed_last() {
    let mut gateway = Gateway::cold(&without_roles());
    let token = gateway.token();
    let streams: Vec<_> = (0..3).map(|_| gateway.get("/products/1", &token)).collect();
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    for stream in streams {
        let done = gateway.resumed_last(stream);
        assert_eq!(done.len(), 4, "{done:?}");
        let headers = gateway.forwarded(stream);
        assert!(!headers.has("authorization"));
        assert_eq!(headers.text("x-user-email").as_deref(), Some("ada@example.com"));
        assert_eq!(headers.text("x-user-name").as_deref(), Some("Ada L."));
        assert_eq!(headers.text("x-email-verified").as_deref(), Some("true"));
    }
}

#[test]
fn with_keys_a_question_follows_and_its_answer_resumes() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let (first, second) = (gateway.get("/customers", &token), gateway.get("/customers/7", &token));
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    let questions = gateway.in_flight();
    assert_eq!(questions.len(), 2, "{questions:?}");
    gateway.held(first);
    for question in questions {
        assert_eq!((question.cluster.as_str(), question.timeout), ("authz-service", 250));
        gateway.answer(question.token, permit(&["user"]));
    }
    for stream in [first, second] {
        gateway.resumed_last(stream);
        assert_eq!(gateway.forwarded(stream).text("x-user-roles").as_deref(), Some("user"));
    }
}

#[test]
fn each_waiter_gets_its_own_verdict() {
    let mut gateway = Gateway::cold(&without_roles());
    let good = gateway.token();
    let forged = Key::foreign().sign(&crate::tokens::claims(gateway.now()));
    let mut old = crate::tokens::claims(gateway.now());
    old["exp"] = gateway.now().into();
    let expired = Key::one().sign(&old);
    let [good, forged, expired] = [good, forged, expired].map(|t| gateway.get("/products", &t));
    let call = gateway.fetch();
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    gateway.forwarded(good);
    for stream in [forged, expired] {
        let reply = gateway.refused(stream, 401);
        let challenge = reply.headers.text("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    }
    assert!(gateway.reply(forged).unwrap().details.contains("signature"));
    assert!(gateway.reply(expired).unwrap().details.contains("expired"));
}

#[test]
fn who_needs_no_keys_does_not_wait() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.send(request("/auth/realms/api-gateway-poc/protocol"));
    gateway.forwarded(stream);
    let stream = gateway.send(request("/customers"));
    let reply = gateway.refused(stream, 401);
    assert_eq!(reply.headers.text("www-authenticate").as_deref(), Some("Bearer"));
    assert_eq!(gateway.deliver_queue(), 0, "nobody knocked");
}

#[test]
fn without_a_queue_the_next_tick_fetches() {
    let mut gateway = Gateway::cold(&demo());
    gateway.refuse("proxy_enqueue_shared_queue", claimgate_abi::status::NOT_FOUND);
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.held(stream);
    gateway.relent();
    assert_eq!(gateway.deliver_queue(), 0);
    gateway.tick();
    assert_eq!(gateway.only_call().cluster, "idp");
}

#[test]
fn keys_are_refreshed_in_the_background_and_nobody_waits() {
    let mut gateway = Gateway::warm(&without_roles());
    gateway.advance(Duration::from_secs(239));
    gateway.tick();
    assert_eq!(gateway.calls(), 0);
    gateway.advance(Duration::from_secs(46));
    gateway.tick();
    let call = gateway.only_call();
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    gateway.forwarded(stream);
    gateway.answer(call.token, Answer::broken());
    let stream = gateway.get("/products", &token);
    gateway.forwarded(stream);
}

#[test]
fn max_age_of_the_keys_is_honoured_within_bounds() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    gateway.get("/customers", &token);
    let call = gateway.fetch();
    let answer = Answer::new(200, jwks(&[&Key::one()])).with("cache-control", "max-age=60");
    gateway.answer(call.token, answer);
    gateway.forget_effects();
    gateway.advance(Duration::from_secs(47));
    gateway.tick();
    let fetches = |effects: &[Effect]| {
        let is = |e: &&Effect| matches!(e, Effect::Call(call) if call.cluster == "idp");
        effects.iter().filter(is).count()
    };
    assert_eq!(fetches(gateway.effects()), 0);
    gateway.advance(Duration::from_secs(10));
    gateway.tick();
    assert_eq!(fetches(gateway.effects()), 1);
}
