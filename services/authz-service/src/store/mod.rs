//! `EntityStore`: what must be durable about subjects and resources, behind one port.
//!
//! The store is the truth about roles; a cache is never. Every call is bounded by [`CALL_LIMIT`]
//! and fails with a [`StoreError`] that says whether asking again can help. An adapter must not
//! answer "unknown" when it could not look: unknown subjects get the roles of unknown subjects.

mod sqlite;

use std::time::Duration;

use async_trait::async_trait;
use claimgate_authz_api::Properties;

use crate::email::Email;
use crate::entities::{Resource, Subject};

pub use sqlite::{InvalidDatabase, SqliteStore};

/// Longest time one call may take. With the cache's limit twice (read, then write) it stays
/// within the 250 ms that a gateway waits for a decision.
pub const CALL_LIMIT: Duration = Duration::from_millis(150);

/// A look-up that gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("the store gave no answer: {source}")]
pub struct StoreError {
    /// What went wrong. Holds no look-up key, so it may be logged.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
    /// Whether the same call can succeed in a moment (busy, slow, unreachable), as opposed to a
    /// fault that stays until someone mends it. Decides between 503 and 500.
    pub transient: bool,
}

/// Where subjects and resources are kept.
#[async_trait]
pub trait EntityStore: Send + Sync {
    /// The subject of this kind and id, or `None` when there is none.
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, StoreError>;

    /// The subject that owns this address, of whatever kind; an address has one owner at most.
    async fn subject_by_email(&self, email: &Email) -> Result<Option<Subject>, StoreError>;

    /// Attributes of the resource of this kind and id, or `None` when there is none.
    async fn resource(&self, kind: &str, id: &str) -> Result<Option<Properties>, StoreError>;

    /// Up to `limit` subjects of this kind in the order of their ids, those behind `after` only.
    async fn subjects(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError>;

    /// Up to `limit` resources of this kind in the order of their ids, those behind `after` only.
    async fn resources(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Resource>, StoreError>;

    /// Whether a look-up would be answered now.
    async fn check(&self) -> Result<(), StoreError>;
}
