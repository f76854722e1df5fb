//! The secret by which services know that a request passed the filter: with every caller that is let
//! through, and with nobody else.

use claimgate::pipeline::{Passed, Step};
use serde_json::{Value, json};

use crate::support::*;

const HEADER: &str = "x-gateway-secret";
const SECRET: &str = "only-the-filter-has-it";

fn world(changes: Value) -> World {
    let mut own = route("optional", allow_all(), json!({"match": {"path": "/r"}}));
    own.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let public = json!({
        "name": "public", "match": {"path": "/public"}, "token": "none", "rules": allow_all(),
    });
    let mut config = config(json!([own, public]));
    config["identity_headers"] = json!({HEADER: {"secret_env": "GATEWAY_SECRET"}});
    config["providers"][0]["jwks"] = json!({"inline": jwks(&[&ONE])});
    World::in_environment(&config, &|name| (name == "GATEWAY_SECRET").then(|| SECRET.to_owned()))
}

fn ask(world: &mut World, path: &str, more: &[(&str, &str)]) -> Step {
    let head = [(":method", "GET"), (":path", path), (":authority", "shop")];
    world.send(&[&head[..], more].concat()).1
}

#[test]
fn a_caller_that_is_let_through_brings_it_with_a_token_and_without() {
    let mut world = world(json!({}));
    assert_eq!(forwarded(&ask(&mut world, "/r", &[])).1, [(HEADER, SECRET)]);
    let token = format!("Bearer {}", ONE.token(&claims(json!({}))));
    for _ in 0..2 {
        let step = ask(&mut world, "/r", &[("authorization", &token)]);
        assert_eq!(forwarded(&step).1, [(HEADER, SECRET)]);
    }
}

#[test]
fn a_client_that_knows_it_does_not_get_it_through() {
    let mut world = world(json!({}));
    for name in [HEADER, "X_Gateway_Secret"] {
        let step = ask(&mut world, "/public", &[(name, SECRET)]);
        assert_eq!(forwarded(&step), (vec![name], vec![]), "{name}");
    }
}

/// A route that takes no tokens identifies nobody: what is behind it is not told the secret.
#[test]
fn a_route_without_tokens_has_none() {
    let mut world = world(json!({}));
    assert_eq!(forwarded(&ask(&mut world, "/public", &[])).1, []);
}

#[test]
fn a_shadow_lets_through_without_it() {
    let denied = json!([{"name": "none", "deny": {"always": true}}]);
    let mut world = world(json!({"rules": denied, "mode": "shadow", "until": "2099-01-01"}));
    let step = ask(&mut world, "/r", &[]);
    assert!(matches!(&step, Step::Forward(_, Passed::Waived, ..)), "{step:?}");
    assert_eq!(forwarded(&step).1, []);
}
