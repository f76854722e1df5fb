//! The policy that most tests run under: the demo's, as JSON.

use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "http://localhost:8180/realms/api-gateway-poc";
pub(crate) const KEYS_PATH: &str = "/realms/api-gateway-poc/protocol/openid-connect/certs";
pub(crate) const CLUSTERS: [&str; 2] = ["idp", "authz-service"];

/// The demo's policy, without tolerance for clocks, so that a token ends when it says.
pub(crate) fn demo() -> Value {
    json!({
        "version": "v1",
        "providers": [{
            "name": "keycloak",
            "issuer": ISSUER,
            "audiences": ["account"],
            "clock_skew": "0s",
            "roles_claim": "realm_access.roles",
            "jwks": {"cluster": "idp", "url": format!("http://localhost:8180{KEYS_PATH}"), "timeout": "1s"},
        }],
        "authorization": [{
            "name": "authz",
            "cluster": "authz-service",
            "path": "/access/v1/evaluation",
            "timeout": "250ms",
            "request": {"subject": {"properties": {
                "email": {"claim": "email"}, "email_verified": {"claim": "email_verified"}}}},
            "cache": {"max_entries": 10000, "default_ttl": "0s", "max_ttl": "5m"},
        }],
        "identity_headers": {
            "x-user-email": {"claim": "email"},
            "x-user-name": {"claim": "name"},
            "x-email-verified": {"claim": "email_verified"},
            "x-user-roles": {"roles": "decision", "anonymous": "guest"},
        },
        "unmatched": {"status": 404},
        "routes": routes(),
    })
}

fn routes() -> Value {
    let permitted = json!([{"name": "permitted", "allow": {"decision": true}}]);
    let everybody = json!([{"name": "everybody", "allow": {"always": true}}]);
    json!([
        {"name": "customers-health", "match": {"path": "/customers/health"}, "token": "required",
         "rules": everybody, "roles_on_failure": "absent"},
        {"name": "customers", "match": {"path": "/customers"}, "token": "required", "rules": permitted},
        {"name": "customer", "match": {"path": "/customers/{customer_id}"}, "token": "required",
         "rules": permitted},
        {"name": "products", "match": {"prefix": "/products"}, "token": "optional",
         "rules": everybody, "roles_on_failure": "absent"},
        {"name": "me", "match": {"path": "/auth/me", "methods": ["GET"]}, "token": "optional",
         "rules": everybody},
        {"name": "realm", "match": {"prefix": "/auth/realms/api-gateway-poc"}, "token": "none",
         "rules": everybody},
    ])
}

/// The demo's policy without the roles header: nothing but a rule asks the decision point.
pub(crate) fn without_roles() -> Value {
    let mut policy = demo();
    let headers = policy["identity_headers"].as_object_mut().unwrap();
    headers.remove("x-user-roles");
    policy
}

/// The demo's policy with another failure mode for `/customers`.
pub(crate) fn failing_open() -> Value {
    let mut policy = demo();
    policy["routes"][1]["failure_mode"] = json!("allow");
    policy
}

/// A policy that goes on asking, whatever becomes of it.
pub(crate) fn undaunted(mut policy: Value) -> Value {
    policy["authorization"][0]["breaker"] = json!({"failures": 0});
    policy
}
