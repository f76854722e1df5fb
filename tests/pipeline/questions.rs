//! What the decision point is asked, under every way to map it, and what is taken from its answer.

use claimgate::authz::CheckError;
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use claimgate_authz_api::EvaluationRequest;
use serde_json::{Value, json};

use crate::support::*;

const YES: &str = r#"{"decision":true}"#;

/// A world that maps requests so, with a route that has variables.
fn world(request: Value) -> World {
    world_with(request, json!({}))
}

fn world_with(request: Value, more: Value) -> World {
    let path = "/tenants/{tenant}/todos/{rest=**}";
    let routes = json!([
        route("optional", by_decision(), json!({})),
        {"name": "todos", "match": {"path": path}, "token": "optional", "rules": by_decision()},
    ]);
    let mut config = config(routes);
    let service = config["authorization"][0].as_object_mut().unwrap();
    service["request"] = request;
    service.extend(more.as_object().unwrap().clone());
    World::with_keys(&config)
}

fn good() -> String {
    format!("Bearer {}", ONE.token(&claims(json!({"n": 7, "who": {"a": ["b", true, null]}}))))
}

fn send(world: &mut World, path: &str, headers: &[(&str, &str)]) -> Step {
    let bearer = good();
    world.get(path, &[headers, &[("authorization", &bearer)]].concat()).1
}

fn text(step: &Step) -> String {
    let Step::Ask(_, question) = step else { panic!("asks nothing: {step:?}") };
    String::from_utf8(question.to_vec()).unwrap()
}

#[test]
fn the_default_is_byte_for_byte_the_interop_payload() {
    let mut world = world(json!({}));
    let step = send(&mut world, "/tenants/1/todos/2/3?x=y", &[]);
    assert_eq!(
        text(&step),
        r#"{"subject":{"type":"identity","id":"alice"},"action":{"name":"GET"},"resource":{"type":"route","id":"/tenants/{tenant}/todos/{rest=**}"},"context":{}}"#
    );
}

/// Everything at once, against the wire types of the other side.
#[test]
fn every_part_and_every_source_can_be_asked_with() {
    let mut world = world(json!({
        "subject": {"type": "user", "id": {"claim": "email"}, "properties": {
            "z": {"claim": "n"}, "a \"quoted\" name": {"claim": "who"}, "none": {"claim": "x.y"}}},
        "action": {"name": "read", "properties": {"verb": {"method": true}}},
        "resource": {"type": "todo", "id": {"param": "rest"}, "properties": {
            "tenant": {"param": "tenant"}, "host": {"host": true}, "at": {"path": true}}},
        "context": {"h": {"header": "x-tenant"}, "absent": {"header": "x-absent"},
            "r": {"route": true}, "fixed": {"value": "a\u{e9}\n\"b"}},
    }));
    let step = send(&mut world, "/tenants/1/todos/2/3?x=y", &[("x-tenant", "acm\u{e9}")]);
    let question = text(&step);
    let expected = json!({
        "subject": {"type": "user", "id": "alice@example.com", "properties": {
            "z": 7, "a \"quoted\" name": {"a": ["b", true, null]}}},
        "action": {"name": "read", "properties": {"verb": "GET"}},
        "resource": {"type": "todo", "id": "2/3", "properties": {
            "tenant": "1", "host": "shop", "at": "/tenants/1/todos/2/3"}},
        "context": {"h": "acm\u{e9}", "r": "/tenants/{tenant}/todos/{rest=**}", "fixed": "a\u{e9}\n\"b"},
    });
    let read: EvaluationRequest = serde_json::from_str(&question).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), expected);
    assert_eq!(serde_json::to_string(&read).unwrap(), question, "as the wire types write it");
}

#[test]
fn who_has_no_token_is_nobody_with_properties_whatever_is_mapped() {
    let mut world = world(json!({
        "subject": {"type": "user", "properties": {"plan": {"header": "x-plan"}, "a": {"value": "b"}}},
        "context": {"email": {"claim": "email"}, "plan": {"header": "x-plan"}},
    }));
    let (_, step) = world.get("/r", &[("x-plan", "gold")]);
    let question: Value = serde_json::from_str(&text(&step)).unwrap();
    assert_eq!(question["subject"], json!({"type": "anonymous", "id": "anonymous"}));
    assert_eq!(question["context"], json!({"plan": "gold"}));
}

#[track_caller]
fn is_refused(step: &Step) {
    let forbidden = Rejection::Forbidden { rule: None };
    assert_eq!(refused(step), (403, forbidden), "a refusal and no outage");
}

#[test]
fn what_a_question_cannot_carry_is_refused_and_never_an_outage() {
    for mode in ["deny", "allow"] {
        let routes = json!([route("optional", by_decision(), json!({"failure_mode": mode}))]);
        let mut config = config(routes);
        config["authorization"][0]["request"] = json!({
            "context": {"h": {"header": "x-tenant"}}, "resource": {"id": {"header": "x-id"}}});
        let mut world = World::with_keys(&config);
        let id = ("x-id", "1");
        is_refused(&send(&mut world, "/r", &[("x-tenant", "a"), ("x-tenant", "b"), id]));
        is_refused(&send(&mut world, "/r", &[("x-tenant", "a"), ("x-tenant", "a"), id]));
        is_refused(&send(&mut world, "/r", &[]));
        is_refused(&send(&mut world, "/r", &[("x-id", "")]));
        is_refused(&send(&mut world, "/r", &[id, ("x-tenant", &"x".repeat(70_000))]));
        let bearer = good();
        let not_text: [(&[u8], &[u8]); 5] = [
            (b":method", b"GET"),
            (b":path", b"/r"),
            (b"x-id", b"1"),
            (b"x-tenant", b"\xff"),
            (b"authorization", bearer.as_bytes()),
        ];
        is_refused(&world.send_bytes(&not_text).1);
        asked(&send(&mut world, "/r", &[id, ("x-tenant", "a")]));
    }
}

#[test]
fn a_subject_id_from_a_claim_is_a_text_that_is_not_empty() {
    for (claim, asks) in [("email", true), ("n", false), ("who", false), ("none", false)] {
        let mut world = world(json!({"subject": {"id": {"claim": claim}}}));
        let step = send(&mut world, "/r", &[]);
        assert_eq!(matches!(step, Step::Ask(..)), asks, "{claim}: {step:?}");
        if !asks {
            is_refused(&step);
        }
    }
}

#[test]
fn the_clients_address_is_asked_about_where_it_is_wanted() {
    let routes = json!([route("optional", by_decision(), json!({}))]);
    let mut config = config(routes);
    config["trusted_client_address"] = json!(true);
    config["authorization"][0]["request"] = json!({"context": {"ip": {"client_address": true}}});
    let mut world = World::with_keys(&config);
    let mut ask = |address: Option<&str>| {
        let (stream, step) = world.get("/r", &[("authorization", &good())]);
        assert!(matches!(step, Step::AskAddress), "{step:?}");
        let address = address.map(|text| text.parse().unwrap());
        let step = world.address(stream, address);
        let context = asked(&step)["context"].clone();
        forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
        context
    };
    assert_eq!(ask(Some("203.0.113.9")), json!({"ip": "203.0.113.9"}));
    assert_eq!(ask(Some("2001:db8::1")), json!({"ip": "2001:db8::1"}));
    assert_eq!(ask(None), json!({}), "left out");
}

/// The token is the same, the route too: what is kept with the token must not answer.
#[test]
fn a_decision_is_for_the_header_the_path_and_the_host_that_were_asked_about() {
    let sources = [
        json!({"header": "x-tenant"}),
        json!({"param": "tenant"}),
        json!({"path": true}),
        json!({"host": true}),
    ];
    for source in sources {
        let mut world = world(json!({"context": {"v": source}}));
        let bearer = good();
        let mut ask = |tenant: &str| {
            let (path, host) = (format!("/tenants/{tenant}/todos/"), format!("{tenant}.test"));
            let (stream, step) = world.send(&[
                (":method", "GET"),
                (":path", &path),
                (":authority", &host),
                ("x-tenant", tenant),
                ("authorization", &bearer),
            ]);
            let asks = matches!(step, Step::Ask(..));
            if asks {
                forwarded(&world.answer(stream, 200, Some("max-age=60"), YES));
            }
            asks
        };
        assert!(ask("a") && ask("b"), "{source}");
        assert!(!ask("a") && !ask("b") && !ask("a"), "{source}");
    }
}

#[test]
fn headers_of_the_answer_go_upstream_and_nobody_elses_do() {
    let mut world = world_with(json!({}), json!({"response": {"headers": ["x-plan"]}}));
    let spoofed = [("x-plan", "platinum"), ("X_Plan", "x"), ("x-user-email", "evil")];
    let bearer = good();
    let headers = [&spoofed[..], &[("authorization", &bearer)]].concat();
    let (stream, _) = world.get("/r", &headers);
    let body = r#"{"decision":true,"context":{"headers":{"x-plan":"gold","x-user-name":"root"}}}"#;
    let step = world.answer(stream, 200, Some("max-age=60"), body);
    let (removed, set) = forwarded(&step);
    assert_eq!(removed, ["x-plan", "X_Plan", "x-user-email", "authorization"]);
    assert_eq!(set, [("x-user-email", "alice@example.com"), ("x-plan", "gold")]);
    // The same from the cache, and for somebody who says nothing.
    assert_eq!(forwarded(&world.get("/r", &headers).1), (removed, set));
    let (stream, _) = world.get("/r", &spoofed);
    let step = world.answer(stream, 200, None, YES);
    assert_eq!(
        forwarded(&step),
        (vec!["x-plan", "X_Plan", "x-user-email"], vec![("x-user-roles", "guest")])
    );
}

#[test]
fn an_answer_with_a_header_that_does_not_fit_is_no_answer() {
    let mut world = world_with(json!({}), json!({"response": {"headers": ["x-plan"]}}));
    let (stream, _) = world.get("/r", &[("authorization", &good())]);
    let body = r#"{"decision":true,"context":{"headers":{"x-plan":"a\r\nx-user-roles: admin"}}}"#;
    let (status, rejection) = refused(&world.answer(stream, 200, Some("max-age=60"), body));
    assert_eq!(status, 503);
    assert!(matches!(rejection, Rejection::Undecided { error: CheckError::Malformed, .. }));
    asked(&send(&mut world, "/r", &[]));
}
