//! Search page by page: every permitted candidate once, whatever the page's size.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::service::{Service, bare_command};

const SUBJECTS: &str = "/access/v1/search/subject";
const RESOURCES: &str = "/access/v1/search/resource";
const ACTIONS: &str = "/access/v1/search/action";

const SCHEMA: &str = "entity Role;\nentity user in [Role];\nentity record { n?: Long };\n\
    action read, write appliesTo { principal: [user], resource: [record] };\n\
    action walk appliesTo { principal: [user], resource: [user] };";
const POLICIES: &str = "permit (principal in Role::\"reader\", action == Action::\"read\", resource);\n\
    permit (principal, action == Action::\"write\", resource) when { resource has n && resource.n < 100 };";

/// 500 users of which every third is a reader, and 5 000 records of which 100 can be written.
fn crowded() -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("policies")).unwrap();
    std::fs::write(at("schema.cedarschema"), SCHEMA).unwrap();
    std::fs::write(at("policies/all.cedar"), POLICIES).unwrap();
    let users: Vec<Value> = (0..500)
        .map(|n| json!({"type": "user", "id": format!("u{n:03}"), "roles": if n % 3 == 0 { vec!["reader"] } else { vec![] }}))
        .collect();
    let records: Vec<Value> = (0..5_000)
        .map(|n| json!({"type": "record", "id": format!("r{n:04}"), "properties": {"n": n}}))
        .collect();
    std::fs::write(
        at("entities.json"),
        json!({"subjects": users, "resources": records}).to_string(),
    )
    .unwrap();
    let folder_name = folder.path().to_str().unwrap();
    let service = Service::spawn(
        bare_command().args(["--policies", folder_name, "--entities"]).arg(at("entities.json")),
    );
    (service, folder)
}

/// Follows the pages to the end; answers how many there were and what they held.
fn all(service: &Service, path: &str, mut request: Value, field: &str) -> (usize, Vec<String>) {
    let mut results = Vec::new();
    for pages in 1..1_000 {
        let reply = service.ask(path, &request);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let answer = reply.json();
        let page: Vec<String> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry[field].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(answer["page"]["count"], page.len());
        results.extend(page);
        match answer["page"]["next_token"].as_str().unwrap() {
            "" => return (pages, results),
            token => request["page"]["token"] = json!(token),
        }
    }
    panic!("the pages never end");
}

fn readers(limit: Option<u32>) -> Value {
    let mut request = json!({"subject": {"type": "user"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "r0001"}});
    if let Some(limit) = limit {
        request["page"] = json!({"limit": limit});
    }
    request
}

#[test]
fn every_permitted_candidate_comes_once_whatever_the_page_s_size() {
    let (service, _folder) = crowded();
    let expected: Vec<String> = (0..500).step_by(3).map(|n| format!("u{n:03}")).collect();
    for (limit, pages) in
        [(None, 1), (Some(1), 168), (Some(10), 17), (Some(167), 2), (Some(100_000), 1)]
    {
        let (seen, found) = all(&service, SUBJECTS, readers(limit), "id");
        assert_eq!(found, expected, "{limit:?}");
        assert!(seen <= pages, "{limit:?}: {seen} pages");
    }
}

#[test]
fn a_search_among_many_that_are_denied_goes_on_from_page_to_page() {
    let (service, _folder) = crowded();
    let request = json!({"subject": {"type": "user", "id": "u001"}, "action": {"name": "write"}, "resource": {"type": "record"}});
    let (pages, found) = all(&service, RESOURCES, request, "id");
    let expected: Vec<String> = (0..100).map(|n| format!("r{n:04}")).collect();
    assert_eq!(found, expected);
    assert!(pages > 1, "5 000 candidates are more than one page examines");
}

#[test]
fn actions_come_page_by_page_too() {
    let (service, _folder) = crowded();
    let request = json!({"subject": {"type": "user", "id": "u000"}, "resource": {"type": "record", "id": "r0001"}, "page": {"limit": 1}});
    let (_, found) = all(&service, ACTIONS, request, "name");
    assert_eq!(found, ["read", "write"]);
}

#[test]
fn an_id_in_what_is_searched_for_is_ignored() {
    let (service, _folder) = crowded();
    let mut request = readers(None);
    request["subject"]["id"] = json!("u001");
    let (_, found) = all(&service, SUBJECTS, request, "id");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 167);
}

#[test]
fn a_page_of_nothing_can_be_asked_for() {
    let (service, _folder) = crowded();
    let answer = service.ask(SUBJECTS, &readers(Some(0))).json();
    assert_eq!(answer["results"], json!([]));
    assert_ne!(answer["page"]["next_token"], "");
}

#[test]
fn a_token_leads_on_in_its_own_search_only() {
    let (service, _folder) = crowded();
    let token = service.ask(SUBJECTS, &readers(Some(2))).json()["page"]["next_token"].clone();
    let mut request = readers(None);
    request["page"] = json!({"token": token});
    assert_eq!(service.ask(SUBJECTS, &request).json()["results"][0]["id"], "u006");
    request["action"]["name"] = json!("write");
    let reply = service.ask(SUBJECTS, &request);
    assert_eq!((reply.status, &reply.json()["field"]), (400, &json!("page.token")));
}

#[test]
fn a_malformed_page_is_400() {
    let (service, _folder) = crowded();
    for (page, field) in [
        (json!("x"), "page"),
        (json!({"limit": -1}), "page.limit"),
        (json!({"limit": 1.5}), "page.limit"),
        (json!({"limit": "10"}), "page.limit"),
        (json!({"token": 1}), "page.token"),
        (json!({"token": "AAAA"}), "page.token"),
        (json!({"properties": []}), "page.properties"),
    ] {
        let mut request = readers(None);
        request["page"] = page;
        let reply = service.ask(SUBJECTS, &request);
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{}", reply.body);
    }
}
