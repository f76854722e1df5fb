//! What can be changed, under which conditions, and what comes of it.

use std::sync::Barrier;

use serde_json::{Value, json};

use super::Managed;

fn subject(role: &str) -> Value {
    json!({"properties": {"name": "New"}, "roles": [role]})
}

#[test]
fn a_role_taken_away_changes_the_next_decision() {
    let managed = Managed::start();
    let path = "/subjects/identity/new";
    managed.done("PUT", path, Some(&json!({})));
    let asking = json!({"type": "identity", "id": "new"});
    let roles = || managed.service.evaluate(&asking)["context"]["roles"].clone();
    assert_eq!(roles(), json!([]));
    for _ in 0..3 {
        managed.done("PUT", &format!("{path}/roles/boss"), None);
        assert_eq!(roles(), json!(["boss"]));
        managed.done("PUT", "/roles/boss", Some(&json!({"parents": ["editor"]})));
        assert_eq!(roles(), json!(["boss", "editor"]));
        managed.done("DELETE", "/roles/boss", None);
        assert_eq!(roles(), json!(["boss"]));
        managed.done("DELETE", &format!("{path}/roles/boss"), None);
        assert_eq!(roles(), json!([]));
    }
    assert_eq!(managed.admin("DELETE", &format!("{path}/roles/boss"), None).status, 404);
    let end = json!({"expires_at": "2000-01-01T00:00:00Z"});
    let late = managed.admin("PUT", &format!("{path}/roles/boss"), Some(&end));
    assert_eq!((late.status, &late.json()["field"]), (422, &json!("expires_at")));
}

#[test]
fn what_is_put_is_read_and_can_be_put_again() {
    let managed = Managed::start();
    for (path, body) in [
        ("/subjects/identity/a%2Fb%20%C3%A4", subject("editor")),
        ("/roles/boss", json!({"parents": ["editor"]})),
        ("/resources/record/r%3A1", json!({"properties": {"status": "active"}})),
        (
            "/quotas/daily",
            json!({"key": {"header": "x-team"}, "requests": 5, "per_seconds": 60, "burst": 2}),
        ),
    ] {
        let made = managed.with(
            &managed.token("admin"),
            "PUT",
            path,
            &[("if-none-match", "*")],
            Some(&body),
        );
        assert_eq!(made.status, 201, "{}", made.body);
        let found = managed.admin("GET", path, None);
        assert_eq!(found.header("etag"), made.header("etag"));
        let value = found.json();
        for (name, expected) in body.as_object().unwrap() {
            assert_eq!(&value[name], expected, "{path}");
        }
        let tag = found.header("etag").unwrap();
        let same = [("if-none-match", tag)];
        assert_eq!(managed.with(&managed.token("admin"), "GET", path, &same, None).status, 304);
        managed.done("PUT", path, Some(&value));
        let list = format!("/{}", path.split('/').nth(1).unwrap());
        assert!(managed.get(&list)["items"].as_array().unwrap().iter().any(|item| {
            item["etag"].is_string() && body.as_object().unwrap().iter().all(|(n, v)| &item[n] == v)
        }));
        managed.done("DELETE", path, None);
        assert_eq!(managed.admin("DELETE", path, None).status, 404);
        assert_eq!(managed.admin("GET", path, None).status, 404);
    }
}

#[test]
fn of_two_writers_with_the_same_tag_one_wins() {
    let managed = Managed::start();
    let path = "/subjects/identity/new";
    let token = managed.token("admin");
    managed.done("PUT", path, Some(&json!({})));
    for _ in 0..10 {
        let tag = managed.admin("GET", path, None).header("etag").unwrap().to_owned();
        let ready = Barrier::new(2);
        let write = |role: &str| {
            ready.wait();
            managed.with(&token, "PUT", path, &[("if-match", &tag)], Some(&subject(role))).status
        };
        let mut statuses = std::thread::scope(|scope| {
            let other = scope.spawn(|| write("one"));
            [write("other"), other.join().unwrap()]
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
    let new = [("if-none-match", "*")];
    assert_eq!(managed.with(&token, "PUT", path, &new, Some(&json!({}))).status, 412);
}

#[test]
fn a_request_under_the_same_key_happens_once() {
    let managed = Managed::start();
    let token = managed.token("admin");
    let post = |path: &str, key: &str, body: &Value| {
        managed.with(&token, "POST", path, &[("idempotency-key", key)], Some(body))
    };
    // Its times are filled in, and differ from one time to the next.
    let body = json!({"kind": "subject", "iss": "https://idp.example", "sub": "alice"});
    let first = post("/revocations", "k1", &body);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let again = post("/revocations", "k1", &body);
    assert_eq!((first.status, again.status), (201, 201), "{}", again.body);
    assert_eq!(first.json()["version"], again.json()["version"]);
    assert_eq!(
        (&first.json()["replayed"], &again.json()["replayed"]),
        (&json!(false), &json!(true))
    );
    let other = post("/revocations", "k1", &json!({"kind": "token", "jti": "x"}));
    assert_eq!((other.status, &other.json()["field"]), (422, &json!("idempotency-key")));
    assert_eq!(post("/invalidations", "k2", &json!({"scope": "global"})).status, 200);
    let first = managed.get("/info")["version"].clone();
    assert_eq!(post("/invalidations", "k2", &json!({"scope": "global"})).status, 200);
    assert_eq!(managed.get("/info")["version"], first);
}

#[test]
fn revocations_are_listed_taken_back_and_told_to_filters() {
    let managed = Managed::start();
    for body in [
        json!({"kind": "token", "jti": "t1"}),
        json!({"kind": "session", "sid": "s1", "iss": "https://idp.example"}),
        json!({"kind": "subject", "sub": "a", "iss": "https://idp.example"}),
        json!({"kind": "everyone", "issued_before": "2026-01-01T00:00:00Z"}),
    ] {
        let reply = managed.admin("POST", "/revocations", Some(&body));
        assert_eq!(reply.status, 201, "{}", reply.body);
        let place = reply.header("location").unwrap().strip_prefix("/admin/v1").unwrap().to_owned();
        let listed = managed.get("/revocations")["items"].clone();
        let id = place.rsplit('/').next().unwrap();
        let found = listed.as_array().unwrap().iter().find(|item| item["id"] == id).unwrap();
        assert_eq!(found["kind"], body["kind"]);
        if body["kind"] != "token" {
            managed.done("DELETE", &place, None);
            assert_eq!(managed.admin("DELETE", &place, None).status, 404);
        }
    }
    assert_eq!(managed.get("/revocations")["items"].as_array().unwrap().len(), 1);
    let told = managed.service.send("GET", "/v1/state", &[]).json();
    assert!(told["entries"].as_array().unwrap().iter().any(|entry| entry["jti"] == "t1"));
}

#[test]
fn whatever_is_wrong_is_named() {
    let managed = Managed::start();
    let token = managed.token("admin");
    let new = "/subjects/identity/new";
    for (method, path, body, status, field) in [
        ("PUT", new, json!({"rolls": []}), 400, "rolls"),
        ("PUT", new, json!({"roles": "a"}), 400, "roles"),
        ("PUT", new, json!({"roles": ["a", "not a role"]}), 400, "roles[1]"),
        ("PUT", new, json!({"type": "other"}), 422, "type"),
        ("PUT", new, json!({"properties": {"email": 5}}), 422, "properties.email"),
        ("PUT", new, json!({"properties": {"a": 1.5}}), 422, "properties"),
        ("PUT", "/roles/boss", json!({}), 400, "parents"),
        ("PUT", "/roles/not%20one", json!({"parents": []}), 422, "role"),
        (
            "PUT",
            "/quotas/q",
            json!({"key": "subject", "requests": 0, "per_seconds": 1, "burst": 1}),
            422,
            "requests",
        ),
        (
            "PUT",
            "/quotas/q",
            json!({"key": "x", "requests": 1, "per_seconds": 1, "burst": 1}),
            400,
            "key",
        ),
        (
            "PUT",
            "/quotas/q",
            json!({"key": "subject", "requests": -1, "per_seconds": 1, "burst": 1}),
            400,
            "requests",
        ),
        (
            "PUT",
            "/quotas/q",
            json!({"key": "subject", "requests": 1.5, "per_seconds": 1.0, "burst": 1}),
            400,
            "requests",
        ),
        ("POST", "/revocations", json!({"kind": "x"}), 400, "kind"),
        ("POST", "/revocations", json!({"kind": "token"}), 400, "jti"),
        ("POST", "/revocations", json!({"kind": "token", "jti": ""}), 422, "revocation"),
        ("POST", "/invalidations", json!({"scope": "tenant"}), 400, "tenant"),
        ("POST", "/explain", json!({"subject": {"type": "a"}}), 400, "subject.id"),
        ("PUT", "/subjects/identity/a%00b", json!({}), 400, "path"),
    ] {
        let reply = managed.with(&token, method, path, &[], Some(&body));
        assert_eq!(reply.status, status, "{path} {body}: {}", reply.body);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.json()["field"], field, "{path} {body}: {}", reply.body);
        assert!(!reply.body.contains("not a role"), "a value is repeated");
    }
}

#[test]
fn a_cycle_a_body_too_large_and_a_condition_of_another_form_are_refused() {
    let managed = Managed::start();
    let token = managed.token("admin");
    let new = "/subjects/identity/new";
    let cycle = json!({"parents": ["boss"]});
    assert_eq!(managed.admin("PUT", "/roles/boss", Some(&cycle)).status, 409);
    let large = json!({"properties": {"a": "x".repeat(300 * 1024)}});
    assert_eq!(managed.admin("PUT", new, Some(&large)).status, 413);
    for (name, value) in [("if-match", "x"), ("if-none-match", "\"1\""), ("if-match", "W/\"1\"")] {
        let reply = managed.with(&token, "PUT", new, &[(name, value)], Some(&json!({})));
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(name)));
    }
}
