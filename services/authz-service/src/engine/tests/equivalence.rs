//! Random policies, random questions: the indexed, prepared way decides exactly as asking Cedar
//! about the whole set does.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use claimgate_authz_api::EvaluationRequest;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::whole_set::{Listed, WholeSet, object};
use crate::engine::{Detail, Engine, Question, Slot, Source, Verdict};
use crate::roles::RoleName;

/// Groups of groups, an enumerated type, a role that can be asked about, a required attribute,
/// one that only the store gives, and a context that an action insists on.
const SCHEMA: &str = r#"
    entity Role;
    entity user in [Role] { level?: Long, tags?: Set<String>, @stored vip?: Bool };
    entity robot in [Role];
    entity record { status?: String, @stored owner?: String };
    entity sealed { key: Long };
    entity colour enum ["red", "green"];
    action all;
    action change in [all];
    action read in [all] appliesTo { principal: [user, robot, colour],
        resource: [record, user, Role, sealed, colour], context: { zone?: String } };
    action write, delete in [change] appliesTo { principal: [user, robot],
        resource: [record, user], context: { zone?: String, action?: { soft?: Bool } } };
    action insist appliesTo { principal: [user], resource: [record], context: { why: String } };
"#;

/// The same without a role that is asked about, so that only some roles are given to Cedar.
fn without_roles_as_resources() -> String {
    SCHEMA.replace("Role, sealed", "sealed")
}

fn listed() -> Listed {
    let zoned = || vec!["zone", "action"];
    Listed {
        types: HashMap::from([
            ("Role", vec![]),
            ("user", vec!["level", "tags", "vip"]),
            ("robot", vec![]),
            ("record", vec!["status", "owner"]),
            ("sealed", vec!["key"]),
            ("colour", vec![]),
        ]),
        with_roles: HashSet::from(["user", "robot"]),
        stored: HashSet::from(["vip", "owner"]),
        actions: HashMap::from([
            ("all".to_owned(), vec![]),
            ("change".to_owned(), vec![]),
            ("read".to_owned(), vec!["zone"]),
            ("write".to_owned(), zoned()),
            ("delete".to_owned(), zoned()),
            ("insist".to_owned(), vec!["why"]),
        ]),
    }
}

const ROLES: [&str; 5] = ["viewer", "editor", "admin", "ops", "nobody"];

fn principal() -> impl Strategy<Value = String> {
    let role = select(&ROLES[..]);
    let kind = select(&["user", "robot"][..]);
    prop_oneof![
        2 => Just("principal".to_owned()),
        1 => kind.clone().prop_map(|kind| format!("principal is {kind}")),
        1 => select(&["user::\"a\"", "user::\"b\"", "robot::\"a\"", "colour::\"red\""][..])
            .prop_map(|uid| format!("principal == {uid}")),
        1 => select(&["user::\"a\"", "robot::\"b\""][..])
            .prop_map(|uid| format!("principal in {uid}")),
        4 => role.clone().prop_map(|role| format!("principal in Role::\"{role}\"")),
        2 => (kind, role)
            .prop_map(|(kind, role)| format!("principal is {kind} in Role::\"{role}\"")),
    ]
}

fn action() -> impl Strategy<Value = String> {
    const ACTIONS: [&str; 6] = ["all", "change", "read", "write", "delete", "insist"];
    let named = |name: &str| format!("Action::\"{name}\"");
    prop_oneof![
        2 => Just("action".to_owned()),
        2 => select(&ACTIONS[..]).prop_map(move |name| format!("action == {}", named(name))),
        1 => select(&ACTIONS[..]).prop_map(move |name| format!("action in {}", named(name))),
        2 => subsequence(&ACTIONS[..], 1..4).prop_map(move |names| {
            let names: Vec<_> = names.into_iter().map(named).collect();
            format!("action in [{}]", names.join(", "))
        }),
    ]
}

fn resource() -> impl Strategy<Value = String> {
    const UIDS: [&str; 6] = [
        "record::\"1\"",
        "record::\"2\"",
        "user::\"a\"",
        "sealed::\"1\"",
        "colour::\"green\"",
        "Role::\"editor\"",
    ];
    let kind = select(&["record", "user", "sealed", "colour", "Role"][..]);
    prop_oneof![
        2 => Just("resource".to_owned()),
        2 => kind.clone().prop_map(|kind| format!("resource is {kind}")),
        3 => select(&UIDS[..]).prop_map(|uid| format!("resource == {uid}")),
        2 => select(&UIDS[..]).prop_map(|uid| format!("resource in {uid}")),
        1 => (kind, select(&UIDS[..]))
            .prop_map(|(kind, uid)| format!("resource is {kind} in {uid}")),
    ]
}

/// Guarded for every type they can meet, so that most pass validation; some overflow.
fn condition() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "",
            "",
            "when { true }",
            "unless { true }",
            "when { principal is user && principal has level && principal.level > 5 }",
            "when { principal is user && principal has level && principal.level + 9223372036854775800 > 0 }",
            "when { principal is user && principal has tags && principal.tags.contains(\"x\") }",
            "when { principal is user && principal has vip && principal.vip }",
            "unless { principal in Role::\"admin\" }",
            "when { principal in [Role::\"ops\", Role::\"viewer\"] }",
            "when { principal in resource }",
            "when { resource in principal }",
            "when { principal == resource }",
            "when { action in Action::\"change\" }",
            "when { action in [Action::\"all\"] }",
            "when { Action::\"write\" in Action::\"all\" }",
            "when { resource is record && resource has status && resource.status == \"open\" }",
            "when { resource is record && resource has owner && resource.owner == \"a\" }",
            "when { resource is sealed && resource.key == 1 }",
            "when { resource is user && resource has level && resource.level > 5 }",
            "when { context has zone && context.zone == \"eu\" }",
            "when { context has action && context.action has soft && context.action.soft }",
            "when { context has why && context.why == \"x\" }",
        ][..],
    )
}

fn policy() -> impl Strategy<Value = String> {
    let effect = prop_oneof![3 => Just("permit"), 1 => Just("forbid")];
    (effect, principal(), action(), resource(), condition()).prop_map(
        |(effect, principal, action, resource, condition)| {
            format!("{effect} ({principal}, {action}, {resource}) {condition};")
        },
    )
}

fn of_subject() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => Just(json!({})),
        2 => (0..9_i64).prop_map(|level| json!({"level": level})),
        1 => Just(json!({"level": 100, "tags": ["x", "y"]})),
        1 => Just(json!({"vip": true})),
        1 => Just(json!({"level": null, "unlisted": {"a": [1]}})),
        1 => Just(json!({"level": "high"})),
        1 => Just(json!({"vip": 1.5})),
        1 => Just(json!({"__entity": {"type": "Role", "id": "admin"}})),
    ]
}

fn of_resource() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => Just(json!({})),
        2 => Just(json!({"status": "open"})),
        2 => Just(json!({"key": 1})),
        1 => Just(json!({"owner": "a"})),
        1 => Just(json!({"level": 9})),
        1 => Just(json!({"status": 5, "key": null})),
        1 => Just(json!({"unlisted": 0.5})),
    ]
}

fn of_context() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => Just(json!({})),
        2 => Just(json!({"zone": "eu"})),
        2 => Just(json!({"why": "x"})),
        1 => Just(json!({"zone": 1})),
        1 => Just(json!({"action": {"soft": true}, "unlisted": 1})),
        1 => Just(json!({"__x": 1})),
    ]
}

fn of_action() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => Just(json!({})),
        4 => Just(json!({"soft": true})),
        1 => Just(json!({"soft": 1})),
        1 => Just(json!({"a": 0.5})),
    ]
}

#[derive(Clone, Debug)]
struct Asked {
    request: EvaluationRequest,
    roles: Vec<RoleName>,
    subject: Value,
    resource: Value,
}

fn asked() -> impl Strategy<Value = Asked> {
    let who = (
        select(
            &["user", "user", "user", "user", "user", "robot", "robot", "colour", "Role", "ship"][..],
        ),
        select(&["a", "b", "red", "editor"][..]),
    );
    let does = select(
        &["read", "read", "read", "read", "write", "write", "delete", "insist", "all", "fly"][..],
    );
    let what = (
        select(
            &[
                "record", "record", "record", "record", "user", "user", "sealed", "colour", "Role",
                "ship",
            ][..],
        ),
        select(&["1", "2", "a", "green", "editor"][..]),
    );
    let request = (who, does, what, of_subject(), of_resource(), of_action(), of_context())
        .prop_map(|(who, does, what, subject, resource, action, context)| {
            serde_json::from_value(json!({
                "subject": {"type": who.0, "id": who.1, "properties": subject},
                "action": {"name": does, "properties": action},
                "resource": {"type": what.0, "id": what.1, "properties": resource},
                "context": context,
            }))
            .unwrap()
        });
    let roles = subsequence(&ROLES[..], 0..4)
        .prop_map(|names| names.into_iter().map(|name| RoleName::parse(name).unwrap()).collect());
    (request, roles, of_subject(), of_resource())
        .prop_map(|(request, roles, subject, resource)| Asked { request, roles, subject, resource })
}

fn load(schema: &str, policies: &str) -> Option<Engine> {
    let source = |text: &str| Source { file: "random".into(), text: text.into() };
    Engine::load(&source(schema), &[source(policies)]).ok()
}

/// The policies of `texts` that the schema takes, as one text with names.
fn accepted(schema: &str, texts: &[String]) -> String {
    let named = |i: usize| format!("@id(\"p{i}\") {}\n", texts[i]);
    let all: String = (0..texts.len()).map(named).collect();
    let validator = Validator::new(Schema::from_str(schema).unwrap());
    let outcome = validator.validate(&PolicySet::from_str(&all).unwrap(), ValidationMode::Strict);
    let refused: HashSet<String> =
        outcome.validation_errors().map(|error| error.policy_id().to_string()).collect();
    (0..texts.len()).filter(|i| !refused.contains(&format!("policy{i}"))).map(named).collect()
}

fn check(schema: &str, texts: &[String], questions: &[Asked]) -> Result<(), TestCaseError> {
    let policies = accepted(schema, texts);
    let engine = load(schema, &policies).unwrap();
    let whole = WholeSet::new(schema, &policies, listed());
    for asked in questions {
        let slot = Slot::default();
        let question = Question {
            request: &asked.request,
            roles: &asked.roles,
            subject: object(&asked.subject),
            resource: object(&asked.resource),
            slot: Some(&slot),
        };
        let expected = whole.decide(&question);
        prop_assert_eq!(&engine.decide(&question), &expected, "{}{:?}", policies, asked);
        // Once more, from what the first time left in the slot.
        prop_assert_eq!(&engine.decide(&question), &expected);
        prop_assert_eq!(&engine.decide(&Question { slot: None, ..question }), &expected);
        let explained = engine.explain(&question, &Detail::default());
        let names: Vec<Arc<str>> =
            explained.determining.iter().map(|place| place.name.as_str().into()).collect();
        let (decision, reason) = (explained.decision, explained.reason);
        prop_assert_eq!(Verdict { decision, reason, policies: names }, expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_index_decides_as_the_whole_set_does(
        texts in prop::collection::vec(policy(), 0..14),
        questions in prop::collection::vec(asked(), 24),
    ) {
        check(SCHEMA, &texts, &questions)?;
        check(&without_roles_as_resources(), &texts, &questions)?;
    }
}

#[test]
fn most_random_policies_are_accepted_and_every_outcome_occurs() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen: HashMap<(bool, &str), usize> = HashMap::new();
    for _ in 0..30 {
        let texts = prop::collection::vec(policy(), 12).new_tree(&mut runner).unwrap().current();
        let policies = accepted(SCHEMA, &texts);
        let engine = load(SCHEMA, &policies).unwrap();
        assert!(policies.lines().count() >= 4, "{texts:?}");
        for _ in 0..200 {
            let asked = asked().new_tree(&mut runner).unwrap().current();
            let verdict = engine.decide(&Question {
                request: &asked.request,
                roles: &asked.roles,
                subject: object(&asked.subject),
                resource: object(&asked.resource),
                slot: None,
            });
            *seen.entry((verdict.decision, verdict.reason.code())).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
}
