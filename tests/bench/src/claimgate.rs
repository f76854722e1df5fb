//! The filter's configurations.

use std::path::Path;

use serde_json::{Value, json};

use crate::floor;
use crate::signer::Algorithm;
use crate::site::{self, PATHS, Site};
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
    let routes = json!([route("required", &json!(many_rules(count)))]);
    vec![filter(site, scenario, &policy(site, Algorithm::Rs256, &headers("token"), &routes))]
}

/// The same, and a feed that says what is revoked.
pub fn revocations(site: &Site, scenario: &str) -> Vec<Value> {
    let routes = json!([route("required", &has_role())]);
    let mut policy = policy(site, Algorithm::Rs256, &headers("token"), &routes);
    policy["freshness"] = json!({"cluster": "feed"});
    vec![filter(site, scenario, &policy)]
}

/// The whole job in the module with everything in it.
pub fn full_whole_job(site: &Site, scenario: &str) -> Vec<Value> {
    full(site, scenario, &has_role())
}

/// The same, with the rule as an expression that looks at the token alone.
pub fn cel_of_token(site: &Site, scenario: &str) -> Vec<Value> {
    full(site, scenario, &says(OF_TOKEN))
}

/// The same, and the expression also looks at the request.
pub fn cel_of_request(site: &Site, scenario: &str) -> Vec<Value> {
    full(site, scenario, &says(&format!("{OF_TOKEN} && !(request.method in ['PUT', 'DELETE'])")))
}

/// The remote decision, and the same headers with the roles that it names.
pub fn decision(site: &Site, scenario: &str, cached: bool) -> Vec<Value> {
    // Longer than any run, or not at all.
    let cache = json!({"max_ttl": if cached { "1h" } else { "0s" }});
    decided(site, scenario, &json!({"subject": asks_about()}), &cache)
}

/// The same, and the question names a parameter of the path, so that each path has a decision of its
/// own.
pub fn decisions(site: &Site, scenario: &str) -> Vec<Value> {
    let resource = json!({"properties": {"order": {"param": "order_id"}}});
    // As many as there are unless a configuration says otherwise.
    let cache = json!({"max_ttl": "1h", "max_entries": PATHS});
    decided(site, scenario, &json!({"subject": asks_about(), "resource": resource}), &cache)
}

/// What every question says of the subject.
fn asks_about() -> Value {
    json!({"properties": {"email": {"claim": "email"}, "email_verified": {"claim": "email_verified"}}})
}

fn decided(site: &Site, scenario: &str, request: &Value, cache: &Value) -> Vec<Value> {
    let routes =
        json!([route("required", &json!([{"name": "permitted", "allow": {"decision": true}}]))]);
    let mut policy = policy(site, Algorithm::Rs256, &headers("decision"), &routes);
    policy["authorization"] =
        json!([{"name": "authz", "cluster": scenario, "request": request, "cache": cache}]);
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

/// `count` of them; only the last one applies.
fn many_rules(count: usize) -> Vec<Value> {
    let last = has_role().as_array().cloned().unwrap_or_default();
    (1..count).map(other_rule).chain(last).collect()
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

/// The rule on the role, and on one claim more.
const OF_TOKEN: &str = "claims.email_verified && 'user' in roles";

fn says(expression: &str) -> Value {
    json!([{"name": "has-role", "allow": {"cel": expression}}])
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

fn full(site: &Site, scenario: &str, rules: &Value) -> Vec<Value> {
    let routes = json!([route("required", rules)]);
    let policy = policy(site, Algorithm::Rs256, &headers("token"), &routes);
    vec![filter_in(&site.paths.plugin_full, scenario, &policy)]
}

fn filter(site: &Site, scenario: &str, policy: &Value) -> Value {
    filter_in(&site.paths.plugin, scenario, policy)
}

fn filter_in(module: &Path, scenario: &str, policy: &Value) -> Value {
    let configuration = json!({
        "@type": "type.googleapis.com/google.protobuf.Struct",
        "value": policy,
    });
    floor::wasm(scenario, module, &configuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fifty_rules_the_last_one_is_the_first_that_applies() {
        let rules = many_rules(50);
        assert_eq!(rules.len(), 50);
        let (last, others) = rules.split_last().unwrap();
        assert_eq!(last, &has_role()[0]);
        // `check` has it refused without the role, so none of the others allows; and none refuses,
        // or it would be refused with it.
        assert!(others.iter().all(|rule| rule["name"] != last["name"]));
        assert!(others.iter().any(|rule| rule.get("deny").is_some()));
    }
}
