//! What a database in a file adds: it outlives the store, has one user, and comes from former
//! versions.

use authz_service::store::{
    AdminStore, AuditFilter, Change, EntityStore, InvalidDatabase, Version, open,
};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use super::{applied, entities, subject, url};

/// Changes the database as another process would.
async fn sql(directory: &TempDir, statement: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = SqliteConnection::connect(&url(directory)).await.unwrap();
    let done = sqlx::raw_sql(statement).execute(&mut connection).await;
    connection.close().await.unwrap();
    done.map(drop)
}

#[tokio::test]
async fn a_file_outlives_the_store_and_is_not_seeded_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(&directory)).await.unwrap();
    store.seed(&entities()).await.unwrap();
    let id = store.store_id().await.unwrap();
    let robot = Change::DeleteSubject { kind: "robot".into(), id: "alice".into() };
    applied(&store, &robot).await;
    drop(store);
    let store = open(&url(&directory)).await.unwrap();
    assert!(!store.seed(&entities()).await.unwrap());
    assert!(store.subject("user", "alice").await.unwrap().is_some());
    assert_eq!(store.subject("robot", "alice").await.unwrap(), None);
    assert_eq!((store.version().await.unwrap(), store.store_id().await.unwrap()), (Version(2), id));
}

#[tokio::test]
async fn a_file_has_one_service_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(&directory)).await.unwrap();
    let refused = open(&url(&directory)).await.err().unwrap();
    assert!(matches!(refused, InvalidDatabase::InUse(_)), "{refused:?}");
    drop(store);
    open(&url(&directory)).await.unwrap();
}

/// A file as the first version of the service made it.
#[tokio::test]
async fn a_file_of_a_former_version_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(directory.path().join("authz.db"))
        .create_if_missing(true);
    let first = include_str!("../../../migrations/sqlite/0001_entities.sql").into_sql_str();
    let first = Migration::new(1, "entities".into(), MigrationType::Simple, first, false);
    let old = Migrator::with_migrations(vec![first]);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    old.run(&mut connection).await.unwrap();
    sqlx::raw_sql(
        r#"INSERT INTO seeds (name) VALUES ('entities');
        INSERT INTO subjects VALUES ('user', 'alice', 'a@example.com', '{"email":"a@example.com"}',
        '["zeta","alpha"]')"#,
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();

    let store = open(&url(&directory)).await.unwrap();
    assert!(!store.seed(&entities()).await.unwrap());
    let alice = store.stored_subject("user", "alice").await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&alice.value.roles).unwrap(), r#"["zeta","alpha"]"#);
    assert_eq!(alice.etag.0, Version(0));
    applied(&store, &Change::PutSubject(subject("bob"))).await;
}

#[tokio::test]
async fn a_damaged_database_is_a_lasting_failure_and_never_an_unknown_subject() {
    for damage in [
        "UPDATE subjects SET roles = 'admin'",
        "UPDATE subjects SET roles = '[\"a,b\"]'",
        "UPDATE subjects SET properties = '[]'",
        "DROP TABLE subjects",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&url(&directory)).await.unwrap();
        store.seed(&entities()).await.unwrap();
        sql(&directory, damage).await.unwrap();
        assert!(!store.subject("user", "alice").await.unwrap_err().transient, "{damage}");
    }
}

/// The database itself refuses, also to who has opened it with another program.
#[tokio::test]
async fn the_audit_log_of_a_file_cannot_be_altered() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(&directory)).await.unwrap();
    store.seed(&entities()).await.unwrap();
    for statement in [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "REPLACE INTO audit VALUES (1, 0, 'nobody', '', '', '', '{}')",
    ] {
        let refused = sql(&directory, statement).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    let entries = store.audit(&AuditFilter::default(), None, 10).await.unwrap();
    assert_eq!((entries.len(), entries[0].actor.as_str()), (1, "authz-service"));
}

/// Another program that writes for long: changes wait and then fail, look-ups go on.
#[tokio::test]
async fn a_file_that_another_program_locks_is_read_on_and_changed_later() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(&directory)).await.unwrap();
    store.seed(&entities()).await.unwrap();
    let mut holder = SqliteConnection::connect(&url(&directory)).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let started = std::time::Instant::now();
    let refused = super::apply(&store, &Change::PutSubject(subject("bob"))).await.unwrap_err();
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    let authz_service::store::WriteError::Store(error) = refused else { panic!("{refused:?}") };
    assert!(error.transient, "{error:?}");
    assert!(store.subject("user", "alice").await.unwrap().is_some());
    sqlx::query("COMMIT").execute(&mut holder).await.unwrap();
    applied(&store, &Change::PutSubject(subject("bob"))).await;
}

#[tokio::test]
async fn other_databases_are_refused() {
    for url in ["mysql://localhost/x", "sqlite:", "sqlite::memory:", "sqlite://", "authz.db"] {
        assert!(matches!(open(url).await.err().unwrap(), InvalidDatabase::Url), "{url}");
    }
}
