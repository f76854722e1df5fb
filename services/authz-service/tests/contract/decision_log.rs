//! What the decision log says of a decision, and what no log ever says of a subject, at whatever
//! level and over whatever wire.

use std::time::Duration;

use serde_json::{Value, json};

use crate::http::send;
use crate::process::refused;
use crate::service::{ENTITIES, EVALUATION, Service, command, eventually};

const EMAIL: &str = "marker-of-an-address@example.com";
const ID: &str = "marker-of-an-id";
const KEY: &str = "a-key-of-the-decision-log";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A service that logs JSON at every level.
fn logging(arguments: &[&str]) -> Service {
    let mut command = command();
    command.args(["--entities", ENTITIES, "--log-format", "json"]).args(arguments);
    Service::spawn(command.env("AUTHZ_SERVICE_LOG_KEY", KEY))
}

fn question(method: &str, route: &str) -> Value {
    let properties = json!({"email": EMAIL, "email_verified": true, "note": "marker-property"});
    json!({"subject": {"type": "identity", "id": ID, "properties": properties},
           "action": {"name": method}, "resource": {"type": "route", "id": route}})
}

/// Asks in every way there is; every question names the marker.
fn ask_everything(service: &Service) {
    let post = |path: &str, body: &Value| {
        let headers =
            [JSON, ("x-request-id", "request-1"), ("authorization", "Bearer marker-token")];
        send(&service.address, "POST", path, &headers, Some(body.to_string().as_bytes()))
    };
    let customers = question("GET", "/customers");
    assert_eq!(post(EVALUATION, &customers).status, 200);
    assert_eq!(post(EVALUATION, &question("GET", "/nowhere")).status, 200);
    let many = json!({"evaluations": [customers, customers]});
    assert_eq!(post("/access/v1/evaluations", &many).status, 200);
    assert_eq!(post("/access/v1/search/action", &customers).status, 200);
    let who = [("x-user-id", ID), ("x-user-email", EMAIL), ("x-email-verified", "true")];
    assert_eq!(service.send("GET", "/authz/roles/customers", &who).status, 200);
    assert_eq!(service.send("GET", "/authz/me", &who).status, 200);
    let malformed = format!(r#"{{"subject": "{EMAIL}"}}"#);
    assert_eq!(service.post_bytes(&[JSON], malformed.as_bytes()).status, 400);
}

/// The lines of the decision log, once there are as many.
fn decisions(service: &Service, count: usize) -> Vec<Value> {
    let lines = || -> Vec<Value> {
        let log = service.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["target"] == "decisions").collect()
    };
    eventually(Duration::from_secs(5), "the decisions are logged", || lines().len() >= count);
    lines()
}

#[test]
fn it_says_what_was_decided_and_why_and_not_for_whom() {
    let service = logging(&["--decision-log", "all"]);
    ask_everything(&service);
    // One, one, two of a batch, one of Envoy's.
    let lines = decisions(&service, 5);
    assert_eq!(lines.len(), 5);
    let first = &lines[0];
    for (field, expected) in [
        ("decision", json!(true)),
        ("reason", json!("policy")),
        ("policy", json!("customers")),
        ("action", json!("GET")),
        ("resource_type", json!("route")),
        ("resource_id", json!("/customers")),
        ("subject_type", json!("identity")),
        ("request_id", json!("request-1")),
        ("level", json!("INFO")),
    ] {
        assert_eq!(first[field], expected, "{field} in {first}");
    }
    assert_eq!(first["policy_version"].as_str().unwrap().len(), 16);
    assert!(first["duration_us"].is_u64());
    assert_eq!(lines[1]["decision"], false);
    // One subject, one hash; over Envoy's wire too, where the route is what the client called.
    assert_eq!(first["subject"].as_str().unwrap().len(), 32);
    assert!(lines.iter().all(|line| line["subject"] == first["subject"]));
    assert!(lines[4].get("resource_id").is_none(), "{}", lines[4]);
}

#[test]
fn nothing_of_a_subject_is_in_any_log_unless_it_was_asked_for() {
    for arguments in [&["--decision-log", "all"][..], &[]] {
        let service = logging(arguments);
        ask_everything(&service);
        let log = service.log();
        assert!(log.contains("\"level\":\"DEBUG\""), "nothing is said below info");
        for marker in ["marker", EMAIL, ID, KEY] {
            assert!(!log.contains(marker), "{marker} in {log}");
        }
    }
}

#[test]
fn ids_are_there_when_they_are_asked_for_and_addresses_are_not() {
    let service = logging(&["--decision-log", "all", "--log-subjects", "plain"]);
    ask_everything(&service);
    let lines = decisions(&service, 5);
    assert!(lines.iter().all(|line| line["subject_id"] == ID), "{}", lines[0]);
    assert!(!service.log().contains(EMAIL));
    // Envoy's HTTP form has the address for an id when it knows no other.
    let who = [("x-user-email", EMAIL), ("x-email-verified", "true")];
    assert_eq!(service.send("GET", "/authz/roles/customers", &who).status, 200);
    let lines = decisions(&service, 6);
    assert!(lines[5]["subject"].is_string() && lines[5].get("subject_id").is_none());
    assert!(!service.log().contains(EMAIL));
}

#[test]
fn only_denials_when_only_they_are_asked_for_and_nothing_when_it_is_off() {
    let service = logging(&["--decision-log", "denied"]);
    ask_everything(&service);
    let lines = decisions(&service, 1);
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["decision"], &lines[0]["reason"]), (&json!(false), &json!("no_policy")));
    let service = logging(&[]);
    ask_everything(&service);
    assert_eq!(decisions(&service, 0).len(), 0);
}

#[test]
fn it_is_there_whatever_the_level_of_the_other_logs() {
    let mut command = command();
    command.args(["--entities", ENTITIES, "--log-format", "json", "--decision-log", "all"]);
    let service = Service::spawn(command.env("RUST_LOG", "error"));
    ask_everything(&service);
    assert_eq!(decisions(&service, 5).len(), 5);
}

#[test]
fn a_key_that_is_too_short_is_refused_and_not_shown() {
    let mut command = command();
    command.args(["--entities", ENTITIES]).env("AUTHZ_SERVICE_LOG_KEY", "too-short");
    let text = refused(&mut command);
    assert!(text.contains("AUTHZ_SERVICE_LOG_KEY must have at least 16 bytes"), "{text}");
    assert!(!text.contains("too-short"), "{text}");
}
