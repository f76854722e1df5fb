//! Lists in pages, and the audit log's filters.

use authz_service::entities::Subject;
use authz_service::store::{
    Actor, AdminStore, AuditFilter, Change, EntityStore, Precondition, SqlStore, Stored, Target,
};

use super::{actor, applied, entities, for_every_store, in_seconds, subject};

for_every_store![
    lists_are_read_in_pages_in_the_order_of_bytes,
    the_audit_log_is_found_by_actor_target_and_time,
    the_audit_log_is_read_in_pages,
];

fn ids(page: &[Subject]) -> Vec<&str> {
    page.iter().map(|found| found.id.as_str()).collect()
}

fn values(page: Vec<Stored<Subject>>) -> Vec<Subject> {
    page.into_iter().map(|found| found.value).collect()
}

/// Not in the order of a language: the same pages on every database.
async fn lists_are_read_in_pages_in_the_order_of_bytes(store: SqlStore) {
    for id in ["b", "B", "a", "ä", "_", "a b"] {
        applied(&store, &Change::PutSubject(subject(id))).await;
    }
    let mut other = subject("x");
    other.kind = "robot".into();
    applied(&store, &Change::PutSubject(other)).await;
    let first = store.subjects("user", None, 4).await.unwrap();
    assert_eq!(ids(&first), ["B", "_", "a", "a b"]);
    assert_eq!(ids(&store.subjects("user", Some("a b"), 4).await.unwrap()), ["b", "ä"]);
    assert!(store.subjects("user", Some("ä"), 4).await.unwrap().is_empty());
    assert!(store.subjects("nothing", None, 4).await.unwrap().is_empty());
    let all = values(store.all_subjects(None, 2).await.unwrap());
    assert_eq!(ids(&all), ["x", "B"]);
    let all = values(store.all_subjects(Some(("user", "B")), 2).await.unwrap());
    assert_eq!(ids(&all), ["_", "a"]);

    store.seed(&entities()).await.unwrap();
    assert_eq!(store.resources("record", None, 10).await.unwrap().len(), 1);
    assert_eq!(store.all_resources(None, 10).await.unwrap().len(), 1);
    assert!(store.all_resources(Some(("record", "r")), 10).await.unwrap().is_empty());
}

async fn log_of(store: &SqlStore, filter: AuditFilter) -> Vec<u64> {
    let entries = store.audit(&filter, None, 100).await.unwrap();
    entries.iter().map(|entry| entry.version.0).collect()
}

async fn the_audit_log_is_found_by_actor_target_and_time(store: SqlStore) {
    let other = Actor::parse("other").unwrap();
    for (id, by) in [("a", &actor()), ("b", &other), ("a", &other)] {
        let put = Change::PutSubject(subject(id));
        store.apply(&put, Precondition::None, by, None).await.unwrap();
    }
    let by = |actor: &Actor| AuditFilter { actor: Some(actor.clone()), ..AuditFilter::default() };
    assert_eq!(log_of(&store, by(&other)).await, [3, 2]);
    let target = Target { kind: "subject".into(), id: "user/a".into() };
    let about = AuditFilter { target: Some(target), ..AuditFilter::default() };
    assert_eq!(log_of(&store, about.clone()).await, [3, 1]);
    let both = AuditFilter { actor: Some(other), ..about };
    assert_eq!(log_of(&store, both).await, [3]);
    let later = AuditFilter { since: Some(in_seconds(60)), ..AuditFilter::default() };
    assert!(log_of(&store, later).await.is_empty());
    let now = AuditFilter {
        since: Some(in_seconds(-60)),
        until: Some(in_seconds(60)),
        ..AuditFilter::default()
    };
    assert_eq!(log_of(&store, now).await, [3, 2, 1]);
}

async fn the_audit_log_is_read_in_pages(store: SqlStore) {
    for number in 0..7 {
        applied(&store, &Change::PutSubject(subject(&number.to_string()))).await;
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = store.audit(&AuditFilter::default(), before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.version);
        seen.extend(page.iter().map(|entry| entry.version.0));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}
