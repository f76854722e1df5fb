mod equivalence;
mod explained;
mod hostile;
mod whole_set;

use super::*;
use serde_json::{Value, json};

const SCHEMA: &str = r#"
    entity Role;
    type Nested = { deep?: Bool };
    type Circumstances = { action?: { soft?: Bool }, zone?: String };
    entity user in [Role] { level?: Long, tags?: Set<String>, nested?: Nested };
    entity guest;
    entity record { status?: String };
    action read, write appliesTo { principal: [user, guest], resource: [record, user] };
    action delete appliesTo {
        principal: [user], resource: [record],
        context: Circumstances,
    };
    action add appliesTo { principal: [user], resource: [record] };
"#;

const POLICIES: &str = r#"
    @id("editors") permit (principal in Role::"editor", action == Action::"write", resource);
    @id("readers") permit (principal is user, action == Action::"read", resource);
    @id("senior") permit (principal is user, action == Action::"write", resource is record)
        when { principal has level && principal.level > 5 };
    @id("archived") forbid (principal, action == Action::"write", resource is record)
        when { resource has status && resource.status == "archived" };
    @id("soft") permit (principal, action == Action::"delete", resource)
        when { context has action && context.action has soft && context.action.soft };
    @id("zone") permit (principal, action == Action::"delete", resource)
        when { context has zone && context.zone == "eu" };
    @id("adds") permit (principal, action == Action::"add", resource);
    @id("overflows") forbid (principal, action == Action::"add", resource)
        when { principal has level && principal.level + 9223372036854775807 > 0 };
"#;

fn engine() -> Engine {
    let source = |text: &str| Source { file: "test".into(), text: text.into() };
    Engine::load(&source(SCHEMA), &[source(POLICIES)]).unwrap()
}

fn asks(subject: Value, action: Value, resource: Value, context: Value) -> EvaluationRequest {
    serde_json::from_value(
        json!({"subject": subject, "action": action, "resource": resource, "context": context}),
    )
    .unwrap()
}

fn decide(request: &EvaluationRequest, roles: &[&str], stored: Value) -> Verdict {
    let roles: Vec<_> = roles.iter().map(|role| RoleName::parse(*role).unwrap()).collect();
    engine().decide(&Question {
        slot: None,
        request,
        roles: &roles,
        subject: stored["subject"].as_object().unwrap_or(&Properties::new()),
        resource: stored["resource"].as_object().unwrap_or(&Properties::new()),
    })
}

/// `alice`, with these properties in the request, asks to `action` record `r`.
fn alice(action: &str, properties: Value) -> EvaluationRequest {
    let subject = json!({"type": "user", "id": "alice", "properties": properties});
    asks(subject, json!({"name": action}), json!({"type": "record", "id": "r"}), json!({}))
}

fn refused(reason: Reason) -> Verdict {
    Verdict { decision: false, reason, policies: vec![] }
}

#[test]
fn a_permit_names_its_policy() {
    let verdict = decide(&alice("read", json!({})), &[], json!({}));
    let policies = vec!["readers".into()];
    assert_eq!(verdict, Verdict { decision: true, reason: Reason::Policy, policies });
}

#[test]
fn roles_are_parents() {
    let request = alice("write", json!({}));
    assert_eq!(decide(&request, &[], json!({})), refused(Reason::NoPolicy));
    assert_eq!(decide(&request, &["viewer"], json!({})), refused(Reason::NoPolicy));
    assert_eq!(decide(&request, &["viewer", "editor"], json!({})).policies, ["editors".into()]);
}

#[test]
fn a_forbid_wins_and_is_named() {
    let archived = json!({"resource": {"status": "archived"}});
    let verdict = decide(&alice("write", json!({})), &["editor"], archived);
    assert!(!verdict.decision);
    assert_eq!((verdict.reason, verdict.policies), (Reason::Policy, vec!["archived".into()]));
}

#[test]
fn request_properties_win_over_stored_ones_and_null_says_nothing() {
    let stored = json!({"subject": {"level": 9}});
    assert!(decide(&alice("write", json!({})), &[], stored.clone()).decision);
    assert!(decide(&alice("write", json!({"level": null})), &[], stored.clone()).decision);
    assert!(!decide(&alice("write", json!({"level": 1})), &[], stored).decision);
    assert!(decide(&alice("write", json!({"level": 9})), &[], json!({})).decision);
}

#[test]
fn properties_never_add_parents_or_unlisted_attributes() {
    for properties in [
        json!({"roles": ["editor"], "role": "editor", "parents": [{"type": "Role", "id": "editor"}]}),
        json!({"Role": "editor"}),
    ] {
        let verdict = decide(&alice("write", properties), &[], json!({}));
        assert_eq!(verdict, refused(Reason::NoPolicy));
    }
}

#[test]
fn a_role_cannot_be_the_subject() {
    let subject = json!({"type": "Role", "id": "editor"});
    let resource = json!({"type": "record", "id": "r"});
    let request = asks(subject, json!({"name": "write"}), resource, json!({}));
    assert_eq!(decide(&request, &[], json!({})), refused(Reason::SubjectType));
}

#[test]
fn what_the_schema_does_not_list_is_refused_by_kind() {
    let cases = [
        (("spaceship", "read", "record"), Reason::SubjectType),
        (("user::x", "read", "record"), Reason::SubjectType),
        (("no identifier!", "read", "record"), Reason::SubjectType),
        (("Action", "read", "record"), Reason::SubjectType),
        (("guest", "delete", "record"), Reason::SubjectType),
        (("user", "read", "spaceship"), Reason::ResourceType),
        (("user", "read", "\"::\""), Reason::ResourceType),
        (("user", "delete", "user"), Reason::ResourceType),
        (("user", "fly", "record"), Reason::Action),
        (("user", "read\"", "record"), Reason::Action),
    ];
    for ((subject, action, resource), reason) in cases {
        let request = asks(
            json!({"type": subject, "id": "a"}),
            json!({"name": action}),
            json!({"type": resource, "id": "b"}),
            json!({}),
        );
        assert_eq!(decide(&request, &["editor"], json!({})), refused(reason), "{request:?}");
    }
}

#[test]
fn values_cedar_cannot_hold_are_a_refusal_listed_or_not() {
    for (properties, reason) in [
        (json!({"level": 1.5}), Reason::Value),
        (json!({"unlisted": 1.5}), Reason::Value),
        (json!({"tags": [null]}), Reason::Value),
        (json!({"__entity": {"type": "Role", "id": "editor"}}), Reason::ReservedName),
        (json!({"nested": {"__extn": {"fn": "ip", "arg": "::1"}}}), Reason::ReservedName),
        (json!({"level": "high"}), Reason::SchemaMismatch),
        (json!({"nested": {"deep": 1}}), Reason::SchemaMismatch),
        (json!({"tags": ["a", 1]}), Reason::SchemaMismatch),
    ] {
        let verdict = decide(&alice("read", properties.clone()), &[], json!({}));
        assert_eq!(verdict, refused(reason), "{properties}");
    }
}

#[test]
fn action_properties_and_context_reach_policies_apart() {
    let delete = |properties: Value, context: Value| {
        let action = json!({"name": "delete", "properties": properties});
        let subject = json!({"type": "user", "id": "alice"});
        asks(subject, action, json!({"type": "record", "id": "r"}), context)
    };
    assert!(decide(&delete(json!({"soft": true}), json!({})), &[], json!({})).decision);
    assert!(!decide(&delete(json!({"soft": false}), json!({})), &[], json!({})).decision);
    assert!(decide(&delete(json!({}), json!({"zone": "eu", "x": 1})), &[], json!({})).decision);
    // The context cannot speak for the action.
    let forged = delete(json!({}), json!({"action": {"soft": true}}));
    assert!(!decide(&forged, &[], json!({})).decision);
    let mismatch = delete(json!({"soft": "yes"}), json!({}));
    assert_eq!(decide(&mismatch, &[], json!({})), refused(Reason::SchemaMismatch));
    let float = delete(json!({}), json!({"x": 0.5}));
    assert_eq!(decide(&float, &[], json!({})), refused(Reason::Value));
}

#[test]
fn a_policy_that_fails_to_evaluate_makes_the_answer_false() {
    assert!(decide(&alice("add", json!({})), &[], json!({})).decision);
    let verdict = decide(&alice("add", json!({"level": 1})), &[], json!({}));
    assert_eq!(verdict, refused(Reason::PolicyError));
}

#[test]
fn a_subject_can_be_the_resource() {
    let me = json!({"type": "user", "id": "alice"});
    let request = asks(me.clone(), json!({"name": "read"}), me, json!({}));
    assert!(decide(&request, &["editor"], json!({"subject": {"level": 1}})).decision);
}

#[test]
fn what_only_the_store_may_give_is_ignored_in_a_request() {
    let source = |text: &str| Source { file: "test".into(), text: text.into() };
    let schema = "entity user { @stored clearance?: Long, level?: Long }; entity record { @stored owner?: String };
        action read appliesTo { principal: [user], resource: [record] };";
    let policies = "@id(\"cleared\") permit (principal, action, resource)
            when { principal has clearance && principal.clearance > 1 };
        @id(\"own\") permit (principal, action, resource)
            when { resource has owner && resource.owner == \"alice\" };";
    let engine = Engine::load(&source(schema), &[source(policies)]).unwrap();
    let decide = |request: &EvaluationRequest, subject: Value, resource: Value| {
        let (subject, resource) = (subject.as_object().unwrap(), resource.as_object().unwrap());
        engine.decide(&Question { request, roles: &[], subject, resource, slot: None })
    };
    let mut request = alice("read", json!({"clearance": 9}));
    request.resource.properties = json!({"owner": "alice"}).as_object().unwrap().clone();
    assert_eq!(decide(&request, json!({}), json!({})), refused(Reason::NoPolicy));
    let cleared = decide(&request, json!({"clearance": 2}), json!({"owner": "bob"}));
    assert_eq!(cleared.policy().unwrap(), "cleared");
    let both = decide(&request, json!({"clearance": 2}), json!({"owner": "alice"}));
    assert_eq!(both.policy().unwrap(), "cleared,own");
}

#[test]
fn a_slot_is_made_again_for_another_engine_and_for_other_properties() {
    let source = |text: &str| Source { file: "test".into(), text: text.into() };
    let policies = "permit (principal is user, action, resource) when { principal has level };";
    let first = engine();
    let second = Engine::load(&source(SCHEMA), &[source(policies)]).unwrap();
    let slot = Slot::default();
    let stored = json!({"level": 9});
    let ask = |engine: &Engine, request: &EvaluationRequest| {
        let (subject, resource) = (stored.as_object().unwrap(), &Properties::new());
        engine.decide(&Question { request, roles: &[], subject, resource, slot: Some(&slot) })
    };
    assert!(ask(&first, &alice("write", json!({}))).decision);
    assert!(!ask(&first, &alice("write", json!({"level": 1}))).decision);
    assert!(ask(&first, &alice("write", json!({}))).decision);
    assert!(first.generation() < second.generation());
    assert_eq!(ask(&second, &alice("write", json!({}))), ask_without_slot(&second, &stored));
    assert!(ask(&first, &alice("write", json!({}))).decision);
}

fn ask_without_slot(engine: &Engine, stored: &Value) -> Verdict {
    let (subject, resource) = (stored.as_object().unwrap(), &Properties::new());
    let request = &alice("write", json!({}));
    engine.decide(&Question { request, roles: &[], subject, resource, slot: None })
}
