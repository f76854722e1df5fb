//! What must be durable: subjects, resources, roles, policies, quotas, revocations, epochs, and
//! who changed them. Two ports, one implementation on SQLite and PostgreSQL.
//!
//! The store is the truth about roles; a cache is never. Every call is bounded in time and fails
//! with a [`StoreError`] that says whether asking again can help. An adapter must not answer
//! "unknown" when it could not look: unknown subjects get the roles of unknown subjects.
//!
//! Everything that is written goes through [`AdminStore::apply`]: one transaction makes the
//! change, gives it the store's next [`Version`], appends it to the audit log and remembers the
//! idempotency key. Transactions that write run one after the other, so versions become visible in
//! their order: whoever has seen version *n* has seen all before it.

mod admin;
mod audit;
mod change;
mod check;
mod counts;
mod database;
mod effects;
mod error;
mod feed;
mod labels;
mod migrations;
mod policies;
mod pool;
mod postgres;
mod purge;
mod quotas;
mod reads;
mod rows;
mod secrets;
mod seed;
mod sql;
mod sqlite;
mod state;
mod version;
mod writes;

use std::time::Duration;

use async_trait::async_trait;
use claimgate_authz_api::Properties;
use jiff::Timestamp;

use crate::email::Email;
use crate::entities::{Resource, Role, Subject};
use crate::roles::RoleName;
use database::Database;

pub use audit::{AuditEntry, AuditFilter};
pub use change::{Applied, Change, Precondition, Target};
pub use counts::Counts;
pub use error::{InvalidDatabase, StoreError, WriteError};
pub use labels::{Actor, IdempotencyKey};
pub use policies::{KEPT_SETS, PolicyDocument, PolicySet, PolicySetVersion};
pub use quotas::{Quota, QuotaKey};
pub use secrets::{AdminSecret, SecretDigest};
pub use state::{
    EpochScope, Revocation, RevocationKey, StateAnswer, StateChunk, StateEntry, StateNews,
    StatePlace, TOMBSTONES_KEPT,
};
pub use version::{ETag, Stored, Version};
pub use writes::IDEMPOTENCY_KEPT;

/// Longest time a look-up may take. With the cache's limit twice (read, then write) it stays
/// within the 250 ms that a gateway waits for a decision.
pub const CALL_LIMIT: Duration = Duration::from_millis(150);
/// Longest time a list, a page of the audit log or a part of the feed may take.
pub const ADMIN_READ_LIMIT: Duration = Duration::from_secs(1);
/// Longest time a change may take, waiting for others included.
pub const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// Most entries of a page; a larger limit is taken as this.
pub const MAX_PAGE: u32 = 10_000;

/// What decisions are made from.
#[async_trait]
pub trait EntityStore: Send + Sync {
    /// The subject of this kind and id, or `None` when there is none.
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, StoreError>;

    /// The subject that owns this address, of whatever kind; an address has one owner at most.
    async fn subject_by_email(&self, email: &Email) -> Result<Option<Subject>, StoreError>;

    /// Attributes of the resource of this kind and id, or `None` when there is none.
    async fn resource(&self, kind: &str, id: &str) -> Result<Option<Properties>, StoreError>;

    /// The roles that inherit from others, in name order.
    async fn roles(&self) -> Result<Vec<Stored<Role>>, StoreError>;

    /// Subjects of this kind in id order, those after the id `after`; at most `limit`.
    async fn subjects(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError>;

    /// Resources of this kind in id order, those after the id `after`; at most `limit`.
    async fn resources(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Resource>, StoreError>;

    /// How many changes there have been. Cheap enough to ask twice a second.
    async fn version(&self) -> Result<Version, StoreError>;

    /// Whether a look-up would be answered now.
    async fn check(&self) -> Result<(), StoreError>;
}

/// What an administrator sees and changes, and what filters must be told. Pages are in the order
/// given and go on after the last entry of the page before.
#[async_trait]
pub trait AdminStore: EntityStore {
    /// Makes `change` if `on` holds, as one with its audit entry. Under a `key` that was used for
    /// the same request by the same actor within 24 h nothing happens again, and the answer is
    /// that of the first time; a request that was refused is not remembered. A
    /// [`StoreError`] leaves open whether the change happened: ask again under the same key.
    async fn apply(
        &self,
        change: &Change,
        on: Precondition,
        by: &Actor,
        key: Option<&IdempotencyKey>,
    ) -> Result<Applied, WriteError>;

    /// This store's random name, made with it.
    async fn store_id(&self) -> Result<String, StoreError>;

    /// The version of the last change that decisions can depend on.
    async fn decisions_version(&self) -> Result<Version, StoreError>;

    /// A subject with its tag.
    async fn stored_subject(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Option<Stored<Subject>>, StoreError>;

    /// A resource with its tag.
    async fn stored_resource(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Option<Stored<Resource>>, StoreError>;

    /// All subjects in the order of type and id, those after `after` (type, id).
    async fn all_subjects(
        &self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Stored<Subject>>, StoreError>;

    /// All resources in the order of type and id, those after `after` (type, id).
    async fn all_resources(
        &self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Stored<Resource>>, StoreError>;

    /// One role of the hierarchy.
    async fn role(&self, name: &RoleName) -> Result<Option<Stored<Role>>, StoreError>;

    /// The active set of policies; `None` when none was ever put.
    async fn policies(&self) -> Result<Option<Stored<PolicySet>>, StoreError>;

    /// A set of policies that is still kept.
    async fn policies_at(&self, version: Version) -> Result<Option<PolicySet>, StoreError>;

    /// The sets that are kept, the active one first; at most [`KEPT_SETS`].
    async fn policy_versions(&self) -> Result<Vec<PolicySetVersion>, StoreError>;

    /// Quotas in name order, those after the name `after`.
    async fn quotas(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Stored<Quota>>, StoreError>;

    /// One quota.
    async fn quota(&self, name: &str) -> Result<Option<Stored<Quota>>, StoreError>;

    /// Audit entries, newest first, those before `before`.
    async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<Version>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// How much there is.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// Revocations in force, in the order of their last change, those after `after`.
    async fn revocations(
        &self,
        after: Option<Version>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError>;

    /// Revocations in force that are about any of these.
    async fn revoked(&self, keys: &[RevocationKey]) -> Result<Vec<Revocation>, StoreError>;

    /// What the secret with this digest stands for, ended or not.
    async fn admin_secret(&self, digest: &SecretDigest) -> Result<Option<AdminSecret>, StoreError>;

    /// The feed of revocations and epochs from `place` on; from its beginning when `None`.
    async fn state_since(
        &self,
        place: Option<StatePlace>,
        limit: u32,
    ) -> Result<StateAnswer, StoreError>;
}

/// The store on either database.
pub struct SqlStore {
    database: Database,
    clock: fn() -> Timestamp,
}

/// The store as most tests use it.
pub type SqliteStore = SqlStore;

/// Opens what `--database` names: `sqlite:FILE` or `postgres://…`.
pub async fn open(url: &str) -> Result<SqlStore, InvalidDatabase> {
    let is_postgres = ["postgres://", "postgresql://"].iter().any(|form| url.starts_with(form));
    let database = if is_postgres { postgres::open(url).await } else { sqlite::open(url).await }?;
    Ok(SqlStore::new(database))
}

/// Opens what `--database` names while a service may be using it, for a command that makes one
/// change which no service keeps near. A file must have been made by a service of this version.
pub async fn open_beside(url: &str) -> Result<SqlStore, InvalidDatabase> {
    if url.starts_with("sqlite:") {
        sqlite::beside(url).await.map(SqlStore::new)
    } else {
        open(url).await
    }
}

impl SqlStore {
    /// A new store in memory, gone with the process.
    pub async fn in_memory() -> Result<Self, InvalidDatabase> {
        sqlite::in_memory().await.map(Self::new)
    }

    /// The same as [`open`].
    pub async fn open(url: &str) -> Result<Self, InvalidDatabase> {
        open(url).await
    }

    /// The same store with another clock.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    fn new(database: Database) -> Self {
        Self { database, clock: Timestamp::now }
    }
}
