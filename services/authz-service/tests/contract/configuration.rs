//! What the process is told: a file, the environment, secrets from files, the operators' port.

use std::fs;

use serde_json::Value;

use crate::http::send;
use crate::process::refused;
use crate::service::{ENTITIES, POLICIES, Service, bare_command, command, subject};

const FIRST: &str = "the-first-secret-of-the-tests";
const SECOND: &str = "the-second-secret-of-the-tests";

#[test]
fn a_file_can_say_everything_but_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authz.yaml");
    let text = format!(
        "policies: {POLICIES}\nentities: {ENTITIES}\ndecision-max-age: 7\nlog-format: json\n"
    );
    fs::write(&file, text).unwrap();
    let service = Service::spawn(bare_command().arg("--config").arg(&file));
    let answer = service.decide(&subject("a@example.com", true), "GET", "/products");
    assert_eq!(answer.header("cache-control"), Some("max-age=7"));
    let line = service.log().lines().find(|line| line.starts_with('{')).unwrap().to_owned();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    fs::write(&file, "policies: x\nredis-password: secret\n").unwrap();
    let text = refused(bare_command().arg("--config").arg(&file));
    assert!(text.contains("authz.yaml: ") && text.contains("redis-password"), "{text}");
    assert!(
        refused(bare_command().arg("--config").arg("/nowhere.yaml"))
            .contains("--config /nowhere.yaml: ")
    );
}

#[test]
fn a_file_of_secrets_lets_two_generations_of_callers_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, format!("{FIRST}\n{SECOND}\n")).unwrap();
    let mut with_file = command();
    with_file.args(["--entities", ENTITIES]).env("AUTHZ_SERVICE_TOKEN_FILE", &file);
    let service = Service::spawn(&mut with_file);
    for (secret, status) in [(FIRST, 200), (SECOND, 200), ("a-third-secret-of-the-tests", 401)] {
        let header = format!("Bearer {secret}");
        assert_eq!(service.send("GET", "/authz/me", &[("authorization", &header)]).status, status);
    }
    let text = refused(with_file.env("AUTHZ_SERVICE_TOKEN", FIRST));
    assert!(
        text.contains("AUTHZ_SERVICE_TOKEN and AUTHZ_SERVICE_TOKEN_FILE are both set"),
        "{text}"
    );
    let mut nowhere = command();
    nowhere.args(["--entities", ENTITIES]).env("AUTHZ_SERVICE_TOKEN_FILE", "/nowhere");
    assert!(refused(&mut nowhere).contains("AUTHZ_SERVICE_TOKEN_FILE: "));
}

#[test]
fn half_a_certificate_is_refused() {
    let text = refused(command().args(["--entities", ENTITIES, "--tls-cert", "cert.pem"]));
    assert!(text.contains("--tls-cert and --tls-key go together"), "{text}");
    let files = ["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"];
    let text = refused(command().args(["--entities", ENTITIES]).args(files));
    assert!(text.contains("authz-service: --tls-cert /nowhere.pem: "), "{text}");
}

#[test]
fn a_collector_that_cannot_be_one_is_refused() {
    let start =
        |arguments: &[&str]| refused(command().args(["--entities", ENTITIES]).args(arguments));
    let text = start(&["--otlp-endpoint", "localhost:4317"]);
    assert!(text.contains("--otlp-endpoint must be an http or https URL"), "{text}");
    let text = start(&["--otlp-endpoint", "http://localhost:4318", "--otlp-ratio", "1.5"]);
    assert!(text.contains("--otlp-ratio: must be from 0 to 1"), "{text}");
}

#[test]
fn operators_have_a_port_of_their_own() {
    let service = Service::start(&["--admin-listen", "127.0.0.1:0"]);
    let log = service.log();
    let address =
        log.lines().find_map(|line| line.strip_prefix("administration on http://")).unwrap();
    assert_eq!(send(address, "GET", "/health/ready", &[], None).status, 200);
    assert_eq!(send(address, "POST", "/access/v1/evaluation", &[], Some(b"{}")).status, 404);
    assert_eq!(service.send("GET", "/metrics", &[]).status, 404);
    service.evaluate(&subject("a@example.com", true));
    let metrics = send(address, "GET", "/metrics", &[], None);
    assert_eq!(
        metrics.header("content-type").unwrap(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    for line in [
        "authz_decisions_total{decision=\"true\",reason=\"policy\"} 1",
        "authz_requests_total{endpoint=\"/access/v1/evaluation\",status=\"200\"} 1",
        "authz_dependency_up{dependency=\"store\"} 1",
        "authz_request_duration_seconds_count 2",
    ] {
        assert!(metrics.body.contains(line), "{line} in {}", metrics.body);
    }
}
