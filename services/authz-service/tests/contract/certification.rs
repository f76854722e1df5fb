//! The certification scenario of AuthZEN 1.0, level by level, on `examples/authzen-certification`.
//! Fixture: `testdata/authzen-certification.json`, the scenario's own as data.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::service::{EVALUATION, Service};

const EVALUATIONS: &str = "/access/v1/evaluations";
const SUBJECTS: &str = "/access/v1/search/subject";
const RESOURCES: &str = "/access/v1/search/resource";
const ACTIONS: &str = "/access/v1/search/action";

fn service() -> Service {
    Service::example("authzen-certification")
}

fn fixture() -> Value {
    serde_json::from_str(include_str!("../testdata/authzen-certification.json")).unwrap()
}

fn ok(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    reply.json()
}

fn user(id: &str) -> Value {
    json!({"type": "user", "id": id})
}

fn record(id: &str) -> Value {
    json!({"type": "record", "id": id})
}

fn decisions(answer: &Value) -> Vec<bool> {
    let items = answer["evaluations"].as_array().unwrap();
    assert!(answer.get("decision").is_none());
    items.iter().map(|item| item["decision"].as_bool().unwrap()).collect()
}

#[test]
fn basic_the_eight_rules_hold() {
    let service = service();
    let fixture = fixture();
    let rules = fixture["decisions"].as_array().unwrap();
    assert_eq!(rules.len(), 8);
    for rule in rules {
        // Twice: the answer to the same question stays the same.
        for _ in 0..2 {
            let answer = ok(&service.ask(EVALUATION, &rule["request"]));
            assert_eq!(answer["decision"], rule["expected"], "{}", rule["why"]);
            assert!(answer["context"].is_object());
        }
        let mut with_context = rule["request"].clone();
        with_context["context"] = json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"});
        let answer = ok(&service.ask(EVALUATION, &with_context));
        assert_eq!(answer["decision"], rule["expected"], "{}", rule["why"]);
    }
}

#[test]
fn basic_additional_properties_and_unknown_members_change_nothing() {
    let service = service();
    let more = json!({
        "subject": {"type": "user", "id": "alice", "properties": {"department": "Sales", "role": "manager"}},
        "action": {"name": "read", "properties": {"method": "GET"}},
        "resource": {"type": "record", "id": "record-1", "properties": {"status": "active", "owner": "bob"}},
        "foo": "bar", "futureField": {"nested": true},
    });
    assert_eq!(ok(&service.ask(EVALUATION, &more))["decision"], true);
}

#[test]
fn basic_what_is_missing_or_of_another_type_is_400() {
    let service = service();
    let whole = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": record("record-1")});
    for path in [EVALUATION, EVALUATIONS] {
        for (entity, field) in [
            ("subject", "type"),
            ("subject", "id"),
            ("action", "name"),
            ("resource", "type"),
            ("resource", "id"),
        ] {
            let mut without_entity = whole.clone();
            without_entity.as_object_mut().unwrap().remove(entity);
            assert_eq!(service.ask(path, &without_entity).status, 400, "{entity}");
            let mut without_field = whole.clone();
            without_field[entity].as_object_mut().unwrap().remove(field);
            assert_eq!(service.ask(path, &without_field).status, 400, "{entity}.{field}");
            let mut other_type = whole.clone();
            other_type[entity][field] = json!(123);
            assert_eq!(service.ask(path, &other_type).status, 400, "{entity}.{field}");
        }
        let mut text = whole.clone();
        text["subject"] = json!("alice");
        assert_eq!(service.ask(path, &text).status, 400);
    }
}

#[test]
fn batch_core() {
    let service = service();
    let ask = |body: Value| decisions(&ok(&service.ask(EVALUATIONS, &body)));
    let alice_reads =
        ask(json!({"subject": user("alice"), "action": {"name": "read"}, "evaluations": [
        {"resource": record("record-1")}, {"resource": record("record-2")}]}));
    assert_eq!(alice_reads.len(), 2);
    let bob = ask(json!({"subject": user("bob"), "resource": record("record-1"), "evaluations": [
        {"action": {"name": "read"}}, {"action": {"name": "write"}}]}));
    assert_eq!(bob, [true, false]);
    let no_defaults = ask(json!({"evaluations": [
        {"subject": user("alice"), "action": {"name": "read"}, "resource": record("record-1")},
        {"subject": user("bob"), "action": {"name": "write"}, "resource": record("record-1")}]}));
    assert_eq!(no_defaults, [true, false]);
    let contexts = ask(json!({"subject": user("alice"), "action": {"name": "read"},
        "context": {"time": "2025-06-27T18:03-07:00"}, "evaluations": [
        {"resource": record("record-1")},
        {"resource": record("record-2"), "context": {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}}]}));
    assert_eq!(contexts.len(), 2);
}

#[test]
fn batch_core_an_item_that_fails_is_false_in_its_place() {
    let service = service();
    let answer = ok(&service.ask(
        EVALUATIONS,
        &json!({"subject": user("alice"), "action": {"name": "read"},
        "evaluations": [{"resource": record("record-1")}, {}]}),
    ));
    assert_eq!(decisions(&answer), [true, false]);
    assert_eq!(answer["evaluations"][1]["context"]["error"]["status"], 400);
}

#[test]
fn batch_core_without_items_it_is_a_single_evaluation() {
    let service = service();
    let mut body = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": record("record-1")});
    for evaluations in [None, Some(json!([]))] {
        if let Some(evaluations) = evaluations {
            body["evaluations"] = evaluations;
        }
        let answer = ok(&service.ask(EVALUATIONS, &body));
        assert_eq!(answer["decision"], true);
        assert!(answer.get("evaluations").is_none());
    }
}

#[test]
fn batch_properties() {
    let service = service();
    let ask = |body: Value| decisions(&ok(&service.ask(EVALUATIONS, &body)));
    let archived =
        json!({"type": "record", "id": "record-2", "properties": {"status": "archived"}});
    let active = json!({"type": "record", "id": "record-1", "properties": {"status": "active"}});
    let resources = ask(json!({"subject": user("alice"), "action": {"name": "write"},
        "evaluations": [{"resource": active}, {"resource": archived}]}));
    assert_eq!(resources, [true, false]);
    let admin = json!({"type": "user", "id": "bob", "properties": {"role": "admin"}});
    let subjects = ask(json!({"action": {"name": "write"}, "resource": archived,
        "evaluations": [{"subject": user("alice")}, {"subject": admin}]}));
    assert_eq!(subjects, [false, true]);
    let merged = ask(
        json!({"subject": user("alice"), "action": {"name": "write"}, "resource": {"type": "record"},
        "evaluations": [{"resource": {"id": "record-1", "properties": {"status": "active"}}}, {"resource": archived}]}),
    );
    assert_eq!(merged, [true, false]);
}

#[test]
fn search_core_and_properties() {
    let service = service();
    let fixture = fixture();
    let searches = fixture["searches"].as_array().unwrap();
    assert_eq!(searches.len(), 6);
    for search in searches {
        let path = search["path"].as_str().unwrap();
        let mut request = search["request"].clone();
        for context in [None, Some(json!({"time": "2025-06-27T18:03-07:00"}))] {
            if let Some(context) = context {
                request["context"] = context;
            }
            let answer = ok(&service.ask(path, &request));
            let results = answer["results"].as_array().unwrap();
            for expected in search["must_include"].as_array().unwrap() {
                assert!(results.contains(expected), "{}: {answer}", search["id"]);
            }
            assert_eq!(answer["page"]["next_token"], "");
            assert_eq!(answer["page"]["count"], results.len());
        }
    }
}

#[test]
fn search_finds_exactly_what_an_evaluation_permits() {
    let service = service();
    for action in ["read", "write", "delete"] {
        for id in ["record-1", "record-2"] {
            let answer = ok(&service.ask(
                SUBJECTS,
                &json!({"subject": {"type": "user"},
                "action": {"name": action, "properties": {"soft": true}}, "resource": record(id)}),
            ));
            for name in ["alice", "bob"] {
                let question = json!({"subject": user(name), "action": {"name": action,
                    "properties": {"soft": true}}, "resource": record(id)});
                let permitted = ok(&service.ask(EVALUATION, &question))["decision"] == true;
                let found = answer["results"].as_array().unwrap().contains(&user(name));
                assert_eq!(found, permitted, "{name} {action} {id}");
            }
        }
    }
}

#[test]
fn search_of_or_for_the_unknown_is_empty() {
    let service = service();
    let nobody = json!({"subject": user("nonexistent-user"), "action": {"name": "read"}, "resource": record("record-1")});
    let nothing = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": record("nonexistent-record")});
    let strange_subject = json!({"subject": {"type": "spaceship", "id": "x"}, "action": {"name": "read"}, "resource": record("record-1")});
    let strange_resource = json!({"subject": user("alice"), "action": {"name": "read"}, "resource": {"type": "spaceship", "id": "x"}});
    for (path, request) in [
        (ACTIONS, &nobody),
        (RESOURCES, &nobody),
        (ACTIONS, &nothing),
        (SUBJECTS, &nothing),
        (SUBJECTS, &strange_subject),
        (RESOURCES, &strange_subject),
        (ACTIONS, &strange_subject),
        (SUBJECTS, &strange_resource),
        (RESOURCES, &strange_resource),
        (ACTIONS, &strange_resource),
    ] {
        let answer = ok(&service.ask(path, request));
        assert_eq!(answer["results"], json!([]), "{path} {request}");
    }
}

#[test]
fn search_what_is_missing_is_400() {
    let service = service();
    for (path, request) in [
        (SUBJECTS, json!({"subject": {"type": "user"}, "resource": record("record-1")})),
        (
            SUBJECTS,
            json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record"}}),
        ),
        (
            SUBJECTS,
            json!({"subject": {}, "action": {"name": "read"}, "resource": record("record-1")}),
        ),
        (RESOURCES, json!({"action": {"name": "read"}, "resource": {"type": "record"}})),
        (
            RESOURCES,
            json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record"}}),
        ),
        (ACTIONS, json!({"subject": user("alice")})),
        (ACTIONS, json!({"subject": {"type": "user"}, "resource": record("record-1")})),
    ] {
        assert_eq!(service.ask(path, &request).status, 400, "{path} {request}");
    }
}

#[test]
fn discovery_names_every_endpoint() {
    let service = service();
    let reply = service.send("GET", "/.well-known/authzen-configuration", &[]);
    let document = ok(&reply);
    let base = format!("http://{}", service.address);
    assert_eq!(document["policy_decision_point"], base);
    for (member, path) in [
        ("access_evaluation_endpoint", EVALUATION),
        ("access_evaluations_endpoint", EVALUATIONS),
        ("search_subject_endpoint", SUBJECTS),
        ("search_resource_endpoint", RESOURCES),
        ("search_action_endpoint", ACTIONS),
    ] {
        assert_eq!(document[member], format!("{base}{path}"));
    }
}
