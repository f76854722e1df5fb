//! The filter's configurations.
//!
//! Each scenario has a VM of its own, so that none finds a cache that another filled.

use serde_json::{Value, json};

use crate::site::{self, PATH, Site};
use crate::tokens::{AUDIENCE, ISSUER};

/// What reaches the upstream when roles come from the token.
pub const ROLES_OF_TOKEN: &[(&str, &str)] = &[
    ("x-user-email", "ada@bench.example"),
    ("x-user-name", "Ada Lovelace"),
    ("x-email-verified", "true"),
    ("x-user-roles", "user"),
];

/// What reaches the upstream when roles come from the decision point: another role tells them apart.
pub const ROLES_OF_DECISION: &[(&str, &str)] = &[
    ("x-user-email", "ada@bench.example"),
    ("x-user-name", "Ada Lovelace"),
    ("x-email-verified", "true"),
    ("x-user-roles", "user,decided"),
];

/// A route that needs no token; the identity headers are still removed.
pub fn public(site: &Site, scenario: &str) -> Vec<Value> {
    let rules = json!([{"name": "anyone", "allow": {"always": true}}]);
    vec![filter(site, scenario, &route("none", &rules), "token")]
}

/// A rule on a role in the token, four identity headers from the token.
pub fn role_rule(site: &Site, scenario: &str) -> Vec<Value> {
    let roles = json!({"any_of": ["user"], "from": "token"});
    let rules = json!([{"name": "has-role", "allow": {"roles": roles}}]);
    vec![filter(site, scenario, &route("required", &rules), "token")]
}

/// The remote decision, and the same headers with the roles that it names.
pub fn decision_rule(site: &Site, scenario: &str) -> Vec<Value> {
    let rules = json!([{"name": "permitted", "allow": {"decision": true}}]);
    vec![filter(site, scenario, &route("required", &rules), "decision")]
}

fn route(token: &str, rules: &Value) -> Value {
    json!({"name": "bench", "match": {"path": PATH}, "token": token, "rules": rules})
}

fn filter(site: &Site, scenario: &str, route: &Value, roles: &str) -> Value {
    let configuration = policy(site, route, roles);
    json!({
        "name": "claimgate",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": scenario,
                "root_id": "claimgate",
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": scenario,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": site.plugin}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.Struct",
                    "value": configuration,
                },
            },
        },
    })
}

fn policy(site: &Site, route: &Value, roles: &str) -> Value {
    let keys = format!("http://{}/keys", site::local(&site.idp));
    let properties =
        json!({"email": {"claim": "email"}, "email_verified": {"claim": "email_verified"}});
    let mut policy = json!({
        "version": "v1",
        "providers": [{
            "name": "bench",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "roles_claim": "realm_access.roles",
            "jwks": {"cluster": "idp", "url": keys},
        }],
        "identity_headers": {
            "x-user-email": {"claim": "email"},
            "x-user-name": {"claim": "name"},
            "x-email-verified": {"claim": "email_verified"},
            "x-user-roles": {"roles": roles},
        },
        "routes": [route],
    });
    if roles == "decision" {
        policy["authorization"] = json!([{
            "name": "authz",
            "cluster": "decision-point",
            "request": {"subject": {"properties": properties}},
            "cache": {"max_ttl": "5m"},
        }]);
    }
    policy
}
