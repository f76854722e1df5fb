//! Many questions in one request: defaults, short-circuits and every way to get it wrong.

use serde_json::{Value, json};

use crate::service::Service;

const EVALUATIONS: &str = "/access/v1/evaluations";

fn service() -> Service {
    Service::example("authzen-certification")
}

/// Alice, on record 1: reads and writes, but never deletes for good.
fn batch(actions: &[&str], semantic: &str) -> Value {
    let items: Vec<Value> = actions.iter().map(|name| json!({"action": {"name": name}})).collect();
    json!({"subject": {"type": "user", "id": "alice"}, "resource": {"type": "record", "id": "record-1"},
           "evaluations": items, "options": {"evaluations_semantic": semantic, "other": 1}})
}

fn decisions(service: &Service, body: &Value) -> Vec<bool> {
    let reply = service.ask(EVALUATIONS, body);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    let items = answer["evaluations"].as_array().unwrap();
    items.iter().map(|item| item["decision"].as_bool().unwrap()).collect()
}

#[test]
fn a_short_circuit_ends_the_list_with_what_ended_it() {
    let service = service();
    let actions = ["delete", "read", "delete", "write"];
    assert_eq!(decisions(&service, &batch(&actions, "execute_all")), [false, true, false, true]);
    assert_eq!(decisions(&service, &batch(&actions, "deny_on_first_deny")), [false]);
    assert_eq!(decisions(&service, &batch(&actions[1..], "deny_on_first_deny")), [true, false]);
    assert_eq!(decisions(&service, &batch(&actions, "permit_on_first_permit")), [false, true]);
    assert_eq!(decisions(&service, &batch(&["read", "write"], "deny_on_first_deny")), [true, true]);
    assert_eq!(decisions(&service, &batch(&["delete"], "permit_on_first_permit")), [false]);
}

#[test]
fn an_item_that_fails_is_a_denial_for_a_short_circuit_too() {
    let service = service();
    let mut body = batch(&["read", "read", "read"], "deny_on_first_deny");
    body["evaluations"][1] = json!({"action": 1});
    assert_eq!(decisions(&service, &body), [true, false]);
    body["options"]["evaluations_semantic"] = json!("permit_on_first_permit");
    body["evaluations"][0] = json!("read");
    assert_eq!(decisions(&service, &body), [false, false, true]);
}

#[test]
fn an_item_that_fails_says_where_and_repeats_no_value() {
    let service = service();
    for (item, message) in [
        (json!("secret-value"), "evaluations[0] must be an object"),
        (json!({"subject": "secret-value"}), "evaluations[0].subject must be an object"),
        (
            json!({"action": {"name": ["secret-value"]}}),
            "evaluations[0].action.name must be a string",
        ),
        (json!({"resource": {"id": ""}}), "evaluations[0].resource.id must not be empty"),
        (json!({"context": "secret-value"}), "evaluations[0].context must be an object"),
        (json!({"resource": null}), "evaluations[0].resource must be an object"),
    ] {
        let mut body = batch(&["read"], "execute_all");
        for (name, value) in item.as_object().unwrap_or(&serde_json::Map::new()) {
            body["evaluations"][0][name] = value.clone();
        }
        if !item.is_object() {
            body["evaluations"][0] = item;
        }
        let reply = service.ask(EVALUATIONS, &body);
        let answer = &reply.json()["evaluations"][0];
        assert_eq!(answer["decision"], false);
        assert_eq!(
            answer["context"],
            json!({"reason": "malformed", "error": {"status": 400, "message": message}})
        );
        assert!(!reply.body.contains("secret-value"));
    }
}

#[test]
fn an_item_s_entity_replaces_the_default_as_a_whole() {
    let service = service();
    let archived =
        json!({"type": "record", "id": "record-1", "properties": {"status": "archived"}});
    let body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "write"},
        "resource": archived, "evaluations": [{}, {"resource": {"id": "record-1"}}]});
    // The second one's record has no properties of the default's: it is the stored, active one.
    assert_eq!(decisions(&service, &body), [false, true]);
}

#[test]
fn what_is_wrong_with_the_whole_is_400() {
    let service = service();
    for (change, field) in [
        (json!({"evaluations": {}}), "evaluations"),
        (json!({"evaluations": null}), "evaluations"),
        (json!({"evaluations": "x"}), "evaluations"),
        (json!({"options": []}), "options"),
        (
            json!({"options": {"evaluations_semantic": "first_come"}}),
            "options.evaluations_semantic",
        ),
        (json!({"options": {"evaluations_semantic": 1}}), "options.evaluations_semantic"),
        (json!({"subject": "alice"}), "subject"),
        (json!({"context": []}), "context"),
        (json!({"evaluations": vec![json!({}); 1_001]}), "evaluations"),
    ] {
        let mut body = batch(&["read"], "execute_all");
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = service.ask(EVALUATIONS, &body);
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{}", reply.body);
    }
}

#[test]
fn a_thousand_items_are_answered_in_order() {
    let service = service();
    let actions: Vec<&str> =
        (0..1_000).map(|n| if n % 3 == 0 { "delete" } else { "read" }).collect();
    let expected: Vec<bool> = (0..1_000).map(|n| n % 3 != 0).collect();
    assert_eq!(decisions(&service, &batch(&actions, "execute_all")), expected);
}

#[test]
fn a_batch_may_be_kept_as_long_as_its_shortest_lived_answer() {
    let service = service();
    let reply = service.ask(EVALUATIONS, &batch(&["read", "write"], "execute_all"));
    assert_eq!(reply.header("cache-control"), Some("max-age=5"));
}
