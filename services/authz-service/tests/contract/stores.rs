//! What every store must do, over each of them: SQLite in memory and in a file, and PostgreSQL.

mod changes;
mod crash;
mod disk;
mod feed;
mod files;
mod lapse;
mod model;
mod outages;
mod pages;
mod proxy;
mod reads;
mod roles;

use authz_service::entities::{Entities, Subject};
use authz_service::roles::RoleName;
use authz_service::store::{
    Actor, AdminStore, Applied, Change, Precondition, SqlStore, WriteError, open,
};
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use crate::postgres;

/// A store with what must live as long as it does.
pub(crate) struct Opened {
    pub(crate) store: SqlStore,
    _directory: Option<TempDir>,
}

async fn in_memory() -> Opened {
    Opened { store: SqlStore::in_memory().await.unwrap(), _directory: None }
}

async fn in_a_file() -> Opened {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&url(&directory)).await.unwrap();
    Opened { store, _directory: Some(directory) }
}

async fn in_postgres() -> Opened {
    let store = open(&postgres::database().await).await.unwrap();
    Opened { store, _directory: None }
}

fn url(directory: &TempDir) -> String {
    format!("sqlite:{}", directory.path().join("authz.db").display())
}

/// Makes a test of each function for each store.
macro_rules! for_every_store {
    ($($name:ident),* $(,)?) => {
        mod memory { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            super::$name(crate::stores::in_memory().await.store).await;
        })* }
        mod file { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            let opened = crate::stores::in_a_file().await;
            super::$name(opened.store).await;
        })* }
        mod postgres { $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
            super::$name(crate::stores::in_postgres().await.store).await;
        })* }
    };
}
pub(crate) use for_every_store;

fn entities() -> Entities {
    let text = json!({
        "subjects": [
            {"type": "user", "id": "alice", "properties": {"email": "Alice@Example.com", "level": 3},
             "roles": ["zeta", "alpha"]},
            {"type": "robot", "id": "alice"},
        ],
        "resources": [{"type": "record", "id": "r", "properties": {"status": "active"}}],
        "actions": [{"name": "read"}],
        "roles": [{"name": "zeta", "parents": ["alpha"]}],
    });
    Entities::parse(&text.to_string()).unwrap()
}

fn subject(id: &str) -> Subject {
    serde_json::from_value(json!({"type": "user", "id": id})).unwrap()
}

fn role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

fn actor() -> Actor {
    Actor::parse("tester").unwrap()
}

/// An instant this many seconds from now, whole.
fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
}

async fn apply(store: &SqlStore, change: &Change) -> Result<Applied, WriteError> {
    store.apply(change, Precondition::None, &actor(), None).await
}

async fn applied(store: &SqlStore, change: &Change) -> Applied {
    apply(store, change).await.unwrap()
}
