//! What the module computes for a request whose token it knows, in instructions: the same on every
//! machine, so that a feature that makes each request dearer is seen here before a clock could tell.

use serde_json::{Value, json};

use crate::gateway::{Gateway, permit};
use crate::policy::demo;

/// The demo's policy with these rules for `/customers` and the roles header from this source.
fn ruled(roles: &str, rules: &Value) -> Value {
    let mut policy = demo();
    policy["identity_headers"]["x-user-roles"] = json!({"roles": roles});
    policy["routes"][1]["rules"] = rules.clone();
    policy
}

fn has_role() -> Value {
    json!({"name": "has-role", "allow": {"roles": {"any_of": ["user"], "from": "token"}}})
}

/// A rule on the token, and headers from it.
fn token_alone() -> Value {
    ruled("token", &json!([has_role()]))
}

/// Instructions for one more request to `/customers` with a token, once everything about it is known.
fn cost(policy: &Value) -> f64 {
    let mut gateway = Gateway::warm(policy);
    let token = gateway.token();
    for _ in 0..2 {
        let stream = gateway.get("/customers", &token);
        if let [_] = gateway.in_flight()[..] {
            let call = gateway.only_call();
            let answer = permit(&["user", "admin"]).with("cache-control", "max-age=60");
            gateway.answer(call.token, answer);
        }
        gateway.close(stream);
    }
    let before = gateway.spent();
    let stream = gateway.get("/customers", &token);
    gateway.forwarded(stream);
    gateway.close(stream);
    let spent = u32::try_from(gateway.spent() - before).expect("not that many");
    f64::from(spent)
}

/// How much more than with a rule on the token alone.
fn times(policy: &Value) -> f64 {
    cost(policy) / cost(&token_alone())
}

#[test]
fn the_same_request_costs_the_same() {
    let (one, two) = (cost(&token_alone()), cost(&token_alone()));
    assert!(one > 0.0 && (one - two).abs() < f64::EPSILON, "{one} and {two}");
}

#[test]
fn a_decision_from_the_cache_costs_little_more_than_the_token() {
    let times = times(&ruled("decision", &json!([{"name": "may", "allow": {"decision": true}}])));
    assert!(times < 1.15, "{times}");
}

#[test]
fn rules_that_the_token_rules_out_cost_nothing_more() {
    let other = |at: usize| {
        let effect = if at.is_multiple_of(3) { "deny" } else { "allow" };
        let condition = if at.is_multiple_of(2) {
            json!({"roles": {"any_of": [format!("role-{at}")], "from": "token"}})
        } else {
            json!({"claims": {"azp": [format!("client-{at}")]}})
        };
        json!({"name": format!("rule-{at}"), effect: condition})
    };
    let rules: Vec<_> = (1..50).map(other).chain([has_role()]).collect();
    let times = times(&ruled("token", &json!(rules)));
    assert!(times < 1.01, "{times}");
}

#[test]
fn a_thousand_routes_cost_little_more_than_six() {
    let mut policy = token_alone();
    let other = |at: usize| {
        let path = match at % 3 {
            0 => format!("/resource-{at}"),
            1 => format!("/customers/{{id}}/part-{at}"),
            _ => format!("/api/v1/resource-{at}/{{id}}"),
        };
        let name = format!("route-{at}");
        json!({"name": name, "match": {"path": path}, "token": "required", "rules": [has_role()]})
    };
    let routes = policy["routes"].as_array_mut().unwrap();
    routes.splice(0..0, (0..1000).map(other));
    let times = times(&policy);
    assert!(times < 1.05, "{times}");
}
