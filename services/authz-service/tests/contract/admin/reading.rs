//! What is only read: lists in pages, the audit log, explanations, policies.

use serde_json::json;

use super::Managed;

#[test]
fn a_thousand_subjects_are_read_in_pages_each_once() {
    let managed = Managed::start();
    let before = managed.get("/subjects?limit=1000")["items"].as_array().unwrap().len();
    let token = managed.token("admin");
    std::thread::scope(|scope| {
        for part in 0..4 {
            let (managed, token) = (&managed, &token);
            scope.spawn(move || {
                for n in (0..1_000).filter(|n| n % 4 == part) {
                    let path = format!("/subjects/user/u{n}");
                    let reply = managed.with(token, "PUT", &path, &[], Some(&json!({})));
                    assert_eq!(reply.status, 200, "{}", reply.body);
                }
            });
        }
    });
    let all = |filter: &str| {
        let mut ids = Vec::new();
        let mut next = String::new();
        loop {
            let page = managed.get(&format!("/subjects?limit=97{filter}{next}"));
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 97);
            ids.extend(items.iter().map(|item| format!("{} {}", item["type"], item["id"])));
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&after={cursor}");
        }
        let read = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), read, "none is there twice");
        read
    };
    assert_eq!(all("&type=user"), 1_000);
    assert_eq!(all(""), 1_000 + before);
    assert_eq!(all("&type=nobody"), 0);
    let cursor = managed.get("/subjects?limit=1")["next"].as_str().unwrap().to_owned();
    for (query, field) in [
        ("/subjects?limit=0", "limit"),
        ("/subjects?limit=x", "limit"),
        ("/subjects?after=x", "after"),
        (&format!("/resources?after={cursor}"), "after"),
        ("/subjects?tipe=user", "query"),
        ("/subjects?type=a&type=b", "type"),
        ("/audit?since=yesterday", "since"),
        ("/audit?target=x", "target"),
    ] {
        let reply = managed.admin("GET", query, None);
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{query}");
    }
}

#[test]
fn every_change_is_in_the_audit_log_under_who_made_it() {
    let managed = Managed::start();
    let from = managed.get("/info")["version"].as_u64().unwrap();
    let path = "/subjects/identity/new";
    managed.done("PUT", path, Some(&json!({"properties": {"name": "secret-name"}})));
    let operator = managed.token("operator");
    let grant = format!("{path}/roles/editor");
    assert_eq!(managed.with(&operator, "PUT", &grant, &[], None).status, 200);
    managed.done("DELETE", path, None);
    assert_eq!(managed.admin("DELETE", path, None).status, 404);
    let log = managed.get("/audit?target=subject:identity/new");
    let entries = log["items"].as_array().unwrap();
    let seen: Vec<_> = entries
        .iter()
        .map(|e| (e["version"].as_u64().unwrap(), e["actor"].as_str(), e["action"].as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (from + 3, Some("admin:admin-1"), Some("delete")),
            (from + 2, Some("admin:operator-1"), Some("grant")),
            (from + 1, Some("admin:admin-1"), Some("put")),
        ]
    );
    assert!(!log.to_string().contains("secret-name"));
    let of = |query: &str| managed.get(query)["items"].as_array().unwrap().len();
    assert_eq!(of("/audit?actor=admin:operator-1"), 1);
    assert_eq!(of("/audit?actor=admin:operator-1&until=2020-01-01T00:00:00Z"), 0);
    assert_eq!(of("/audit?actor=admin:operator-1&since=2020-01-01T00:00:00Z"), 1);
    let first = managed.get("/audit?limit=1");
    let next = managed.get(&format!("/audit?limit=1&after={}", first["next"].as_str().unwrap()));
    assert_eq!(next["items"][0]["version"], json!(from + 2));
}

#[test]
fn an_explanation_decides_as_the_decision_point_and_says_why() {
    let managed = Managed::start();
    let path = "/subjects/identity/new";
    managed.done("PUT", path, Some(&json!({"properties": {"name": "Nora"}, "roles": ["boss"]})));
    managed.done("PUT", "/roles/boss", Some(&json!({"parents": ["user"]})));
    let question = json!({"subject": {"type": "identity", "id": "new"}, "action": {"name": "GET"},
        "resource": {"type": "route", "id": "/customers"}});
    let decided = managed.service.post(&question).json();
    let told = managed.admin("POST", "/explain", Some(&question)).json();
    assert_eq!(told["decision"], decided["decision"]);
    assert_eq!(told["policy_version"], decided["context"]["policy_version"]);
    assert_eq!(
        told["roles"],
        json!([{"name": "boss", "source": "granted"}, {"name": "user", "source": "inherited"}])
    );
    assert!(told["entities"].to_string().contains("Nora"));
}

#[test]
fn policies_are_shown_checked_and_read_again() {
    let managed = Managed::start();
    let active = managed.get("/policies");
    assert_eq!(active["source"], "directory");
    let mut set = json!({"schema": active["schema"], "documents": active["documents"]});
    let checked = managed.done("POST", "/policies/check", Some(&set));
    assert_eq!((&checked["valid"], &checked["version"].is_string()), (&json!(true), &true));
    assert_eq!(managed.admin("PUT", "/policies", Some(&set)).status, 409);
    set["documents"] = json!([
        {"name": "a.cedar", "text": "permit (principal, action == Action::\"FLY\", resource);"},
        {"name": "b.cedar", "text": "permit ("},
    ]);
    let checked = managed.done("POST", "/policies/check", Some(&set));
    assert_eq!(checked["valid"], false);
    assert!(!checked["problems"].as_array().unwrap().is_empty());
    let reloaded = managed.done("POST", "/policies/reload", None);
    assert_eq!((&reloaded["outcome"], &reloaded["version"]), (&json!("same"), &active["version"]));
    assert_eq!(managed.get("/policies/versions")["items"], json!([]));
}

#[test]
fn policies_of_the_store_are_replaced_as_one_and_decide_at_once() {
    let managed = Managed::start_with("policies-from: store\n");
    let question = json!({"type": "identity", "id": "nobody"});
    let before = managed.service.evaluate(&question)["context"]["policy_version"].clone();
    let found = managed.admin("GET", "/policies", None);
    let active = found.json();
    assert_eq!((&active["source"], &active["version"]), (&json!("store"), &before));
    let tag = [("if-match", found.header("etag").unwrap())];
    let token = managed.token("admin");
    let put = |text: &str| {
        let set = json!({"schema": active["schema"], "documents": [{"name": "a", "text": text}]});
        managed.with(&token, "PUT", "/policies", &tag, Some(&set))
    };
    let bad = put("permit (");
    assert_eq!((bad.status, &bad.json()["field"]), (422, &json!("documents")), "{}", bad.body);
    let good = put("permit (principal, action, resource);");
    assert_eq!(good.status, 200, "{}", good.body);
    let after = managed.service.evaluate(&question);
    assert_eq!(after["decision"], true);
    assert_ne!(after["context"]["policy_version"], before);
    assert_eq!(put("forbid (principal, action, resource);").status, 412);
    assert_eq!(managed.get("/policies/versions")["items"].as_array().unwrap().len(), 2);
}
