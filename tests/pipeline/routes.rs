//! Paths, routes, methods, and headers that only we may set.

use serde_json::json;

use crate::support::*;

#[test]
fn a_path_that_is_not_canonical_is_refused_on_every_route() {
    let mut world = World::new(&config(json!([
        {"name": "any", "match": {"prefix": "/r"}, "token": "none", "rules": allow_all()},
    ])));
    for path in ["//r", "/r/../x", "/r;x", "/r%2fx", "/%72", "/r\\x", "*", "", "r", "/r#x"] {
        let (_, step) = world.get(path, &[]);
        assert_eq!(refused(&step).0, 400, "{path}");
    }
    let (_, step) = world.send(&[(":method", "CONNECT"), (":authority", "shop:443")]);
    assert_eq!(refused(&step).0, 400);
    forwarded(&world.get("/r?x=;//..%2f", &[]).1);
}

#[test]
fn nothing_matches_nothing_passes() {
    let mut world = World::new(&config(json!([route("none", allow_all(), json!({}))])));
    for path in ["/", "/rX", "/r/", "/R", "/r/x"] {
        let reply = reply(&world.get(path, &[]).1);
        assert_eq!((reply.status, reply.body.as_str()), (404, ""), "{path}");
    }
}

#[test]
fn a_known_path_with_another_method_names_the_methods() {
    let route = json!({"name": "r", "match": {"path": "/r", "methods": ["GET", "HEAD"]}, "token": "none", "rules": allow_all()});
    let mut world = World::new(&config(json!([route])));
    let (_, step) = world.send(&[(":method", "PUT"), (":path", "/r")]);
    let reply = reply(&step);
    assert_eq!(reply.status, 405);
    assert!(reply.headers.contains(&("allow", "GET, HEAD".into())));
    let (_, step) = world.send(&[(":method", "get"), (":path", "/r")]);
    assert_eq!(refused(&step).0, 405, "methods are case-sensitive");
}

#[test]
fn headers_that_are_ours_are_removed_whoever_may_pass() {
    let spoofed = [
        ("x-user-email", "admin@example.com"),
        ("X-User-Roles", "admin"),
        ("x_user_roles", "admin"),
        ("x-user-roles", "admin"),
        ("x-envoy-original-path", "/public"),
    ];
    let names =
        ["x-user-email", "X-User-Roles", "x_user_roles", "x-user-roles", "x-envoy-original-path"];
    let mut none = World::new(&config(json!([route("none", allow_all(), json!({}))])));
    let (_, step) = none.get("/r", &spoofed);
    assert_eq!(forwarded(&step), (names.to_vec(), vec![]));

    let mut optional = World::new(&config(json!([route("optional", allow_all(), json!({}))])));
    let (_, step) = optional.get("/r", &spoofed);
    assert_eq!(forwarded(&step), (names.to_vec(), vec![("x-user-roles", "guest")]));
}

#[test]
fn the_first_route_in_the_order_written_wins() {
    let named = |name: &str, path: &str, rules| json!({"name": name, "match": {"path": path}, "token": "none", "rules": rules});
    let deny = json!([{"name": "no", "deny": {"always": true}}]);
    let mut world =
        World::new(&config(json!([named("a", "/x/{y}", deny), named("b", "/x/z", allow_all())])));
    assert_eq!(refused(&world.get("/x/z", &[]).1).0, 403);
}
