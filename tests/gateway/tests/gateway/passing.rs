//! What passes and what does not. The contract's own cases are run by `cargo xtask test-gateway` besides.

use std::fs;
use std::process::Command;

use claimgate_e2e::client::Request;
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use serde_json::Value;
use xtask::stack::Part;

use crate::support::{Own, get, world};

/// Names that the decision point and the services have in a cluster, or in Envoy.
const INSIDE: [&str; 7] = [
    "authz-service",
    "authz-service:8003",
    "authz-service.claimgate.svc.cluster.local",
    "idp.claimgate.svc.cluster.local",
    "customer-service",
    "127.0.0.1:8003",
    "envoy-gateway.envoy-gateway-system.svc.cluster.local",
];

#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn everybody_gets_what_they_may_have_and_the_services_know_it_came_through_the_filter() {
    let gateway = Own::start(&world().manifests().unwrap());
    let token = tokens::access(world().stack(), &CUSTOMER_MANAGER);
    assert_eq!(get(&gateway, "/customers", None).status, 401);
    // customer-service wants the secret and a statement, product-service the secret: from the filter alone.
    let all = get(&gateway, "/customers", Some(&token));
    assert_eq!((all.status, all.json().as_array().map(Vec::len)), (200, Some(7)), "{all:?}");
    let guest = get(&gateway, "/products", None);
    assert_eq!((guest.status, guest.json().as_array().map(Vec::len)), (200, Some(3)), "{guest:?}");
    assert_eq!(get(&gateway, "/products", Some("no.good.token")).status, 401);
    let me = get(&gateway, "/auth/me", Some(&token));
    assert_eq!((me.status, &me.json()["email"]), (200, &CUSTOMER_MANAGER.email.into()), "{me:?}");
    nobody_reaches_what_has_no_route(&gateway);
    control_headers_of_envoy_are_not_a_client_s(&gateway, &token);
    it_is_served_with_tls(&gateway, &token);
    the_log_has_no_query_and_says_why(&gateway);
    metrics_say_which_provider_they_are_about(&gateway);
}

/// The contract's rows about that, but for `/auth/me`, for which Envoy Gateway has no words (docs/gateway-api.md).
#[test]
#[ignore = "needs Envoy Gateway: cargo xtask test-gateway"]
fn while_authz_service_is_frozen_nobody_undecided_passes_and_everybody_else_does() {
    let gateway = Own::start(&world().manifests().unwrap());
    let token = tokens::access(world().stack(), &CUSTOMER_MANAGER);
    assert_eq!(get(&gateway, "/products", Some(&token)).status, 200, "keys are there");
    let authz = world().stack().part(Part::Authz).unwrap();
    authz.freeze();
    let customers = get(&gateway, "/customers", Some(&token));
    let products = [None, Some(&*token)].map(|token| get(&gateway, "/products", token).status);
    let (health, nobody) =
        (get(&gateway, "/customers/health", Some(&token)), get(&gateway, "/customers", None));
    authz.thaw();
    assert_eq!(customers.status, 503, "{customers:?}");
    assert!(customers.headers.has("retry-after"), "{customers:?}");
    assert_eq!((products, health.status, nobody.status), ([200, 200], 200, 401));
    let back = || get(&gateway, "/customers", Some(&token)).status == 200;
    assert!(claimgate_proc::wait_until(claimgate_e2e::SOON, back), "it does not come back");
}

pub fn nobody_reaches_what_has_no_route(gateway: &Own) {
    let paths = [
        "/access/v1/evaluation",
        "/authz/me",
        "/authz/roles",
        "/health/ready",
        "/v1/state",
        "/auth/admin",
        "/",
    ];
    for host in INSIDE {
        for path in paths {
            let reply = Request::get(path).host(host).send(gateway.address());
            assert_eq!((reply.status, &*reply.text()), (404, ""), "{host}{path}");
        }
        let question = Request::new("POST", "/access/v1/evaluation").host(host).body("{}");
        assert_eq!(question.send(gateway.address()).status, 404, "{host}");
    }
}

/// Envoy would let whoever calls from a private address choose its timeouts and its path.
fn control_headers_of_envoy_are_not_a_client_s(gateway: &Own, token: &str) {
    for (name, value) in [
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-original-path", "/customers"),
        ("x-envoy-decorator-operation", "x"),
    ] {
        let request = Request::get("/customers/1").bearer(token).header(name, value);
        let reply = request.send(gateway.address());
        assert_eq!((reply.status, &reply.json()["id"]), (200, &1.into()), "{name}: {reply:?}");
    }
}

fn it_is_served_with_tls(gateway: &Own, token: &str) {
    let port = world().stack().ports().envoy_admin;
    let certificate = gateway.folder().join("scratch/tls.crt");
    let ask = |more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "10", "--output", "/dev/null"]);
        curl.args(["--write-out", "%{http_code} %{ssl_verify_result}", "--cacert"])
            .arg(&certificate);
        curl.args(["--resolve", &format!("api.example.com:{port}:127.0.0.1")]).args(more);
        let output =
            curl.arg(format!("https://api.example.com:{port}/customers")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask(&[]), "401 0");
    assert_eq!(ask(&["--header", &format!("authorization: Bearer {token}")]), "200 0");
}

fn the_log_has_no_query_and_says_why(gateway: &Own) {
    assert_eq!(get(gateway, "/customers?secret=hidden", None).status, 401);
    let lines = || {
        let log = fs::read_to_string(gateway.folder().join("envoy-gateway.log")).unwrap();
        assert!(!log.contains("hidden"), "a query was logged");
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.rfind(|line| line["path"] == "/customers" && line["status"] == 401)
    };
    let logged = claimgate_proc::wait_until(claimgate_e2e::SOON, || lines().is_some());
    assert!(logged, "no line for the request");
    let line = lines().unwrap();
    assert!(line["claimgate"].as_str().is_some_and(|said| said.contains("customers")), "{line}");
    assert_eq!(line["method"], "GET");
}

fn metrics_say_which_provider_they_are_about(gateway: &Own) {
    let admin = gateway.admin().unwrap();
    let (_, metrics) =
        claimgate_proc::http_get(admin, "/stats/prometheus?filter=claimgate.jwks").unwrap();
    for name in ["age_seconds", "healthy", "keys"] {
        let labelled = format!(r#"claimgate_jwks_{name}{{claimgate_provider="keycloak"}} "#);
        assert!(metrics.contains(&labelled), "{metrics}");
    }
}
