//! A decision point that does not decide: 503 that may be repeated, or what the failure mode says,
//! and never identity that nobody vouched for.

use claimgate_abi::{Answer, HeaderMap, status};
use serde_json::json;

use crate::gateway::{Gateway, permit};
use crate::policy::{demo, failing_open, undaunted};

fn outages() -> Vec<Answer> {
    vec![
        Answer::broken(),
        Answer::new(504, "upstream request timeout"),
        Answer::new(503, "upstream connect error or disconnect/reset before headers."),
        Answer::new(500, "oops"),
        Answer::new(204, ""),
        Answer::new(200, ""),
        Answer::new(200, "yes"),
        Answer::new(200, "{\"decision\":\"true\"}"),
        Answer::new(200, "{\"context\":{}}"),
        Answer::new(200, b"{\"decision\":true,\"context\":{\"roles\":[\"\xff\"]}}"),
        Answer::new(200, "{\"decision\":true,\"context\":{\"roles\":[\"user,admin\"]}}"),
        Answer::new(200, format!("{{\"decision\":true,\"x\":\"{}\"}}", "y".repeat(1 << 20))),
        Answer { headers: HeaderMap::new(&[("content-type", "text/plain")]), body: None },
        Answer { headers: HeaderMap::new(&[(":status", "200")]), body: None },
        Answer { headers: HeaderMap::new(&[(":status", "-1")]), body: Some(b"{}".to_vec()) },
    ]
}

/// Sends a request that needs a decision and answers the question.
fn answered(gateway: &mut Gateway, path: &str, answer: Answer) -> u32 {
    let token = gateway.token();
    let stream = gateway.get(path, &token);
    gateway.held(stream);
    let call = gateway.only_call();
    gateway.answer(call.token, answer);
    stream
}

#[test]
fn no_decision_is_no_permission() {
    let mut gateway = Gateway::warm(&undaunted(demo()));
    for answer in outages() {
        let stream = answered(&mut gateway, "/customers", answer);
        gateway.unavailable(stream);
        assert_eq!(gateway.done_to(stream).len(), 1);
    }
    let stream = answered(&mut gateway, "/customers", permit(&["user"]));
    gateway.resumed_last(stream);
}

#[test]
fn a_question_the_decision_point_finds_wrong_is_never_allowed() {
    for policy in [demo(), failing_open()] {
        let mut gateway = Gateway::warm(&policy);
        for status in [400, 401, 403, 404, 429] {
            let stream = answered(&mut gateway, "/customers", Answer::new(status, "{}"));
            gateway.unavailable(stream);
        }
    }
}

#[test]
fn a_call_that_is_refused_is_tried_once_more_and_then_answered() {
    for status in [status::INTERNAL_FAILURE, status::BAD_ARGUMENT] {
        let mut gateway = Gateway::warm(&demo());
        gateway.refuse("proxy_http_call", status);
        let token = gateway.token();
        let stream = gateway.get("/customers", &token);
        gateway.held(stream);
        assert_eq!(gateway.deliver_queue(), 1, "the root tries too");
        let reply = gateway.unavailable(stream);
        assert!(reply.details.contains("unreachable"), "{}", reply.details);
        gateway.relent();
        let stream = answered(&mut gateway, "/customers", permit(&["user"]));
        gateway.resumed_last(stream);
    }
}

#[test]
fn a_call_that_is_refused_after_keys_came_is_answered_too() {
    let mut gateway = Gateway::cold(&demo());
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let call = gateway.fetch();
    gateway.remove_cluster("authz-service");
    let keys = crate::tokens::jwks(&[&crate::tokens::Key::one()]);
    gateway.answer(call.token, Answer::new(200, keys));
    gateway.held(stream);
    gateway.deliver_queue();
    gateway.unavailable(stream);
}

#[test]
fn failing_open_forwards_without_roles_and_says_so() {
    let mut gateway = Gateway::warm(&undaunted(failing_open()));
    for answer in outages() {
        let stream = answered(&mut gateway, "/customers", answer);
        gateway.resumed_last(stream);
        let headers = gateway.forwarded(stream);
        assert!(!headers.has("x-user-roles") && !headers.has("authorization"));
        assert_eq!(headers.text("x-user-email").as_deref(), Some("ada@example.com"));
    }
    assert_eq!(gateway.counted("claimgate.allowed_assumed"), outages().len());
    gateway.refuse("proxy_http_call", status::INTERNAL_FAILURE);
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.deliver_queue();
    assert!(!gateway.forwarded(stream).has("x-user-roles"));
}

#[test]
fn failing_open_covers_its_own_route_only() {
    let mut gateway = Gateway::warm(&failing_open());
    let stream = answered(&mut gateway, "/customers/7", Answer::broken());
    gateway.unavailable(stream);
}

#[test]
fn a_roles_header_is_left_out_only_where_the_policy_says_so() {
    let mut gateway = Gateway::warm(&demo());
    let stream = answered(&mut gateway, "/products/1", Answer::broken());
    gateway.resumed_last(stream);
    assert!(!gateway.forwarded(stream).has("x-user-roles"));
    assert_eq!(gateway.counted("claimgate.allowed_without_roles"), 1);
    let stream = answered(&mut gateway, "/auth/me", Answer::broken());
    gateway.unavailable(stream);
}

#[test]
fn a_token_without_a_subject_is_nobody_to_ask_about() {
    let mut gateway = Gateway::warm(&failing_open());
    let none = json!({});
    for (subject, status) in [
        (none.clone(), 403),
        (json!(""), 403),
        (json!(null), 401),
        (json!(7), 401),
        (json!(["x"]), 401),
    ] {
        let mut claims = crate::tokens::claims(gateway.now());
        claims["sub"] = subject.clone();
        if subject == none {
            claims.as_object_mut().unwrap().remove("sub");
        }
        let token = crate::tokens::Key::one().sign(&claims);
        let stream = gateway.get("/customers", &token);
        gateway.refused(stream, status);
    }
    assert_eq!(gateway.calls(), 0);
}
