//! Traces: what a collector gets to see of a request, and that one which misbehaves changes nothing.

mod receiver;

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::admin::{Managed, operators_address};
use crate::http::send;
use crate::service::{Service, eventually};
use receiver::Receiver;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const JSON: (&str, &str) = ("content-type", "application/json");

fn traced(receiver: &Receiver, arguments: &[&str]) -> Service {
    let url = receiver.url();
    let own = ["--otlp-endpoint", &url, "--admin-listen", "127.0.0.1:0"];
    Service::start(&[&own, arguments].concat())
}

fn question() -> Value {
    json!({"subject": {"type": "identity", "id": "secret-id",
        "properties": {"email": "alice@example.com", "email_verified": true}},
        "action": {"name": "GET"}, "resource": {"type": "route", "id": "/customers"}})
}

/// Asks as a caller whose trace is recorded or not, with these `flags`.
fn ask(service: &Service, flags: &str) {
    let parent = format!("00-{TRACE}-{CALLER}-{flags}");
    let headers = [JSON, ("traceparent", parent.as_str()), ("tracestate", "vendor=x,other=y")];
    let reply = service.post_bytes(&headers, question().to_string().as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// Waits for a span of this name.
fn seen(receiver: &Receiver, name: &str) -> Value {
    let mut found = None;
    eventually(Duration::from_secs(10), name, || {
        found = receiver.spans().into_iter().find(|span| span["name"] == name);
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_collector_sees_a_request_with_its_parts_under_the_caller_s_trace() {
    let receiver = Receiver::start();
    let service = traced(&receiver, &[]);
    ask(&service, "01");
    let request = seen(&receiver, "POST /access/v1/evaluation");
    assert_eq!((&request["trace"], &request["parent"]), (&json!(TRACE), &json!(CALLER)));
    assert_eq!((&request["state"], &request["kind"]), (&json!("vendor=x,other=y"), &json!(2)));
    assert_eq!(request["resource"]["service.name"], "authz-service");
    assert_eq!(request["attributes"]["http.response.status_code"], 200);
    let evaluate = seen(&receiver, "evaluate");
    assert_eq!((&evaluate["trace"], &evaluate["parent"]), (&json!(TRACE), &request["id"]));
    let said = &evaluate["attributes"];
    assert!(said["authz.decision"].is_boolean() && said["authz.policy_version"].is_string());
    assert_eq!(said["authz.subject"].as_str().unwrap().len(), 32, "a hash: {said}");
    for part in ["engine", "store read"] {
        let part = seen(&receiver, part);
        assert_eq!((&part["trace"], &part["parent"]), (&json!(TRACE), &evaluate["id"]), "{part}");
        assert!(part["lasts"].as_u64() <= request["lasts"].as_u64(), "{part}");
    }
    let all = Value::from(receiver.spans()).to_string();
    for private in ["alice", "example.com", "secret-id"] {
        assert!(!all.contains(private), "{private} in {all}");
    }
    // A span is no line of the log, whatever that is asked to say.
    assert!(!service.log().contains("evaluate{"));
}

#[test]
fn a_caller_decides_whether_its_trace_is_recorded_and_the_ratio_about_others() {
    let receiver = Receiver::start();
    let service = traced(&receiver, &["--otlp-ratio", "0"]);
    ask(&service, "00");
    assert_eq!(service.post(&question()).status, 200);
    ask(&service, "01");
    let request = seen(&receiver, "POST /access/v1/evaluation");
    assert_eq!(request["trace"], TRACE);
    let requests = |receiver: &Receiver| {
        let is_request = |span: &&Value| span["kind"] == 2;
        receiver.spans().iter().filter(is_request).count()
    };
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(requests(&receiver), 1);
    let all = Receiver::start();
    let service = traced(&all, &[]);
    ask(&service, "00");
    assert_eq!(service.post(&question()).status, 200);
    let request = seen(&all, "POST /access/v1/evaluation");
    assert_ne!(request["trace"], TRACE);
    assert_eq!(request["parent"], "", "it begins here");
    assert_eq!(requests(&all), 1);
}

#[test]
fn whatever_decides_or_changes_is_traced_and_polls_are_not() {
    let receiver = Receiver::start();
    let mut service = traced(&receiver, &[]);
    let batch = json!({"evaluations": [question(), question()]});
    assert_eq!(service.ask("/access/v1/evaluations", &batch).status, 200);
    let mut search = question();
    search["subject"] = json!({"type": "identity"});
    assert_eq!(service.ask("/access/v1/search/subject", &search).status, 200);
    service.send("GET", "/authz/me", &[]);
    for path in ["/v1/state", "/health/ready", "/.well-known/authzen-configuration"] {
        assert_eq!(service.send("GET", path, &[]).status, 200, "{path}");
    }
    let operators = operators_address(&service);
    assert_eq!(send(&operators, "GET", "/admin/v1/subjects", &[], None).status, 200);
    // What waits is sent at the end.
    rustix::process::kill_process(rustix::process::Pid::from_child(&service.child), Signal::TERM)
        .unwrap();
    assert!(service.child.wait().unwrap().success());
    let batch = seen(&receiver, "POST /access/v1/evaluations");
    let spans = receiver.spans();
    let parts = spans.iter().filter(|span| span["parent"] == batch["id"]).count();
    assert_eq!(parts, 2);
    let names: Vec<_> = spans.iter().filter(|span| span["kind"] == 2).map(|s| &s["name"]).collect();
    let known = [
        "POST /access/v1/evaluations",
        "POST /access/v1/search/subject",
        "GET /authz/me",
        "GET /.well-known/authzen-configuration",
    ];
    assert_eq!(names, known);
}

#[test]
fn a_change_is_traced_with_what_it_wrote() {
    let receiver = Receiver::start();
    let managed = Managed::start_with(&format!("otlp-endpoint: {}\n", receiver.url()));
    managed.done("PUT", "/subjects/identity/secret-id", Some(&json!({})));
    managed.get("/subjects/identity/secret-id");
    let request = seen(&receiver, "PUT /admin/v1/subjects/{type}/{id}");
    let write = seen(&receiver, "store write");
    assert_eq!((&write["trace"], &write["parent"]), (&request["trace"], &request["id"]));
    let all = Value::from(receiver.spans()).to_string();
    assert!(!all.contains("secret-id") && !all.contains("GET /admin"), "{all}");
}

/// Decides many times while the collector misbehaves, and says what became of the spans.
fn decide_all_the_same(service: &Service) -> String {
    let before = resident_kilobytes(service);
    let mut batch = question();
    batch["evaluations"] = Value::Array(vec![json!({}); 1_000]);
    for _ in 0..5 {
        let reply = service.ask("/access/v1/evaluations", &batch);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let answers = reply.json();
        assert_eq!(answers["evaluations"].as_array().unwrap().len(), 1_000);
        let begun = Instant::now();
        ask(service, "01");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    let grown = resident_kilobytes(service).saturating_sub(before);
    assert!(grown < 40 * 1024, "{grown} kB more");
    let address = operators_address(service);
    send(&address, "GET", "/metrics", &[], None).body
}

fn resident_kilobytes(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_frozen_collector_costs_spans_and_no_decision() {
    let receiver = Receiver::start();
    let service = traced(&receiver, &[]);
    ask(&service, "01");
    seen(&receiver, "evaluate");
    receiver.signal(Signal::STOP);
    let metrics = decide_all_the_same(&service);
    assert!(metrics.contains("authz_spans_total{outcome=\"dropped\"} "), "{metrics}");
    receiver.signal(Signal::CONT);
    let before = receiver.spans().len();
    eventually(Duration::from_secs(15), "spans come again", || {
        ask(&service, "01");
        receiver.spans().len() > before + 10
    });
}

#[test]
fn a_collector_that_is_down_slow_or_refuses_costs_spans_and_no_decision() {
    for manner in ["0 500", "60000 200", "0 200"] {
        let receiver = Receiver::start_as(manner);
        let service = traced(&receiver, &[]);
        if manner == "0 200" {
            receiver.signal(Signal::KILL);
        }
        decide_all_the_same(&service);
        let address = operators_address(&service);
        eventually(Duration::from_secs(10), "failures are counted", || {
            let metrics = send(&address, "GET", "/metrics", &[], None).body;
            metrics.contains("authz_spans_total{outcome=\"failed\"} ")
        });
        assert!(service.log().contains("the collector takes no traces"));
        assert_eq!(service.log().matches("the collector takes no traces").count(), 1);
    }
}
