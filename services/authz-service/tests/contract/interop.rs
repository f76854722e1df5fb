//! The AuthZEN working group's interop scenarios on `examples/authzen-todo`: the API gateway
//! (`testdata/authzen-api-gateway.json`) and the todo application's own questions.

use serde_json::{Value, json};

use crate::service::{EVALUATION, Service};

/// Name, id and what each may do to a todo of their own and to another's: update, delete.
struct User {
    account: &'static str,
    id: &'static str,
    creates: bool,
    own: bool,
    updates_any: bool,
    deletes_any: bool,
}

const fn user(
    account: &'static str,
    id: &'static str,
    [creates, own, updates_any, deletes_any]: [bool; 4],
) -> User {
    User { account, id, creates, own, updates_any, deletes_any }
}

const USERS: [User; 5] = [
    user(
        "rick@the-citadel.com",
        "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        [true, true, true, true],
    ),
    user(
        "morty@the-citadel.com",
        "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        [true, true, false, false],
    ),
    user(
        "summer@the-smiths.com",
        "CiRmZDI2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        [true, true, false, false],
    ),
    user(
        "beth@the-smiths.com",
        "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        [false, false, false, false],
    ),
    user(
        "jerry@the-smiths.com",
        "CiRmZDQ2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        [false, false, false, false],
    ),
];

fn todo(owner: &str) -> Value {
    json!({"type": "todo", "id": "7240d0db-8ff0-41ec-98b2-34a096273b9f", "properties": {"ownerID": owner}})
}

#[test]
fn the_gateway_s_25_decisions_are_the_scenario_s() {
    let service = Service::example("authzen-todo");
    let expected: Value =
        serde_json::from_str(include_str!("../testdata/authzen-api-gateway.json")).unwrap();
    let rows = expected.as_object().unwrap().values().filter_map(Value::as_array);
    let rows: Vec<&Value> = rows.flatten().filter(|row| row.get("expected").is_some()).collect();
    assert_eq!(rows.len(), 25);
    for row in rows {
        for context in [None, Some(json!({}))] {
            let mut request = json!({"subject": {"type": "identity", "id": row["user_id"]},
                "action": {"name": row["method"]}, "resource": {"type": "route", "id": row["route"]}});
            if let Some(context) = context {
                request["context"] = context;
            }
            let answer = service.ask(EVALUATION, &request).json();
            assert_eq!(answer["decision"], row["expected"], "{row}");
        }
    }
}

#[test]
fn the_application_s_decisions_are_the_scenario_s() {
    let service = Service::example("authzen-todo");
    for user in &USERS {
        for kind in ["user", "identity"] {
            let subject = json!({"type": kind, "id": user.id});
            let may = |action: &str, resource: Value| {
                let request = json!({"subject": subject, "action": {"name": action}, "resource": resource, "context": {}});
                service.ask(EVALUATION, &request).json()["decision"].as_bool().unwrap()
            };
            assert!(may("can_read_user", json!({"type": "user", "id": "beth@the-smiths.com"})));
            assert!(may("can_read_todos", json!({"type": "todo", "id": "todo-1"})));
            assert_eq!(
                may("can_create_todo", json!({"type": "todo", "id": "todo-1"})),
                user.creates
            );
            for action in ["can_update_todo", "can_delete_todo"] {
                assert_eq!(may(action, todo(user.account)), user.own, "{} {action}", user.account);
            }
            assert_eq!(may("can_update_todo", todo("somebody@else.com")), user.updates_any);
            assert_eq!(may("can_delete_todo", todo("somebody@else.com")), user.deletes_any);
        }
    }
}

#[test]
fn the_application_s_batch_tells_own_todos_from_others() {
    let service = Service::example("authzen-todo");
    let morty = &USERS[1];
    let answer = service
        .ask(
            "/access/v1/evaluations",
            &json!({"subject": {"type": "user", "id": morty.id}, "action": {"name": "can_update_todo"},
                "resource": {}, "context": {}, "evaluations": [
                {"resource": todo("rick@the-citadel.com")}, {"resource": todo("morty@the-citadel.com")}]}),
        )
        .json();
    let decisions: Vec<&Value> =
        answer["evaluations"].as_array().unwrap().iter().map(|item| &item["decision"]).collect();
    assert_eq!(decisions, [&json!(false), &json!(true)]);
}
