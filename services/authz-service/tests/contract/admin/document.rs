//! The OpenAPI document says what there is, and what there is answers as it says.

use serde_json::{Value, json};

use super::{Managed, schema};
use crate::http::Reply;

#[test]
fn every_path_and_method_of_the_document_answers() {
    let managed = Managed::start();
    let document = managed.get("/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    let token = managed.token("admin");
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/admin/v1").unwrap();
        let concrete = path.replace(['{', '}'], "");
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let reply = managed.with(&token, &method, &concrete, &[], None);
            assert!(![401, 403, 405].contains(&reply.status), "{method} {path}: {}", reply.body);
            assert!(reply.status < 500, "{method} {path}: {}", reply.body);
            // A path that is no route answers with the port's 404, which no handler gives.
            assert!(!reply.body.contains("No such resource."), "{method} {path}");
        }
        let reply = managed.with(&token, "PATCH", &concrete, &[], None);
        assert_eq!(reply.status, 405, "{path}");
        assert!(reply.header("allow").is_some(), "{path}");
    }
}

/// Asks for one thing after another and keeps what was answered.
struct Script {
    managed: Managed,
    succeeded: Vec<schema::Operation>,
}

impl Script {
    fn ask(&mut self, method: &str, path: &str, body: Value) -> Reply {
        let body = Some(body).filter(|body| !body.is_null());
        let reply = self.managed.admin(method, path, body.as_ref());
        assert!([200, 201].contains(&reply.status), "{method} {path}: {}", reply.body);
        let target = format!("/admin/v1{path}");
        self.succeeded.extend(schema::operation(self.managed.document(), method, &target));
        reply
    }
}

/// Everything that can be read once it is there.
const READ: [&str; 14] = [
    "/info",
    "/openapi.json",
    "/subjects",
    "/subjects?limit=1",
    "/subjects/identity/new",
    "/roles",
    "/roles/boss",
    "/resources",
    "/resources/record/1",
    "/policies/versions",
    "/quotas",
    "/quotas/daily",
    "/audit",
    "/audit?limit=3",
];

#[test]
fn every_operation_succeeds_as_the_document_says() {
    let managed = Managed::start_with("policies-from: store\n");
    let mut script = Script { managed, succeeded: Vec::new() };
    let subject = "/subjects/identity/new";
    let end = json!({"expires_at": "2100-01-01T00:00:00Z"});
    let quota =
        json!({"key": {"header": "x-team"}, "requests": 5.0, "per_seconds": 60, "burst": 2});
    let question = json!({"subject": {"type": "identity", "id": "new"}, "action": {"name": "GET"},
        "resource": {"type": "route", "id": "/customers"}});
    let properties = json!({"properties": {"name": "Nora"}, "roles": ["user", {"role": "boss"}]});
    script.ask("PUT", subject, properties);
    script.ask("PUT", &format!("{subject}/roles/editor"), end.clone());
    script.ask("PUT", "/roles/boss", json!({"parents": ["editor"]}));
    script.ask("PUT", "/resources/record/1", json!({"properties": {"status": "active"}}));
    script.ask("PUT", "/quotas/daily", quota);
    for body in [
        json!({"kind": "token", "jti": "t", "expires_at": end["expires_at"]}),
        json!({"kind": "session", "sid": "s", "iss": "https://idp.example"}),
        json!({"kind": "subject", "sub": "a", "iss": "https://idp.example"}),
        json!({"kind": "everyone", "issued_before": "2026-01-01T00:00:00Z"}),
    ] {
        script.ask("POST", "/revocations", body);
    }
    for body in [
        json!({"scope": "global"}),
        json!({"scope": "tenant", "tenant": "t"}),
        json!({"scope": "subject", "iss": "https://idp.example", "sub": "a"}),
    ] {
        script.ask("POST", "/invalidations", body);
    }
    script.ask("POST", "/explain", question);
    let active = script.ask("GET", "/policies", Value::Null).json();
    let set = json!({"schema": active["schema"], "documents": active["documents"]});
    script.ask("POST", "/policies/check", set.clone());
    let bad = json!({"schema": active["schema"], "documents": [{"name": "a", "text": "permit ("}]});
    script.ask("POST", "/policies/check", bad);
    script.ask("PUT", "/policies", set);
    script.ask("POST", "/policies/reload", Value::Null);
    for path in READ {
        script.ask("GET", path, Value::Null);
    }
    let listed = script.ask("GET", "/revocations", Value::Null).json();
    let id = listed["items"][0]["id"].as_str().unwrap();
    script.ask("DELETE", &format!("/revocations/{id}"), Value::Null);
    for path in [
        &format!("{subject}/roles/editor"),
        subject,
        "/roles/boss",
        "/resources/record/1",
        "/quotas/daily",
    ] {
        script.ask("DELETE", path, Value::Null);
    }
    let mut all = schema::operations(script.managed.document());
    all.sort();
    script.succeeded.sort();
    script.succeeded.dedup();
    assert_eq!(script.succeeded, all);
}

#[test]
fn every_kind_of_refusal_is_in_the_document() {
    let managed = Managed::start();
    let (admin, viewer) = (managed.token("admin"), managed.token("viewer"));
    let (admin, viewer) = (admin.as_str(), viewer.as_str());
    let role = "/roles/boss";
    let good = json!({"parents": ["editor"]});
    let large = json!({"properties": {"a": "x".repeat(300 * 1024)}});
    managed.done("PUT", role, Some(&good));
    let exists = [("if-none-match", "*")];
    for (token, method, path, headers, body, status) in [
        (admin, "PUT", role, &[][..], json!({"parents": 5}), 400),
        ("x", "PUT", role, &[], good.clone(), 401),
        ("x", "GET", role, &[], Value::Null, 401),
        (viewer, "PUT", role, &[], good.clone(), 403),
        (admin, "DELETE", "/roles/nobody", &[], Value::Null, 404),
        (admin, "GET", "/roles/nobody", &[], Value::Null, 404),
        (admin, "GET", "/nowhere", &[], Value::Null, 404),
        (admin, "PUT", role, &[], json!({"parents": ["boss"]}), 409),
        (admin, "PUT", role, &exists, good.clone(), 412),
        (admin, "PUT", role, &[("if-match", "\"1\""), ("if-none-match", "*")], good, 412),
        (admin, "PUT", "/subjects/user/a", &[], large, 413),
        (admin, "PUT", role, &[], json!({"name": "other", "parents": []}), 422),
    ] {
        let body = Some(&body).filter(|body| !body.is_null());
        // The answer itself is held to the document by who asks.
        let reply = managed.with(token, method, path, headers, body);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
    }
    let tag = managed.admin("GET", role, None).header("etag").unwrap().to_owned();
    let known = [("if-none-match", tag.as_str())];
    assert_eq!(managed.with(admin, "GET", role, &known, None).status, 304);
}
