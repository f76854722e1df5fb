//! AuthZEN 1.0 over HTTP: what is answered, what is refused and how the refusal reads.

use serde_json::{Value, json};

use crate::service::{EVALUATION, Service, subject};

const JSON: (&str, &str) = ("content-type", "application/json");

fn anonymous() -> Value {
    json!({"type": "anonymous", "id": "anonymous"})
}

fn request() -> Value {
    json!({"subject": subject("test.user@example.com", true), "action": {"name": "GET"},
           "resource": {"type": "route", "id": "/customers"}, "context": {}})
}

/// `request()` with the member at `path` replaced, or removed by `None`.
fn with(path: &str, value: Option<Value>) -> Value {
    let mut request = request();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let members = request.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    request
}

#[test]
fn an_answer_carries_decision_roles_reason_policy_and_its_lifetime() {
    let service = Service::start(&[]);
    let reply = service.post(&request());
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("max-age=5"));
    let version = reply.json()["context"]["policy_version"].clone();
    let digits = version.as_str().unwrap();
    assert!(digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let expected = json!({"decision": true, "context": {"roles": ["user"], "reason": "policy",
        "policy": "customers", "policy_version": version}});
    assert_eq!(reply.json(), expected);
    let denied = service.decide(&anonymous(), "GET", "/customers").json();
    let context = json!({"roles": ["guest"], "reason": "no_policy", "policy_version": version});
    assert_eq!(denied, json!({"decision": false, "context": context}));
}

#[test]
fn the_lifetime_is_a_flag() {
    let cached = Service::start(&["--decision-max-age", "30"]);
    assert_eq!(cached.post(&request()).header("cache-control"), Some("max-age=30"));
    let uncached = Service::start(&["--decision-max-age", "0"]);
    assert_eq!(uncached.post(&request()).header("cache-control"), Some("no-store"));
}

#[test]
fn the_demo_s_policies_decide_as_the_contract_says() {
    let service = Service::start(&[]);
    let identity = subject("stranger@example.org", false);
    let decides = |subject: &Value, method: &str, route: &str| {
        service.decide(subject, method, route).json()["decision"].as_bool().unwrap()
    };
    for method in ["GET", "HEAD", "POST", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH"] {
        for route in ["/customers", "/customers/{customer_id}", "/customers/health"] {
            assert!(decides(&identity, method, route), "{method} {route}");
            assert!(!decides(&anonymous(), method, route), "{method} {route}");
        }
        for route in [
            "/products",
            "/products/health",
            "/products/{product_id}",
            "/products/category/{name}",
            "/auth/me",
        ] {
            assert!(decides(&identity, method, route), "{method} {route}");
            assert!(decides(&anonymous(), method, route), "{method} {route}");
        }
    }
    for route in ["/", "/customersX", "/customers/1", "/admin", "/auth/realms/api-gateway-poc"] {
        assert!(!decides(&identity, "GET", route), "{route}");
    }
    assert!(!decides(&identity, "BREW", "/customers"));
}

#[test]
fn what_cannot_be_asked_about_is_false_with_a_reason() {
    let service = Service::start(&[]);
    for (path, value, reason) in [
        ("/subject/type", json!("spaceship"), "subject_type"),
        ("/subject/type", json!("Role"), "subject_type"),
        ("/subject/type", json!("x y"), "subject_type"),
        ("/resource/type", json!("spaceship"), "resource_type"),
        ("/action/name", json!("BREW"), "action"),
        ("/context/x", json!(1.5), "value"),
        ("/context/__expr", json!("true"), "reserved_name"),
        ("/subject/properties/__entity", json!({"type": "Role", "id": "a"}), "reserved_name"),
        ("/subject/properties/name", json!(7), "schema_mismatch"),
    ] {
        let answer = service.post(&with(path, Some(value))).json();
        assert_eq!(answer["decision"], false, "{path}");
        assert_eq!(answer["context"]["reason"], reason, "{path}");
    }
}

#[test]
fn unknown_members_and_null_properties_are_ignored() {
    let service = Service::start(&[]);
    for (path, value) in [
        ("/x", json!({"y": 1})),
        ("/subject/x", json!(null)),
        ("/action/x", json!([1])),
        ("/subject/properties/unlisted", json!({"a": [1, "b"]})),
        ("/subject/properties/name", json!(null)),
        ("/context/unlisted", json!("x")),
        ("/options", json!({"evaluations_semantic": "x"})),
    ] {
        assert_eq!(service.post(&with(path, Some(value))).json()["decision"], true, "{path}");
    }
    assert_eq!(service.post(&with("/context", None)).json()["decision"], true);
}

#[test]
fn a_malformed_member_is_400_and_named() {
    let service = Service::start(&[]);
    let mut cases =
        vec![("context", with("/context", Some(json!([])))), ("body", json!([request()]))];
    for member in ["subject", "action", "resource"] {
        let at = format!("/{member}");
        for value in [None, Some(json!("x")), Some(json!(["identity", "x"])), Some(json!(null))] {
            cases.push((member, with(&at, value)));
        }
    }
    for field in ["subject.type", "subject.id", "action.name", "resource.type", "resource.id"] {
        let at = format!("/{}", field.replace('.', "/"));
        for value in [None, Some(json!("")), Some(json!(1)), Some(json!(null)), Some(json!(["x"]))]
        {
            cases.push((field, with(&at, value)));
        }
    }
    for field in ["subject.properties", "action.properties", "resource.properties"] {
        let at = format!("/{}", field.replace('.', "/"));
        cases.push((field, with(&at, Some(json!("x")))));
    }
    for (field, body) in cases {
        let reply = service.post(&body);
        assert_eq!(reply.status, 400, "{field}: {body}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.json()["field"], field, "{body}");
        assert!(reply.json()["detail"].as_str().unwrap().starts_with(field), "{}", reply.body);
    }
}

#[test]
fn a_malformed_body_is_400_and_a_large_one_413() {
    let service = Service::start(&[]);
    let good = request().to_string();
    for (headers, body, field) in [
        (vec![JSON], "", "body"),
        (vec![JSON], "{", "body"),
        (vec![JSON], "null", "body"),
        (vec![JSON], "{}{}", "body"),
        (vec![], good.as_str(), "content-type"),
        (vec![("content-type", "text/plain")], good.as_str(), "content-type"),
        (vec![("content-type", "application/jsonx")], good.as_str(), "content-type"),
        (vec![("content-type", "application/x-www-form-urlencoded")], "a=b", "content-type"),
    ] {
        let reply = service.post_bytes(&headers, body.as_bytes());
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{body}");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let reply = service.post_bytes(&[("content-type", content_type)], good.as_bytes());
        assert_eq!(reply.status, 200, "{content_type}");
    }
    let reply = service.post_bytes(&[JSON], &vec![b' '; 64 * 1024 + 1]);
    assert_eq!(reply.status, 413);
}

#[test]
fn the_request_id_comes_back_on_every_answer() {
    let service = Service::start(&[]);
    let id = ("x-request-id", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716");
    let ok = service.post_bytes(&[JSON, id], request().to_string().as_bytes());
    let bad = service.post_bytes(&[JSON, id], b"{}");
    let lost = service.send("GET", "/nowhere", &[id]);
    let live = service.send("GET", "/health/live", &[id]);
    for (reply, status) in [(ok, 200), (bad, 400), (lost, 404), (live, 200)] {
        assert_eq!((reply.status, reply.header("x-request-id")), (status, Some(id.1)));
    }
    assert_eq!(service.post(&request()).header("x-request-id"), None);
}

#[test]
fn other_methods_are_405_with_allow() {
    let service = Service::start(&[]);
    for method in ["GET", "PUT", "DELETE"] {
        let reply = service.send(method, EVALUATION, &[]);
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "{method}");
    }
}

#[test]
fn discovery_names_the_public_url() {
    let service = Service::start(&[]);
    let document = service.send("GET", "/.well-known/authzen-configuration", &[]).json();
    let base = format!("http://{}", service.address);
    assert_eq!(document["policy_decision_point"], base);
    assert_eq!(document["access_evaluation_endpoint"], format!("{base}{EVALUATION}"));
    let service = Service::start(&["--public-url", "https://pdp.example.com/"]);
    let document = service.send("GET", "/.well-known/authzen-configuration", &[]).json();
    assert_eq!(
        document["access_evaluation_endpoint"],
        "https://pdp.example.com/access/v1/evaluation"
    );
}
