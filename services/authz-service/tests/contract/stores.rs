//! What every `EntityStore` must do, over each of them, and what a database in a file adds.

use authz_service::email::Email;
use authz_service::entities::Entities;
use authz_service::store::{EntityStore, SqliteStore};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

fn entities() -> Entities {
    let text = json!({
        "subjects": [
            {"type": "user", "id": "alice", "properties": {"email": "Alice@Example.com", "level": 3},
             "roles": ["zeta", "alpha"]},
            {"type": "robot", "id": "alice"},
        ],
        "resources": [{"type": "record", "id": "r", "properties": {"status": "active"}}],
        "actions": [{"name": "read"}],
    });
    Entities::parse(&text.to_string()).unwrap()
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

async fn in_memory() -> (SqliteStore, Option<TempDir>) {
    (SqliteStore::in_memory().await.unwrap(), None)
}

async fn in_a_file() -> (SqliteStore, Option<TempDir>) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&url(&directory)).await.unwrap();
    (store, Some(directory))
}

fn url(directory: &TempDir) -> String {
    format!("sqlite:{}", directory.path().join("authz.db").display())
}

macro_rules! for_every_store {
    ($($name:ident),* $(,)?) => {
        mod memory { $(#[tokio::test] async fn $name() {
            let (store, _directory) = super::in_memory().await;
            super::$name(store).await;
        })* }
        mod file { $(#[tokio::test] async fn $name() {
            let (store, _directory) = super::in_a_file().await;
            super::$name(store).await;
        })* }
    };
}

for_every_store![
    a_subject_is_found_by_type_and_id,
    a_subject_is_found_by_email,
    a_resource_is_found,
    an_empty_store_answers_that_it_knows_nobody,
    a_seed_is_applied_once,
    a_seed_that_fails_leaves_nothing,
    many_look_ups_at_once_are_answered,
];

async fn a_subject_is_found_by_type_and_id(store: SqliteStore) {
    store.seed(&entities()).await.unwrap();
    let alice = store.subject("user", "alice").await.unwrap().unwrap();
    assert_eq!(alice, entities().subjects[0]);
    let robot = store.subject("robot", "alice").await.unwrap().unwrap();
    assert!(robot.roles.is_empty());
    assert_eq!(store.subject("user", "ALICE").await.unwrap(), None);
    assert_eq!(store.subject("user", "' OR 1=1 --").await.unwrap(), None);
}

async fn a_subject_is_found_by_email(store: SqliteStore) {
    store.seed(&entities()).await.unwrap();
    for address in ["alice@example.com", "ALICE@EXAMPLE.COM"] {
        let alice = store.subject_by_email(&email(address)).await.unwrap().unwrap();
        assert_eq!(alice.id, "alice");
        assert_eq!(
            alice.roles.iter().map(authz_service::roles::RoleName::as_str).collect::<Vec<_>>(),
            ["zeta", "alpha"]
        );
    }
    for address in ["alice@example.co", "%", "alice@example.com ", "_lice@example.com"] {
        assert_eq!(store.subject_by_email(&email(address)).await.unwrap(), None, "{address}");
    }
}

async fn a_resource_is_found(store: SqliteStore) {
    store.seed(&entities()).await.unwrap();
    let properties = store.resource("record", "r").await.unwrap().unwrap();
    assert_eq!(properties["status"], "active");
    assert_eq!(store.resource("record", "s").await.unwrap(), None);
    assert_eq!(store.resource("user", "r").await.unwrap(), None);
}

async fn an_empty_store_answers_that_it_knows_nobody(store: SqliteStore) {
    assert_eq!(store.subject("user", "alice").await.unwrap(), None);
    assert_eq!(store.subject_by_email(&email("alice@example.com")).await.unwrap(), None);
    store.check().await.unwrap();
}

async fn a_seed_is_applied_once(store: SqliteStore) {
    assert!(store.seed(&entities()).await.unwrap());
    let mut other = entities();
    other.subjects[0].roles.clear();
    assert!(!store.seed(&other).await.unwrap());
    assert_eq!(store.subject("user", "alice").await.unwrap().unwrap().roles.len(), 2);
}

async fn a_seed_that_fails_leaves_nothing(store: SqliteStore) {
    let mut twice = entities();
    twice.resources.push(twice.resources[0].clone());
    assert!(store.seed(&twice).await.is_err());
    assert_eq!(store.subject("user", "alice").await.unwrap(), None);
    assert!(store.seed(&entities()).await.unwrap());
}

async fn many_look_ups_at_once_are_answered(store: SqliteStore) {
    store.seed(&entities()).await.unwrap();
    let store = std::sync::Arc::new(store);
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = std::sync::Arc::clone(&store);
        asked.spawn(async move { store.subject("user", "alice").await });
    }
    while let Some(answer) = asked.join_next().await {
        assert!(answer.unwrap().unwrap().is_some());
    }
}

#[tokio::test]
async fn a_file_outlives_the_store_and_is_not_seeded_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&url(&directory)).await.unwrap();
    store.seed(&entities()).await.unwrap();
    drop(store);
    sql(&directory, "DELETE FROM subjects WHERE kind = 'robot'").await;
    let store = SqliteStore::open(&url(&directory)).await.unwrap();
    assert!(!store.seed(&entities()).await.unwrap());
    assert!(store.subject("user", "alice").await.unwrap().is_some());
    assert_eq!(store.subject("robot", "alice").await.unwrap(), None);
}

#[tokio::test]
async fn a_locked_database_is_a_transient_failure_that_passes() {
    let (store, directory) = in_a_file().await;
    store.seed(&entities()).await.unwrap();
    let directory = directory.unwrap();
    let mut holder = SqliteConnection::connect(&url(&directory)).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    let started = std::time::Instant::now();
    assert!(store.subject("user", "alice").await.unwrap_err().transient);
    let error = store.check().await.unwrap_err();
    assert!(error.transient, "{error:?}");
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
    assert!(store.subject("user", "alice").await.unwrap().is_some());
}

#[tokio::test]
async fn a_damaged_database_is_a_lasting_failure_and_never_an_unknown_subject() {
    for damage in [
        "UPDATE subjects SET roles = 'admin'",
        "UPDATE subjects SET roles = '[\"a,b\"]'",
        "UPDATE subjects SET properties = '[]'",
        "DROP TABLE subjects",
    ] {
        let (store, directory) = in_a_file().await;
        store.seed(&entities()).await.unwrap();
        sql(directory.as_ref().unwrap(), damage).await;
        assert!(!store.subject("user", "alice").await.unwrap_err().transient, "{damage}");
    }
}

#[tokio::test]
async fn other_databases_are_refused() {
    for url in ["postgres://localhost/x", "sqlite:", "sqlite::memory:", "sqlite://", "authz.db"] {
        assert!(SqliteStore::open(url).await.is_err(), "{url}");
    }
}

/// Changes the database as another process would.
async fn sql(directory: &TempDir, statement: &'static str) {
    let mut connection = SqliteConnection::connect(&url(directory)).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
