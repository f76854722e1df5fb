//! Rules, hosts and shadows in a real Envoy, what its access log says of them, and refusals in gRPC.

use std::net::SocketAddr;
use std::sync::{LazyLock, OnceLock};

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::stacks::{Shared, builder, shared};
use claimgate_e2e::{SOON, edit};
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::stack::{Part, Stack};

static ECHO: LazyLock<Echo> = LazyLock::new(Echo::start);

/// Below paths that Envoy routes: it has no part in which of ours a request belongs to.
fn policy(config: &mut Value) {
    let policy = edit::policy(config);
    policy["trusted_client_address"] = true.into();
    policy["rule_sets"] = json!({"here": [
        {"name": "elsewhere", "deny": {"not": {"client_address": ["127.0.0.0/8", "::1"]}}},
    ]});
    let route = |name: &str, path: &str, more: Value| {
        let mut route = json!({"name": name, "match": {"path": path}, "token": "optional"});
        route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        route
    };
    let all = json!([{"name": "all", "allow": {"always": true}}]);
    policy["routes"] = json!([
        route(
            "admin",
            "/products/host",
            json!({
                "match": {"path": "/products/host", "hosts": ["admin.example"]},
                "rules": [{"name": "nobody", "deny": {"always": true}}],
            })
        ),
        route(
            "host",
            "/products/host",
            json!({
                "match": {"path": "/products/host", "hosts": ["*.example"]}, "rules": all,
            })
        ),
        route(
            "channel",
            "/products/channel",
            json!({"access_log": true, "rules": [
                {"use": "here"},
                {"name": "internal", "allow": {"headers": {"x-channel": {"prefix": "internal-"}}}},
            ]})
        ),
        route(
            "trial",
            "/products/trial",
            json!({
                "mode": "shadow", "until": "2099-01-01",
                "rules": [{"name": "nobody", "deny": {"always": true}}],
            })
        ),
        route(
            "service",
            "/products/{service=*}/call",
            json!({
                "token": "required", "match": {"path": "/products/*/call", "methods": ["POST"]},
                "rules": all,
            })
        ),
    ]);
}

fn stack() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "rules", || {
        let builder = builder().without(Part::Customers).without(Part::Products);
        builder.edit_envoy(edit::all_routes_to(&ECHO)).edit_envoy(policy)
    })
}

fn send(request: &Request) -> Reply {
    let to: SocketAddr = stack().address(Part::Envoy);
    request.send(to)
}

#[test]
fn a_host_leads_to_its_own_rules_however_it_is_spelt() {
    for host in ["admin.example", "ADMIN.example", "admin.example.", "admin.example:8080"] {
        assert_eq!(send(&Request::get("/products/host").host(host)).status, 403, "{host}");
    }
    assert_eq!(send(&Request::get("/products/host").host("shop.example")).status, 200);
    assert_eq!(send(&Request::get("/products/host").host("example")).status, 404);
}

#[test]
fn headers_and_addresses_decide() {
    let get = |value: &str| Request::get("/products/channel").header("x-channel", value);
    assert_eq!(send(&get("internal-7")).status, 200);
    assert_eq!(send(&get("partner")).status, 403);
    assert_eq!(
        send(&get("internal-7").header("x-channel", "partner")).status,
        403,
        "it came twice"
    );
    // What a client says of its address counts for nothing.
    assert_eq!(send(&get("internal-7").header("x-forwarded-for", "192.0.2.1")).status, 200);
}

#[test]
fn a_shadow_forwards_what_it_would_refuse_without_an_identity() {
    let forged = Request::get("/products/trial").header("x-user-roles", "admin");
    let echoed = Echoed::of(&send(&forged));
    assert!(echoed.headers.all("x-user-roles").is_empty(), "{echoed:?}");
    logged("/products/trial", "\\\"outcome\\\":\\\"waived\\\"");
}

#[test]
fn the_access_log_names_route_rule_and_reason() {
    send(&Request::get("/products/channel").header("x-channel", "partner"));
    let refused = "\\\"reason\\\":\\\"no_rule\\\",\\\"route\\\":\\\"channel\\\"";
    logged("/products/channel", refused);
    send(&Request::get("/products/channel").header("x-channel", "internal-1"));
    logged("/products/channel", "\\\"outcome\\\":\\\"allowed\\\"");
    logged("/products/channel", "\\\"rule\\\":\\\"internal\\\"");
}

/// Waits for a line of the access log about a path that has this in it.
#[track_caller]
fn logged(path: &str, part: &str) {
    let there = || {
        let log = stack().log_tails(2_000);
        log.lines().any(|line| line.contains(path) && line.contains(part))
    };
    assert!(wait_until(SOON, there), "{part}\n{}", stack().log_tails(40));
}

#[test]
fn who_speaks_grpc_is_refused_in_grpc() {
    let call =
        Request::new("POST", "/products/orders/call").header("content-type", "application/grpc");
    let reply = send(&call.body(vec![0; 5]));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.headers.one("grpc-status"), Some("16"), "{reply:?}");
    assert_eq!(reply.headers.one("grpc-message"), Some("A bearer token is required."));
    assert_eq!(reply.headers.one("content-type"), Some("application/grpc"));
    let nowhere =
        Request::new("POST", "/products/x/y/z").header("content-type", "application/grpc");
    assert_eq!(send(&nowhere.body(vec![0; 5])).headers.one("grpc-status"), Some("12"));
}
