//! What clients are told: where to get tokens, and which scopes are missing.

use claimgate::pipeline::Step;
use claimgate::reply::{LocalReply, Rejection};
use serde_json::{Value, json};

use crate::support::*;

const PATH: &str = "/.well-known/oauth-protected-resource";

fn configured(resource: Value) -> Value {
    let scoped = |scopes: Value| json!({"scopes": scopes});
    let mut config = config(json!([
        {"name": "orders", "match": {"path": "/orders"}, "token": "required", "rules": [
            {"name": "no-legacy", "deny": {"claims": {"azp": ["legacy"]}}},
            {"name": "admin", "allow": {"scopes": ["orders:all"], "claims": {"azp": ["admin"]}}},
            {"name": "read", "allow": scoped(json!(["orders:read", "openid"]))},
        ]},
        {"name": "browse", "match": {"path": "/browse"}, "token": "optional", "rules": [
            {"name": "read", "allow": scoped(json!(["orders:read"]))},
        ]},
        {"name": "asks", "match": {"path": "/asks"}, "token": "required", "rules": [
            {"name": "both", "allow": {"scopes": ["orders:write"], "decision": true}},
        ]},
        route("required", allow_all(), json!({})),
        {"name": "everything", "match": {"prefix": "/.well-known"}, "token": "none",
         "rules": allow_all()},
    ]));
    config["identity_headers"] = json!({});
    config["public_origin"] = json!("https://api.test:8443");
    config["protected_resource"] = resource;
    config
}

fn served(step: &Step) -> &LocalReply {
    let Step::Serve(reply) = step else { panic!("not served: {step:?}") };
    reply
}

fn header<'r>(reply: &'r LocalReply, name: &str) -> Option<&'r str> {
    reply.headers.iter().find(|(one, _)| *one == name).map(|(_, value)| &**value)
}

#[test]
fn the_document_names_the_resource_and_where_its_tokens_come_from() {
    let mut world = World::new(&configured(json!({"resource_name": "Orders"})));
    let (_, step) = world.get(PATH, &[("host", "evil.test")]);
    let reply = served(&step);
    assert_eq!((reply.status, header(reply, "content-type")), (200, Some("application/json")));
    let document: Value = serde_json::from_str(&reply.body).unwrap();
    let expected = json!({
        "resource": "https://api.test:8443",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["orders:all", "orders:read", "openid", "orders:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Orders",
    });
    assert_eq!(document, expected);
}

#[test]
fn what_is_configured_counts_before_what_is_found() {
    let config = configured(json!({
        "resource": "https://api.test:8443/mcp", "authorization_servers": ["https://as.test"],
        "scopes_supported": ["mcp"], "resource_documentation": "https://docs.test/",
    }));
    let mut world = World::new(&config);
    let (_, step) = world.get(&format!("{PATH}/mcp"), &[]);
    let document: Value = serde_json::from_str(&served(&step).body).unwrap();
    assert_eq!(document["resource"], "https://api.test:8443/mcp");
    assert_eq!(document["authorization_servers"], json!(["https://as.test"]));
    assert_eq!(document["scopes_supported"], json!(["mcp"]));
    // The document of another resource is not ours to serve: a route may.
    assert!(matches!(world.get(PATH, &[]).1, Step::Forward(..)));
}

#[test]
fn it_can_be_read_and_nothing_else() {
    let mut world = World::new(&configured(json!({})));
    let mut step = |method: &str, path: &str| world.send(&[(":method", method), (":path", path)]).1;
    let head = step("HEAD", PATH);
    assert_eq!((served(&head).status, &*served(&head).body), (200, ""));
    let options = step("OPTIONS", PATH);
    assert_eq!(served(&options).status, 204);
    assert_eq!(header(served(&options), "access-control-allow-origin"), Some("*"));
    assert_eq!(refused(&step("POST", PATH)).0, 405);
    assert!(matches!(step("GET", &format!("{PATH}?x=1")), Step::Serve(_)));
    assert_eq!(refused(&step("GET", &format!("/{PATH}"))).0, 400);
    assert!(matches!(step("GET", &format!("{PATH}/")), Step::Forward(..)));
}

/// Status and challenge for a token with these claims; none for a request that goes on.
fn challenged(world: &mut World, path: &str, change: Option<Value>) -> Option<(u16, String)> {
    let bearer = change.map(|change| format!("Bearer {}", ONE.token(&claims(change))));
    let authorization: Vec<_> = bearer.iter().map(|bearer| ("authorization", &**bearer)).collect();
    let (_, step) = world.get(path, &authorization);
    let Step::Reply(rejection, _) = &step else { return None };
    let reply = rejection.reply(&world.engine.policy().challenge(world.now));
    Some((reply.status, header(&reply, "www-authenticate").unwrap_or_default().to_owned()))
}

#[test]
fn a_challenge_names_the_error_the_scopes_and_the_document() {
    let mut world = World::with_keys(&configured(json!({})));
    let metadata = format!("resource_metadata=\"https://api.test:8443{PATH}\"");
    let (status, bare) = challenged(&mut world, "/orders", None).unwrap();
    assert_eq!((status, bare), (401, format!("Bearer scope=\"orders:all\", {metadata}")));
    let (status, bare) = challenged(&mut world, "/r", None).unwrap();
    assert_eq!((status, bare), (401, format!("Bearer {metadata}")));
    let (status, invalid) =
        challenged(&mut world, "/orders", Some(json!({"exp": START - 100}))).unwrap();
    assert_eq!(status, 401);
    assert!(invalid.starts_with("Bearer error=\"invalid_token\""), "{invalid}");
    assert!(invalid.ends_with(&format!("scope=\"orders:all\", {metadata}")), "{invalid}");
}

#[test]
fn missing_scopes_are_named_where_only_they_are_missing() {
    let mut world = World::with_keys(&configured(json!({})));
    let mut scope = |path: &str, change: Value| match challenged(&mut world, path, Some(change)) {
        None => "none".to_owned(),
        Some((403, challenge)) if challenge.is_empty() => "forbidden".to_owned(),
        Some((403, challenge)) => {
            assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{challenge}");
            let scope = challenge.split("scope=\"").nth(1).unwrap();
            scope[..scope.find('"').unwrap()].to_owned()
        }
        other => panic!("{other:?}"),
    };
    // Twice, because the second time the token is known, and which rules cannot fire for it.
    for _ in 0..2 {
        assert_eq!(scope("/orders", json!({"scope": "openid orders:read"})), "none");
        assert_eq!(scope("/orders", json!({"scp": ["openid", "orders:read"]})), "none");
        assert_eq!(scope("/orders", json!({"scope": "orders:read"})), "orders:read openid");
        assert_eq!(scope("/orders", json!({})), "orders:read openid");
        assert_eq!(scope("/orders", json!({"azp": "admin"})), "orders:all");
        assert_eq!(scope("/orders", json!({"azp": "legacy"})), "forbidden");
        assert_eq!(scope("/asks", json!({"scope": "orders:read"})), "orders:write");
    }
}

#[test]
fn what_the_decision_point_denies_no_scope_would_change() {
    let mut world = World::with_keys(&configured(json!({})));
    let bearer = format!("Bearer {}", ONE.token(&claims(json!({"scope": "orders:write"}))));
    let (stream, step) = world.get("/asks", &[("authorization", &bearer)]);
    assert_eq!(asked(&step)["action"]["name"], "GET");
    let step = world.answer(stream, 200, None, r#"{"decision": false}"#);
    assert_eq!(refused(&step), (403, Rejection::Forbidden { rule: None }));
}

#[test]
fn whoever_has_no_token_is_asked_for_one() {
    let mut world = World::with_keys(&configured(json!({})));
    let (status, challenge) = challenged(&mut world, "/browse", None).unwrap();
    assert_eq!(status, 401);
    assert!(challenge.starts_with("Bearer scope=\"orders:read\""), "{challenge}");
}
