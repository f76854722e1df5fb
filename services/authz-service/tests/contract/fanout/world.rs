//! The world of these tests: a real store whose answers can be held back, and its version.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use authz_service::cache::{Invalidation, Version, What};
use authz_service::directory::{Directory, VersionSource};
use authz_service::email::Email;
use authz_service::entities::{Entities, Resource, Role, Subject};
use authz_service::store::{EntityStore, SqliteStore, StoreError, Stored, Version as StoreVersion};
use claimgate_authz_api::Properties;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::caches::AnyCache;

/// A version that the test counts up, as a store does with each change.
#[derive(Default)]
pub(super) struct Count(pub(super) AtomicU64);

#[async_trait]
impl VersionSource for Count {
    async fn version(&self) -> Result<Version, StoreError> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

/// The real store, whose answers can be held back after they were read.
pub(super) struct Held {
    pub(super) store: SqliteStore,
    pub(super) answers: Semaphore,
    pub(super) asked: AtomicUsize,
}

impl Held {
    pub(super) async fn answer<T>(&self, answer: T) -> T {
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.answers.acquire().await);
        answer
    }
}

#[async_trait]
impl EntityStore for Held {
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, StoreError> {
        self.answer(self.store.subject(kind, id).await).await
    }

    async fn subject_by_email(&self, email: &Email) -> Result<Option<Subject>, StoreError> {
        self.answer(self.store.subject_by_email(email).await).await
    }

    async fn resource(&self, kind: &str, id: &str) -> Result<Option<Properties>, StoreError> {
        self.answer(self.store.resource(kind, id).await).await
    }

    async fn subjects(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError> {
        self.store.subjects(kind, after, limit).await
    }

    async fn resources(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Resource>, StoreError> {
        self.store.resources(kind, after, limit).await
    }

    async fn roles(&self) -> Result<Vec<Stored<Role>>, StoreError> {
        self.store.roles().await
    }

    async fn version(&self) -> Result<StoreVersion, StoreError> {
        self.store.version().await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.store.check().await
    }
}

/// A database file, its version, and how many answers the store may give.
pub(super) struct World {
    pub(super) store: Arc<Held>,
    pub(super) url: String,
    pub(super) version: Arc<Count>,
    _directory: TempDir,
}

impl World {
    /// `EMAIL` is `identity` 1 and has the roles `user` and `admin`; `record` r is `open`.
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("authz.db").display());
        let store = SqliteStore::open(&url).await.unwrap();
        let entities = r#"{"subjects":[{"type":"identity","id":"1",
            "properties":{"email":"known@example.com"},"roles":["user","admin"]}],
            "resources":[{"type":"record","id":"r","properties":{"state":"open"}}]}"#;
        store.seed(&Entities::parse(entities).unwrap()).await.unwrap();
        let answers = Semaphore::new(1);
        let store = Arc::new(Held { store, answers, asked: AtomicUsize::new(0) });
        Self { store, url, version: Arc::default(), _directory: directory }
    }

    pub(super) fn replica(&self, cache: &AnyCache) -> Directory {
        let directory = Directory::new(Arc::clone(&self.store) as _, Arc::clone(cache));
        tokio::spawn(directory.clone().watch(Some(Arc::clone(&self.version) as _)));
        directory
    }

    /// Changes the subject's roles; the answer is what is to be told of it.
    pub(super) async fn change(&self, roles: &str) -> Invalidation {
        let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
        let update = sqlx::query("UPDATE subjects SET roles = ? WHERE id = '1'").bind(roles);
        update.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let version = self.version.0.fetch_add(1, Ordering::SeqCst) + 1;
        let what = What::Subject {
            kind: "identity".into(),
            id: "1".into(),
            emails: vec!["Known@Example.com".into()],
        };
        Invalidation { version, what }
    }

    /// Changes the state of `record` r; the answer is what is to be told of it.
    pub(super) async fn change_record(&self, state: &str) -> Invalidation {
        let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
        let properties = format!(r#"{{"state":"{state}"}}"#);
        let update = sqlx::query("UPDATE resources SET properties = ? WHERE id = 'r'");
        update.bind(properties).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let version = self.version.0.fetch_add(1, Ordering::SeqCst) + 1;
        Invalidation { version, what: What::Resource { kind: "record".into(), id: "r".into() } }
    }
}
