//! What an explanation tells. That it agrees with the decision is `equivalence`'s to show.

use super::*;

fn explain(request: &EvaluationRequest, roles: &[&str], stored: Value, values: bool) -> Value {
    let roles: Vec<_> = roles.iter().map(|role| RoleName::parse(*role).unwrap()).collect();
    let nothing = Properties::new();
    let question = Question {
        request,
        roles: &roles,
        subject: stored["subject"].as_object().unwrap_or(&nothing),
        resource: stored["resource"].as_object().unwrap_or(&nothing),
        slot: None,
    };
    let source_of = |role: &RoleName| (role.as_str() == "viewer").then(|| "inherited".to_owned());
    let detail = Detail { values, source_of: Some(&source_of) };
    serde_json::to_value(engine().explain(&question, &detail)).unwrap()
}

#[test]
fn candidates_have_an_outcome_and_a_place() {
    let stored = json!({"subject": {"level": 7}, "resource": {"status": "open"}});
    let told = explain(&alice("write", json!({})), &["editor", "viewer"], stored, false);
    assert_eq!((&told["decision"], &told["reason"]), (&json!(true), &json!("policy")));
    assert_eq!(told["policy_version"], engine().version().as_str());
    assert_eq!(told["policies"], 8);
    let place = |name: &str, line: usize| json!({"name": name, "file": "test", "line": line});
    assert_eq!(told["determining"], json!([place("editors", 2), place("senior", 4)]));
    let names: Vec<_> = told["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|candidate| {
            (
                candidate["name"].as_str().unwrap(),
                candidate["effect"].as_str().unwrap(),
                candidate["outcome"]["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            ("archived", "forbid", "not_satisfied"),
            ("editors", "permit", "satisfied"),
            ("senior", "permit", "satisfied"),
        ]
    );
    assert_eq!(
        told["roles"],
        json!([{"name": "editor"}, {"name": "viewer", "source": "inherited"}])
    );
}

#[test]
fn values_are_told_only_when_asked_for() {
    let stored = || json!({"subject": {"level": 4711}, "resource": {"status": "classified"}});
    let without = explain(&alice("write", json!({})), &["editor"], stored(), false);
    assert!(!without.to_string().contains("4711") && !without.to_string().contains("classified"));
    assert_eq!(without["entities"][0]["attributes"], json!({"level": null}));
    let with = explain(&alice("write", json!({})), &["editor"], stored(), true);
    assert_eq!(
        with["entities"][0],
        json!({"uid": "user::\"alice\"", "attributes": {"level": "4711"}})
    );
}

#[test]
fn an_error_is_told_without_the_values_that_caused_it() {
    let told = explain(&alice("add", json!({"level": 4711})), &[], json!({}), false);
    assert_eq!((&told["decision"], &told["reason"]), (&json!(false), &json!("policy_error")));
    let overflow = &told["candidates"][1];
    assert_eq!(overflow["outcome"], json!({"state": "failed", "error": "an integer overflow"}));
    assert!(!told.to_string().contains("4711"));
}

#[test]
fn a_question_that_cannot_be_asked_has_its_reason_and_no_candidates() {
    let told = explain(&alice("fly", json!({})), &[], json!({}), true);
    assert_eq!((&told["reason"], &told["candidates"]), (&json!("action"), &json!([])));
}
