//! The filter's configurations.

use serde_json::{Value, json};

use crate::floor;
use crate::signer::Algorithm;
use crate::site::{self, Site};
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

/// The template of the path that is requested.
const TEMPLATE: &str = "/api/v1/orders/{order_id}/lines/{line_id}";

/// A route that needs no token; the identity headers are still removed.
pub fn public(site: &Site, scenario: &str) -> Vec<Value> {
    let routes = json!([route("none", &anyone())]);
    vec![filter(site, scenario, &policy(site, Algorithm::Rs256, &headers("token"), &routes))]
}

/// A token, and nothing else.
pub fn token(site: &Site, scenario: &str) -> Vec<Value> {
    let routes = json!([route("required", &anyone())]);
    vec![filter(site, scenario, &policy(site, Algorithm::Rs256, &json!({}), &routes))]
}

/// A rule on a role in the token.
pub fn role_rule(site: &Site, scenario: &str) -> Vec<Value> {
    let routes = json!([route("required", &has_role())]);
    vec![filter(site, scenario, &policy(site, Algorithm::Rs256, &json!({}), &routes))]
}

/// Four identity headers from the token.
pub fn identity_headers(site: &Site, scenario: &str) -> Vec<Value> {
    let routes = json!([route("required", &anyone())]);
    vec![filter(site, scenario, &policy(site, Algorithm::Rs256, &headers("token"), &routes))]
}

/// A rule on a role in the token, and four identity headers from it.
pub fn whole_job(site: &Site, scenario: &str) -> Vec<Value> {
    signed(site, scenario, Algorithm::Rs256)
}

/// The same with tokens of this algorithm.
pub fn signed(site: &Site, scenario: &str, algorithm: Algorithm) -> Vec<Value> {
    let routes = json!([route("required", &has_role())]);
    vec![filter(site, scenario, &policy(site, algorithm, &headers("token"), &routes))]
}

/// The same with `count` routes; the one that is requested is in the middle.
pub fn routes(site: &Site, scenario: &str, count: usize) -> Vec<Value> {
    let routes: Vec<Value> = (0..count)
        .map(|at| if at == count / 2 { route("required", &has_role()) } else { another_route(at) })
        .collect();
    let policy = policy(site, Algorithm::Rs256, &headers("token"), &json!(routes));
    vec![filter(site, scenario, &policy)]
}

/// The same with `count` rules, of which the last one allows.
pub fn rules(site: &Site, scenario: &str, count: usize) -> Vec<Value> {
    let others = (1..count).map(other_rule);
    let rules: Vec<Value> =
        others.chain(has_role().as_array().cloned().unwrap_or_default()).collect();
    let routes = json!([route("required", &json!(rules))]);
    vec![filter(site, scenario, &policy(site, Algorithm::Rs256, &headers("token"), &routes))]
}

/// The remote decision, and the same headers with the roles that it names.
pub fn decision(site: &Site, scenario: &str, cached: bool) -> Vec<Value> {
    let routes =
        json!([route("required", &json!([{"name": "permitted", "allow": {"decision": true}}]))]);
    let mut policy = policy(site, Algorithm::Rs256, &headers("decision"), &routes);
    let properties =
        json!({"email": {"claim": "email"}, "email_verified": {"claim": "email_verified"}});
    policy["authorization"] = json!([{
        "name": "authz",
        "cluster": scenario,
        "request": {"subject": {"properties": properties}},
        // Longer than any run, or not at all.
        "cache": {"max_ttl": if cached { "1h" } else { "0s" }},
    }]);
    vec![filter(site, scenario, &policy)]
}

/// As an API has them: by resource, with shared beginnings, most with parameters.
fn another_route(at: usize) -> Value {
    let resource = format!("resource-{}", at / 8);
    let matches = match at % 8 {
        0 => json!({"path": format!("/api/v1/{resource}")}),
        1 => json!({"path": format!("/api/v1/{resource}/{{id}}")}),
        2 => json!({"path": format!("/api/v1/{resource}/{{id}}/details")}),
        3 => json!({"path": format!("/api/v1/{resource}/{{id}}/lines/{{line_id}}")}),
        4 => json!({"path": format!("/api/v2/{resource}/search")}),
        5 => json!({"path": format!("/api/v2/{resource}/{{id}}")}),
        6 => json!({"path": format!("/{resource}/health")}),
        _ => json!({"prefix": format!("/static/{resource}")}),
    };
    let name = format!("route-{at}");
    json!({"name": name, "match": matches, "token": "required", "rules": has_role()})
}

/// One that does not apply, for one of the reasons that rules have.
fn other_rule(at: usize) -> Value {
    let condition = match at % 4 {
        0 => json!({"roles": {"any_of": [format!("role-{at}"), "auditor"], "from": "token"}}),
        1 => json!({"claims": {"azp": [format!("client-{at}")]}}),
        2 => json!({"claims": {"resource_access.account.roles": [format!("manage-{at}")]}}),
        _ => json!({"claims": {"acr": ["2"], "email_verified": ["false"]}}),
    };
    let effect = if at.is_multiple_of(3) { "deny" } else { "allow" };
    json!({"name": format!("rule-{at}"), effect: condition})
}

fn anyone() -> Value {
    json!([{"name": "anyone", "allow": {"always": true}}])
}

fn has_role() -> Value {
    json!([{"name": "has-role", "allow": {"roles": {"any_of": ["user"], "from": "token"}}}])
}

fn route(token: &str, rules: &Value) -> Value {
    json!({"name": "bench", "match": {"path": TEMPLATE}, "token": token, "rules": rules})
}

fn headers(roles: &str) -> Value {
    json!({
        "x-user-email": {"claim": "email"},
        "x-user-name": {"claim": "name"},
        "x-email-verified": {"claim": "email_verified"},
        "x-user-roles": {"roles": roles},
    })
}

fn policy(site: &Site, algorithm: Algorithm, headers: &Value, routes: &Value) -> Value {
    let keys = format!("http://{}{}", site::local(&site.idp), algorithm.keys_path());
    json!({
        "version": "v1",
        "providers": [{
            "name": "bench",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "roles_claim": "realm_access.roles",
            "jwks": {"cluster": "idp", "url": keys},
        }],
        "identity_headers": headers,
        "routes": routes,
    })
}

fn filter(site: &Site, scenario: &str, policy: &Value) -> Value {
    floor::wasm(
        scenario,
        &site.paths.plugin,
        &json!({
            "@type": "type.googleapis.com/google.protobuf.Struct",
            "value": policy,
        }),
    )
}
