//! Changes: what each does, under which condition, and what is remembered of it.

use std::sync::Arc;

use authz_service::entities::{Grant, Role};
use authz_service::store::{
    Actor, AdminStore, AuditFilter, Change, ETag, EntityStore, IdempotencyKey, KEPT_SETS,
    PolicyDocument, PolicySet, Precondition, Quota, QuotaKey, SqlStore, Target, Version,
    WriteError,
};
use claimgate_authz_api::Properties;
use serde_json::json;

use super::{actor, applied, apply, entities, for_every_store, in_seconds, role, subject};

for_every_store![
    a_subject_is_put_replaced_and_deleted,
    an_address_keeps_its_one_owner,
    roles_are_granted_and_withdrawn,
    a_grant_that_has_ended_makes_room,
    a_role_that_would_inherit_from_itself_is_refused,
    resources_and_quotas_are_kept,
    a_policy_set_is_activated_as_one_and_former_ones_are_kept,
    preconditions_are_held,
    what_is_not_there_cannot_be_changed,
    what_cannot_be_stored_is_refused_and_leaves_nothing,
    the_same_key_and_request_happens_once,
    a_key_for_another_request_is_refused,
    every_version_has_one_audit_entry,
    the_audit_log_holds_no_values,
    changes_at_once_all_happen_one_after_the_other,
];

fn with_email(id: &str, email: &str) -> Change {
    let mut subject = subject(id);
    subject.properties.insert("email".into(), email.into());
    Change::PutSubject(subject)
}

async fn a_subject_is_put_replaced_and_deleted(store: SqlStore) {
    let first = applied(&store, &Change::PutSubject(subject("a"))).await;
    assert_eq!((first.version, first.etag), (Version(1), Some(ETag(Version(1)))));
    let mut other = subject("a");
    other.roles.push(Grant::of(role("admin")));
    other.properties.insert("level".into(), 3.into());
    let second = applied(&store, &Change::PutSubject(other.clone())).await;
    let found = store.stored_subject("user", "a").await.unwrap().unwrap();
    assert_eq!((found.value, Some(found.etag)), (other, second.etag));
    let gone =
        applied(&store, &Change::DeleteSubject { kind: "user".into(), id: "a".into() }).await;
    assert_eq!((gone.version, gone.etag), (Version(3), None));
    assert_eq!(store.subject("user", "a").await.unwrap(), None);
}

async fn an_address_keeps_its_one_owner(store: SqlStore) {
    applied(&store, &with_email("a", "a@example.com")).await;
    applied(&store, &with_email("a", "A@example.com")).await;
    let refused = apply(&store, &with_email("b", "A@EXAMPLE.com")).await.unwrap_err();
    assert!(matches!(refused, WriteError::Conflict { .. }), "{refused:?}");
    assert_eq!(store.version().await.unwrap(), Version(2));
    applied(&store, &with_email("a", "other@example.com")).await;
    applied(&store, &with_email("b", "a@example.com")).await;
}

fn grant(name: &str, seconds: Option<i64>) -> Change {
    let expires_at = seconds.map(in_seconds);
    Change::Grant { kind: "user".into(), id: "a".into(), role: role(name), expires_at }
}

fn withdraw(name: &str) -> Change {
    Change::Withdraw { kind: "user".into(), id: "a".into(), role: role(name) }
}

async fn roles_are_granted_and_withdrawn(store: SqlStore) {
    applied(&store, &Change::PutSubject(subject("a"))).await;
    applied(&store, &grant("one", None)).await;
    applied(&store, &grant("two", Some(60))).await;
    applied(&store, &grant("one", Some(120))).await;
    let found = store.subject("user", "a").await.unwrap().unwrap();
    let names: Vec<_> = found.roles.iter().map(|grant| grant.role.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(found.roles[0].expires_at > found.roles[1].expires_at);
    applied(&store, &withdraw("one")).await;
    assert!(matches!(apply(&store, &withdraw("one")).await, Err(WriteError::NotFound)));
    assert_eq!(store.subject("user", "a").await.unwrap().unwrap().roles.len(), 1);
    let refused = apply(&store, &grant("late", Some(-1))).await.unwrap_err();
    assert_eq!(refused.to_string(), "expires_at: must be in the future");
}

async fn a_grant_that_has_ended_makes_room(store: SqlStore) {
    let mut full = subject("a");
    full.roles = (0..64).map(|number| Grant::of(role(&format!("r{number}")))).collect();
    full.roles[7].expires_at = Some(in_seconds(-1));
    applied(&store, &Change::PutSubject(full)).await;
    applied(&store, &grant("one", None)).await;
    let refused = apply(&store, &grant("two", None)).await.unwrap_err();
    assert!(matches!(refused, WriteError::Conflict { .. }), "{refused:?}");
    assert_eq!(store.subject("user", "a").await.unwrap().unwrap().roles.len(), 64);
}

async fn a_role_that_would_inherit_from_itself_is_refused(store: SqlStore) {
    let put = |name: &str, parent: &str| {
        Change::PutRole(Role { name: role(name), parents: vec![role(parent)] })
    };
    applied(&store, &put("admin", "editor")).await;
    applied(&store, &put("editor", "viewer")).await;
    let refused = apply(&store, &put("viewer", "admin")).await.unwrap_err();
    let circle = "a role inherits from itself: admin → editor → viewer → admin";
    assert_eq!(refused.to_string(), circle);
    applied(&store, &Change::DeleteRole(role("editor"))).await;
    applied(&store, &put("viewer", "admin")).await;
    let names: Vec<_> = store.roles().await.unwrap().into_iter().map(|role| role.value).collect();
    assert_eq!(
        names.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(),
        ["admin", "viewer"]
    );
    assert_eq!(store.role(&role("editor")).await.unwrap(), None);
}

async fn resources_and_quotas_are_kept(store: SqlStore) {
    let resource = entities().resources[0].clone();
    let put = applied(&store, &Change::PutResource(resource.clone())).await;
    let found = store.stored_resource("record", "r").await.unwrap().unwrap();
    assert_eq!((found.value, Some(found.etag)), (resource, put.etag));
    let gone = Change::DeleteResource { kind: "record".into(), id: "r".into() };
    applied(&store, &gone).await;
    assert!(matches!(apply(&store, &gone).await, Err(WriteError::NotFound)));

    let quota = |name: &str, key| Quota {
        name: name.into(),
        key,
        requests: 100,
        per_seconds: 60,
        burst: u32::MAX,
    };
    let by_header = quota("b", QuotaKey::Header("x-api-key".into()));
    applied(&store, &Change::PutQuota(by_header.clone())).await;
    applied(&store, &Change::PutQuota(quota("a", QuotaKey::Subject))).await;
    assert_eq!(store.quota("b").await.unwrap().unwrap().value, by_header);
    let after = store.quotas(Some("a"), 10).await.unwrap();
    assert_eq!(after.iter().map(|quota| quota.value.name.as_str()).collect::<Vec<_>>(), ["b"]);
    applied(&store, &Change::DeleteQuota("b".into())).await;
    assert_eq!(store.quota("b").await.unwrap(), None);
}

fn policies(number: usize) -> PolicySet {
    let document =
        |name: &str| PolicyDocument { name: name.into(), text: format!("// {name} {number}") };
    PolicySet {
        schema: format!("// schema {number}"),
        documents: vec![document("b.cedar"), document("a.cedar")],
    }
}

async fn a_policy_set_is_activated_as_one_and_former_ones_are_kept(store: SqlStore) {
    assert_eq!(store.policies().await.unwrap(), None);
    for number in 1..=KEPT_SETS + 3 {
        let put = applied(&store, &Change::PutPolicies(policies(number))).await;
        let active = store.policies().await.unwrap().unwrap();
        assert_eq!((active.value, Some(active.etag)), (policies(number), put.etag));
    }
    let kept = store.policy_versions().await.unwrap();
    assert_eq!((kept.len(), kept[0].version.0), (KEPT_SETS, KEPT_SETS as u64 + 3));
    assert_eq!(store.policies_at(kept[1].version).await.unwrap(), Some(policies(KEPT_SETS + 2)));
    assert_eq!(store.policies_at(Version(1)).await.unwrap(), None);
    let back = store.policies_at(kept[5].version).await.unwrap().unwrap();
    applied(&store, &Change::PutPolicies(back.clone())).await;
    assert_eq!(store.policies().await.unwrap().unwrap().value, back);
}

async fn preconditions_are_held(store: SqlStore) {
    let put = Change::PutSubject(subject("a"));
    let by = actor();
    let outcome = |on| store.apply(&put, on, &by, None);
    assert!(matches!(outcome(Precondition::Exists).await, Err(WriteError::PreconditionFailed)));
    let stale = outcome(Precondition::Absent).await.unwrap().etag.unwrap();
    assert!(matches!(outcome(Precondition::Absent).await, Err(WriteError::PreconditionFailed)));
    let tag = outcome(Precondition::Matches(stale)).await.unwrap().etag.unwrap();
    let refused = outcome(Precondition::Matches(stale)).await;
    assert!(matches!(refused, Err(WriteError::PreconditionFailed)));
    outcome(Precondition::Matches(tag)).await.unwrap();
    outcome(Precondition::Exists).await.unwrap();
    // Refusals cost no version.
    assert_eq!(store.version().await.unwrap(), Version(4));
}

async fn what_is_not_there_cannot_be_changed(store: SqlStore) {
    let (kind, id) = (String::from("user"), String::from("nobody"));
    for change in [
        Change::DeleteSubject { kind: kind.clone(), id: id.clone() },
        Change::DeleteResource { kind: kind.clone(), id: id.clone() },
        Change::DeleteSubject { kind: kind.clone(), id: "no\0body".into() },
        Change::Withdraw { kind: kind.clone(), id: id.clone(), role: role("x") },
        Change::Grant { kind, id, role: role("x"), expires_at: None },
        Change::DeleteRole(role("x")),
        Change::DeleteQuota("x".into()),
    ] {
        let refused = apply(&store, &change).await;
        assert!(matches!(refused, Err(WriteError::NotFound)), "{change:?} {refused:?}");
    }
    assert_eq!(store.version().await.unwrap(), Version(0));
}

async fn what_cannot_be_stored_is_refused_and_leaves_nothing(store: SqlStore) {
    let mut nul = subject("a\0b");
    nul.properties = Properties::new();
    let mut number = subject("a");
    number.properties.insert("n".into(), json!(1.5));
    let mut twice = policies(1);
    twice.documents.push(twice.documents[0].clone());
    for change in [
        Change::PutSubject(nul),
        Change::PutSubject(subject("")),
        Change::PutSubject(number),
        Change::PutPolicies(twice),
        Change::PutPolicies(PolicySet::default()),
    ] {
        let refused = apply(&store, &change).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{change:?} {refused:?}");
    }
    assert_eq!(store.version().await.unwrap(), Version(0));
}

async fn the_same_key_and_request_happens_once(store: SqlStore) {
    let key = IdempotencyKey::parse("request-1").unwrap();
    let put = Change::PutSubject(subject("a"));
    let by = actor();
    let ask = || store.apply(&put, Precondition::Absent, &by, Some(&key));
    let first = ask().await.unwrap();
    let again = ask().await.unwrap();
    assert!(!first.replayed && again.replayed);
    assert_eq!((first.version, first.etag), (again.version, again.etag));
    applied(&store, &Change::DeleteSubject { kind: "user".into(), id: "a".into() }).await;
    assert_eq!(ask().await.unwrap(), again);
    assert_eq!(store.version().await.unwrap(), Version(2));
    // Another actor's key is another key.
    let other = Actor::parse("other").unwrap();
    let fresh = store.apply(&put, Precondition::Absent, &other, Some(&key)).await.unwrap();
    assert!(!fresh.replayed);
}

async fn a_key_for_another_request_is_refused(store: SqlStore) {
    let key = IdempotencyKey::parse("request-1").unwrap();
    let by = actor();
    let put = |id: &str| Change::PutSubject(subject(id));
    store.apply(&put("a"), Precondition::None, &by, Some(&key)).await.unwrap();
    for (change, on) in [(put("b"), Precondition::None), (put("a"), Precondition::Exists)] {
        let refused = store.apply(&change, on, &by, Some(&key)).await;
        assert!(matches!(refused, Err(WriteError::KeyReused)), "{refused:?}");
    }
    // What was refused is not remembered: the same request may succeed later.
    let later = IdempotencyKey::parse("request-2").unwrap();
    let refused = store.apply(&put("b"), Precondition::Exists, &by, Some(&later)).await;
    assert!(matches!(refused, Err(WriteError::PreconditionFailed)), "{refused:?}");
    store.apply(&put("b"), Precondition::None, &by, None).await.unwrap();
    store.apply(&put("b"), Precondition::Exists, &by, Some(&later)).await.unwrap();
}

async fn every_version_has_one_audit_entry(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    applied(&store, &Change::PutSubject(subject("a"))).await;
    assert!(apply(&store, &withdraw("nothing")).await.is_err());
    applied(&store, &grant("admin", None)).await;
    let entries = store.audit(&AuditFilter::default(), None, 10).await.unwrap();
    let seen: Vec<_> = entries.iter().map(|e| (e.version.0, e.action.as_str())).collect();
    assert_eq!(seen, [(3, "grant"), (2, "put"), (1, "seed")]);
    assert_eq!(entries[0].target, Target { kind: "subject".into(), id: "user/a".into() });
    assert_eq!(
        (entries[0].actor.as_str(), &entries[0].detail["role"]),
        ("tester", &json!("admin"))
    );
    assert_eq!(entries[2].detail["subjects"], 2);
}

async fn the_audit_log_holds_no_values(store: SqlStore) {
    let mut private = subject("a");
    private.properties.insert("email".into(), "secret@example.com".into());
    private.properties.insert("note".into(), "secret".into());
    applied(&store, &Change::PutSubject(private)).await;
    let mut set = policies(1);
    set.documents[0].text = "secret".into();
    applied(&store, &Change::PutPolicies(set)).await;
    let entries = store.audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert!(!format!("{entries:?}").contains("secret"));
    assert_eq!(entries[1].detail["properties"], json!(["email", "note"]));
    assert_eq!(entries[0].detail["documents"], json!(["b.cedar", "a.cedar"]));
}

async fn changes_at_once_all_happen_one_after_the_other(store: SqlStore) {
    applied(&store, &Change::PutSubject(subject("a"))).await;
    let store = Arc::new(store);
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = Arc::clone(&store);
        asked.spawn(async move { applied(&store, &grant(&format!("r{number}"), None)).await });
    }
    let mut versions: Vec<_> = asked.join_all().await.iter().map(|done| done.version.0).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=41).collect::<Vec<_>>());
    assert_eq!(store.subject("user", "a").await.unwrap().unwrap().roles.len(), 40);
}
