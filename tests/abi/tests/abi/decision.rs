//! Asking the decision point: what is asked, and what follows from each answer.

use claimgate_abi::{Answer, Effect, HeaderMap, Map, Vm};
use serde_json::json;

use crate::gateway::{Gateway, deny, permit, question, request};
use crate::policy::{CLUSTERS, demo, without_roles};
use crate::tokens::{Key, claims, jwks};

fn replaced(done: &[Effect]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<_> = done
        .iter()
        .filter_map(|effect| match effect {
            Effect::Replace { name, value, .. } => Some((name.as_str(), value.as_str())),
            _ => None,
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

#[test]
fn the_question_is_the_authzen_document_and_nothing_else() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let path = "/customers/7?full=1";
    let headers = request(path).with("authorization", format!("Bearer {token}"));
    let stream = gateway.send(headers.with("cookie", "session=1").with("x-user-roles", "admin"));
    gateway.held(stream);
    let call = gateway.only_call();
    assert_eq!(call.body, question("GET", "/customers/{customer_id}"));
    assert_eq!((call.cluster.as_str(), call.timeout), ("authz-service", 250));
    let names: Vec<_> = call.headers.names().map(|n| String::from_utf8_lossy(n)).collect();
    let expected = [":method", ":scheme", ":authority", ":path", "content-type", "accept"];
    assert_eq!(names, expected, "the client's headers go nowhere");
    assert_eq!(call.headers.text(":method").as_deref(), Some("POST"));
    assert_eq!(call.headers.text(":path").as_deref(), Some("/access/v1/evaluation"));
    assert_eq!(call.headers.text("content-type").as_deref(), Some("application/json"));
}

#[test]
fn a_claim_that_is_missing_is_left_out_of_the_question() {
    let mut gateway = Gateway::warm(&demo());
    let mut bare = claims(gateway.now());
    bare.as_object_mut().unwrap().retain(|name, _| !name.starts_with("email"));
    let token = Key::one().sign(&bare);
    gateway.get("/customers", &token);
    let body: serde_json::Value = serde_json::from_str(&gateway.only_call().body).unwrap();
    assert_eq!(body["subject"], json!({"type": "identity", "id": crate::tokens::SUBJECT}));
}

#[test]
fn a_yes_sets_identity_and_takes_the_token_away() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    assert_eq!(call.by, stream);
    gateway.answer(call.token, permit(&["user", "admin"]));
    let done = gateway.resumed_last(stream);
    let name = "authorization".to_owned();
    let taken = Effect::Remove { stream, map: Map::Request, name };
    assert!(done.contains(&taken), "{done:?}");
    let expected = [
        ("x-email-verified", "true"),
        ("x-user-email", "ada@example.com"),
        ("x-user-name", "Ada L."),
        ("x-user-roles", "user,admin"),
    ];
    assert_eq!(replaced(&done), expected);
    let headers = gateway.forwarded(stream);
    assert!(!headers.has("authorization"));
    assert_eq!(headers.text(":path").as_deref(), Some("/customers"));
    assert_eq!(headers.text("x-request-id").as_deref(), Some("8d2a"));
    assert_eq!(gateway.counted("claimgate.allowed"), 1);
}

#[test]
fn a_no_is_a_403_and_nothing_else() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, deny());
    gateway.refused(stream, 403);
    assert_eq!(gateway.done_to(stream).len(), 1, "nothing but the answer");
    assert_eq!(gateway.counted("claimgate.forbidden"), 1);
}

#[test]
fn the_rule_that_refuses_is_named_to_the_operator_alone() {
    let mut policy = demo();
    let rule = json!({"name": "inner-circle", "deny": {"decision": false}});
    policy["routes"][1]["rules"].as_array_mut().unwrap().insert(0, rule);
    let mut gateway = Gateway::warm(&policy);
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, deny());
    let reply = gateway.refused(stream, 403);
    assert_eq!(reply.details, "claimgate.forbidden.inner-circle");
    let client_sees = format!("{} {:?}", reply.body, reply.headers.text("www-authenticate"));
    assert!(!client_sees.contains("inner-circle"), "{client_sees}");
}

#[test]
fn roles_of_the_token_serve_where_the_policy_takes_them_from_there() {
    let mut policy = without_roles();
    policy["identity_headers"]["x-user-roles"] = json!({"roles": "token"});
    let mut gateway = Gateway::warm(&policy);
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    assert_eq!(gateway.forwarded(stream).text("x-user-roles").as_deref(), Some("user,admin"));
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn a_route_that_needs_no_answer_still_asks_for_the_roles_header() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let stream = gateway.get("/auth/me", &token);
    let call = gateway.only_call();
    gateway.answer(call.token, deny());
    gateway.resumed_last(stream);
    let anonymous = gateway.send(request("/auth/me"));
    let headers = gateway.forwarded(anonymous);
    assert_eq!(headers.text("x-user-roles").as_deref(), Some("guest"));
    assert!(!headers.has("x-user-email"));
}

#[test]
fn where_no_token_is_read_none_is_touched() {
    let mut gateway = Gateway::cold(&demo());
    let stream = gateway.get("/auth/realms/api-gateway-poc/protocol", "not.a.token");
    let headers = gateway.forwarded(stream);
    assert_eq!(headers.text("authorization").as_deref(), Some("Bearer not.a.token"));
    assert!(!headers.has("x-user-roles"));
}

#[test]
fn the_call_carries_the_secret_of_the_environment() {
    let mut policy = demo();
    policy["authorization"][0]["credential_env"] = json!("AUTHZ_TOKEN");
    let mut vm = Vm::start_with(&CLUSTERS, &[("AUTHZ_TOKEN", "s3cret")]);
    let (root, accepted) = vm.root(policy.to_string().as_bytes());
    assert!(accepted, "{:?}", vm.logs());
    let mut gateway = Gateway { vm, root };
    let token = gateway.token();
    gateway.get("/customers", &token);
    let call = gateway.fetch();
    assert!(!call.headers.has("authorization"), "not for the identity provider");
    gateway.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    let call = gateway.only_call();
    assert_eq!(call.headers.text("authorization").as_deref(), Some("Bearer s3cret"));
}

#[test]
fn another_method_or_path_is_refused_before_anybody_is_asked() {
    let mut gateway = Gateway::warm(&demo());
    let token = gateway.token();
    let headers = HeaderMap::new(&[(":path", "/auth/me"), (":method", "POST")]);
    let stream = gateway.send(headers);
    let reply = gateway.refused(stream, 405);
    assert_eq!(reply.headers.text("allow").as_deref(), Some("GET"));
    let stream = gateway.get("/customers/7/orders", &token);
    let reply = gateway.refused(stream, 404);
    assert_eq!((reply.body.as_str(), gateway.calls()), ("", 0));
}
