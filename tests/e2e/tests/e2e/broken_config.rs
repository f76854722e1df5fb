//! A policy that cannot be enforced: `envoy --mode validate` fails and its log names the entry and
//! the names that would have been right.

use std::fs;
use std::time::Duration;

use claimgate_e2e::edit;
use claimgate_e2e::stacks::shared_stack;
use claimgate_proc::{Launch, Output};
use serde_json::{Value, json};
use xtask::stack::render;
use xtask::{run, tools, workspace};

/// Loading the module takes most of it.
const LIMIT: Duration = Duration::from_secs(60);

/// Whether Envoy takes the configuration, and what it says about it.
fn validate(edit: impl FnOnce(&mut Value)) -> (bool, String) {
    let mut config = render(shared_stack().ports()).unwrap();
    edit(&mut config);
    let folder = run::Scratch::new("validate").unwrap();
    let file = folder.path().join("envoy.json");
    fs::write(&file, config.to_string()).unwrap();
    let log = Output::Log(folder.path().join("log"));
    let envoy = Launch::new("envoy", tools::envoy().unwrap(), log)
        .dir(workspace::root())
        .args(["--mode", "validate", "--use-dynamic-base-id", "-c"])
        .arg(file)
        .env("GATEWAY_SECRET", "0123456789abcdef")
        .start()
        .unwrap();
    let status = envoy.wait(LIMIT).expect("an end in time");
    (status.success(), envoy.log_tail(usize::MAX))
}

#[track_caller]
fn refused(edit: impl FnOnce(&mut Value), words: &[&str]) {
    let (taken, said) = validate(edit);
    assert!(!taken, "Envoy takes it");
    for word in words {
        assert!(said.contains(word), "no {word:?} in:\n{said}");
    }
}

fn route(config: &mut Value, index: usize) -> &mut Value {
    &mut edit::policy(config)["routes"][index]
}

#[test]
fn the_demo_s_own_policy_is_taken() {
    let (taken, said) = validate(|_| {});
    assert!(taken, "{said}");
}

#[test]
fn an_unknown_decision_point_is_named_with_the_known_ones() {
    let edit = |config: &mut Value| route(config, 1)["authorization"] = "authx".into();
    refused(edit, &[r#"routes[1] "customers""#, "`authx`", "known: `authz`"]);
}

#[test]
fn an_unknown_field_is_named_with_the_known_ones() {
    let edit = |config: &mut Value| route(config, 1)["tokn"] = "required".into();
    refused(edit, &["routes[1]", "`tokn`", "`token`", "`failure_mode`"]);
    let edit = |config: &mut Value| edit::policy(config)["provider"] = json!([]);
    refused(edit, &["`provider`", "`providers`"]);
    let edit = |config: &mut Value| edit::policy(config)["providers"][0]["skew"] = "1s".into();
    refused(edit, &["providers[0]", "`skew`", "`clock_skew`"]);
}

#[test]
fn an_unknown_value_is_named_with_the_known_ones() {
    let edit = |config: &mut Value| route(config, 1)["token"] = "mandatory".into();
    refused(edit, &["routes[1].token", "`mandatory`", "`required`", "`optional`", "`none`"]);
}

#[test]
fn a_rule_that_both_allows_and_denies_is_named() {
    let rule = json!({"name": "both", "allow": {"always": true}, "deny": {"always": true}});
    let edit = move |config: &mut Value| route(config, 1)["rules"][0] = rule;
    refused(edit, &[r#"routes[1] "customers".rules[0] "both""#, "allow", "deny"]);
}

#[test]
fn a_rule_without_effect_or_condition_is_named() {
    let edit = |config: &mut Value| route(config, 1)["rules"][0] = json!({"name": "idle"});
    refused(edit, &[r#"routes[1] "customers".rules[0] "idle""#]);
    let rule = json!({"name": "blank", "allow": {}});
    let edit = move |config: &mut Value| route(config, 1)["rules"][0] = rule;
    refused(edit, &[r#"routes[1] "customers".rules[0] "blank""#]);
}

#[test]
fn a_name_used_twice_is_named() {
    let edit = |config: &mut Value| route(config, 2)["name"] = "customers".into();
    refused(edit, &[r#"routes[2] "customers""#, "second"]);
}

#[test]
fn a_path_that_no_request_can_have_is_named() {
    for path in ["customers", "/customers/{id", "/a//b", "/a/../b", "/a/{x=**}/b"] {
        let edit = |config: &mut Value| route(config, 1)["match"]["path"] = path.into();
        refused(edit, &[r#"routes[1] "customers""#, path]);
    }
}

#[test]
fn a_provider_without_audience_is_named() {
    let edit = |config: &mut Value| edit::policy(config)["providers"][0]["audiences"] = json!([]);
    refused(edit, &[r#"providers[0] "keycloak".audiences"#, "any_audience"]);
}

#[test]
fn a_header_that_requests_need_cannot_be_an_identity_header() {
    for name in ["host", "authorization", "content-length", "x-envoy-original-path"] {
        let edit = |config: &mut Value| {
            edit::policy(config)["identity_headers"][name] = json!({"claim": "email"});
        };
        refused(edit, &["identity_headers", name]);
    }
}

#[test]
fn a_policy_of_another_version_or_of_no_form_is_refused() {
    refused(|config| edit::policy(config)["version"] = "v2".into(), &["version", "v2", "v1"]);
    refused(|config| edit::policy(config)["version"] = Value::Null, &["version"]);
    refused(|config| *edit::policy(config) = json!({}), &["invalid configuration: configuration"]);
    let nothing = |config: &mut Value| {
        edit::filter(config).as_object_mut().unwrap().remove("configuration");
    };
    refused(nothing, &["invalid configuration: configuration"]);
}
