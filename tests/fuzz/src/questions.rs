//! Bodies of AuthZEN requests, at every endpoint that takes one.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::authz::Authz;

const ONE: &str = "/access/v1/evaluation";
const MANY: &str = "/access/v1/evaluations";

static AUTHZ: LazyLock<Authz> = LazyLock::new(|| {
    let example = "authz-service/examples/authzen-certification";
    Authz::new(example, &format!("{example}/entities.json"))
});

/// A body. Whatever it is, it is answered or refused and never breaks anything; a question has one
/// answer, alone and among others; and what a search finds would be permitted.
pub fn questions(body: &[u8]) {
    let one = ask(ONE, body);
    let many = ask(MANY, body);
    let found = SOUGHT.map(|sought| (sought, ask(&format!("/access/v1/search/{sought}"), body)));
    let Ok(question) = serde_json::from_slice::<Value>(body) else {
        assert!(one.is_none() && many.is_none(), "answered, and it is not JSON");
        return;
    };
    if let Some(answer) = one {
        check_answer(&answer);
        let among = ask(MANY, json!({"evaluations": [question]}).to_string().as_bytes());
        assert_eq!(among.expect("a good item")["evaluations"], json!([answer]), "another answer");
    }
    if let Some(answers) = many.as_ref().and_then(|many| many["evaluations"].as_array()) {
        let asked = question["evaluations"].as_array().expect("questions");
        assert!((1..=asked.len()).contains(&answers.len()), "{} answers", answers.len());
        answers.iter().for_each(check_answer);
    }
    for (sought, answer) in found {
        if let Some(answer) = answer {
            check_found(sought, &question, &answer);
        }
    }
}

const SOUGHT: [&str; 3] = ["subject", "resource", "action"];

/// The answer; `None` when the body is refused, in the form that refusals have.
fn ask(path: &str, body: &[u8]) -> Option<Value> {
    let answer = AUTHZ.post(path, "application/json", body.to_vec());
    let said: Value = serde_json::from_slice(&answer.body).expect("an answer in JSON");
    match answer.status {
        200 => Some(said),
        400 => {
            assert!(said["field"].is_string() && said["status"] == 400, "{said}");
            None
        }
        status => panic!("{status}: {said}"),
    }
}

fn check_answer(answer: &Value) {
    let decision = answer["decision"].as_bool().expect("a decision");
    let names_policy = answer["context"]["policy"].as_str().is_some_and(|name| !name.is_empty());
    assert!(!decision || names_policy, "permitted by nobody: {answer}");
}

fn check_found(sought: &str, question: &Value, answer: &Value) {
    let results = answer["results"].as_array().expect("results");
    assert_eq!(answer["page"]["count"], results.len(), "{answer}");
    let Some(first) = results.first() else { return };
    // A search is over those that are stored; a question with an address is about whoever has it.
    if question["subject"]["properties"]["email"] != Value::Null {
        return;
    }
    let mut question = question.clone();
    if sought == "action" {
        question["action"] = first.clone();
    } else {
        question[sought]["id"] = first["id"].clone();
    }
    let answer = ask(ONE, question.to_string().as_bytes()).expect("a good question");
    assert_eq!(answer["decision"], true, "found, and denied: {question}");
}

pub(crate) fn bodies() -> Vec<Vec<u8>> {
    let (alice, bob) =
        (json!({"type": "user", "id": "alice"}), json!({"type": "user", "id": "bob"}));
    let record = json!({"type": "record", "id": "record-1"});
    let action = |name: &str| json!({"name": name});
    let bodies = [
        json!({"subject": alice, "action": action("read"), "resource": record}),
        json!({"subject": {"type": "user", "id": "bob", "properties": {"role": "guest", "x": [1, {"__entity": null}]}},
            "action": action("write"), "resource": {"type": "record", "id": "record-2", "properties": {"status": "active"}}}),
        json!({"subject": alice, "resource": record, "context": {"time": "2026-01-01T00:00:00Z", "n": -1.5e3},
            "action": {"name": "delete", "properties": {"soft": true}}}),
        json!({"subject": {"type": "user", "id": "c", "properties": {"email": "a@example.com", "email_verified": true}},
            "action": action("read"), "resource": record}),
        json!({"subject": bob, "action": action("write"),
            "evaluations": [{"resource": record}, {"resource": {"type": "record", "id": "record-2"}}, {"subject": alice, "resource": {"id": 1}}]}),
        json!({"resource": record, "subject": alice, "options": {"evaluations_semantic": "deny_on_first_deny"},
            "evaluations": [{"action": action("read")}, {"action": action("no")}, {"action": action("write")}]}),
        json!({"subject": {"type": "user"}, "action": action("write"), "resource": record, "page": {"limit": 1}}),
        json!({"subject": bob, "action": action("write"), "resource": {"type": "record"}, "page": {"token": "", "limit": 5}}),
        json!({"subject": alice, "resource": record, "page": {"token": "AAAA", "properties": {}}}),
    ];
    let others = ["", "{}", "[]", "{\"subject\":{},\"subject\":{}}", "{\"subject\":\"\\ud800\"}"];
    let bodies = bodies.iter().map(Value::to_string);
    bodies.chain(others.map(str::to_owned)).map(String::into_bytes).collect()
}
