//! Look-ups, and what a store is seeded with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_service::email::Email;
use authz_service::roles::RoleName;
use authz_service::store::{Change, EntityStore, SqlStore, Version};

use super::{applied, entities, for_every_store, subject};

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

for_every_store![
    a_subject_is_found_by_type_and_id,
    a_subject_is_found_by_email,
    a_resource_is_found,
    an_empty_store_answers_that_it_knows_nobody,
    a_seed_is_applied_once,
    a_seed_that_fails_leaves_nothing,
    many_different_look_ups_at_once_are_answered,
    look_ups_are_answered_while_changes_are_made,
    a_nul_finds_nothing,
];

async fn a_subject_is_found_by_type_and_id(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    let alice = store.subject("user", "alice").await.unwrap().unwrap();
    assert_eq!(alice, entities().subjects[0]);
    let robot = store.subject("robot", "alice").await.unwrap().unwrap();
    assert!(robot.roles.is_empty());
    assert_eq!(store.subject("user", "ALICE").await.unwrap(), None);
    assert_eq!(store.subject("user", "' OR 1=1 --").await.unwrap(), None);
}

async fn a_subject_is_found_by_email(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    for address in ["alice@example.com", "ALICE@EXAMPLE.COM"] {
        let alice = store.subject_by_email(&email(address)).await.unwrap().unwrap();
        assert_eq!(alice.id, "alice");
        let names = alice.roles.iter().map(|grant| &grant.role).map(RoleName::as_str);
        assert_eq!(names.collect::<Vec<_>>(), ["zeta", "alpha"]);
    }
    for address in ["alice@example.co", "%", "alice@example.com ", "_lice@example.com"] {
        assert_eq!(store.subject_by_email(&email(address)).await.unwrap(), None, "{address}");
    }
}

async fn a_resource_is_found(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    let properties = store.resource("record", "r").await.unwrap().unwrap();
    assert_eq!(properties["status"], "active");
    assert_eq!(store.resource("record", "s").await.unwrap(), None);
    assert_eq!(store.resource("user", "r").await.unwrap(), None);
}

async fn an_empty_store_answers_that_it_knows_nobody(store: SqlStore) {
    assert_eq!(store.subject("user", "alice").await.unwrap(), None);
    assert_eq!(store.subject_by_email(&email("alice@example.com")).await.unwrap(), None);
    assert_eq!(store.version().await.unwrap(), Version(0));
    store.check().await.unwrap();
}

async fn a_seed_is_applied_once(store: SqlStore) {
    assert!(store.seed(&entities()).await.unwrap());
    assert_eq!(store.version().await.unwrap(), Version(1));
    let mut other = entities();
    other.subjects[0].roles.clear();
    assert!(!store.seed(&other).await.unwrap());
    assert_eq!(store.subject("user", "alice").await.unwrap().unwrap().roles.len(), 2);
    assert_eq!(store.version().await.unwrap(), Version(1));
}

async fn a_seed_that_fails_leaves_nothing(store: SqlStore) {
    let mut twice = entities();
    twice.resources.push(twice.resources[0].clone());
    assert!(store.seed(&twice).await.is_err());
    assert_eq!(store.subject("user", "alice").await.unwrap(), None);
    assert!(store.seed(&entities()).await.unwrap());
}

/// Three hundred, as a crowd of callers that no cache knows asks at once.
async fn many_different_look_ups_at_once_are_answered(store: SqlStore) {
    let mut crowd = entities();
    crowd.subjects = (0..300).map(|number| subject(&format!("user-{number}"))).collect();
    store.seed(&crowd).await.unwrap();
    let store = Arc::new(store);
    let end = Instant::now() + Duration::from_secs(20);
    let mut answered = 0;
    while answered < 3 {
        let mut asked = tokio::task::JoinSet::new();
        for number in 0..300 {
            let store = Arc::clone(&store);
            asked.spawn(async move { store.subject("user", &format!("user-{number}")).await });
        }
        let mut late = false;
        while let Some(answer) = asked.join_next().await {
            match answer.unwrap() {
                Ok(found) => assert!(found.is_some()),
                // A busy machine may not get through all of them within the limit of a call.
                Err(error) => {
                    assert!(error.transient, "{error:?}");
                    late = true;
                }
            }
        }
        answered += usize::from(!late);
        assert!(Instant::now() < end, "{answered} crowds were answered in time");
    }
}

async fn look_ups_are_answered_while_changes_are_made(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    let store = Arc::new(store);
    let writer = Arc::clone(&store);
    let writing = tokio::spawn(async move {
        for number in 0..100 {
            applied(&writer, &Change::PutSubject(subject(&format!("new-{number}")))).await;
        }
    });
    let mut answers = 0;
    while !writing.is_finished() {
        assert!(store.subject("user", "alice").await.unwrap().is_some());
        answers += 1;
    }
    writing.await.unwrap();
    assert!(answers > 10, "{answers}");
}

async fn a_nul_finds_nothing(store: SqlStore) {
    store.seed(&entities()).await.unwrap();
    assert_eq!(store.subject("user", "alice\0").await.unwrap(), None);
    assert_eq!(store.resource("record\0", "r").await.unwrap(), None);
    assert_eq!(store.subjects("user\0", None, 10).await.unwrap(), []);
    assert_eq!(store.subjects("user", Some("alice\0"), 10).await.unwrap(), []);
}
