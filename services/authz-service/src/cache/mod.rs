//! `SharedCache`: what replicas share beside the store, when it is Redis: roles found a moment
//! ago, word of changes, counters of quotas.
//!
//! A cache is written by others too, so it hands out bytes that prove nothing: `directory` parses
//! them and falls back to the store. It must never be waited for: every call is bounded by
//! [`CALL_LIMIT`], and a cache that failed is left alone for [`COOL_DOWN`].

mod breaker;
mod in_process;
mod invalidation;
mod quota;
mod redis;

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::keys::{QuotaKey, RoleKey};

pub use breaker::Breaker;
pub use in_process::InProcessCache;
pub use invalidation::{Heard, Invalidation, MAX_MESSAGE_BYTES, What};
pub use quota::{Quota, Taken};
pub use redis::{InvalidRedisUrl, RedisAddress, RedisCache, RedisPassword};

/// Longest time one call may take.
pub const CALL_LIMIT: Duration = Duration::from_millis(50);
/// How long a cache that failed is not asked. Then one call tries it for all.
pub const COOL_DOWN: Duration = Duration::from_secs(1);
/// Most bytes of a value that are ever fetched: one more than a good value can have.
pub const MAX_FETCHED_BYTES: usize = crate::roles::MAX_ENCODED_BYTES + 1;
/// Messages that wait for a subscriber; beyond, it is told that it lost some.
pub const BACKLOG: usize = 1024;

/// A version of the store: one more with each change.
pub type Version = u64;

/// Why a cache gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// It answered, but what is under the key is nothing we wrote (another data type).
    #[error("the value is of another type")]
    Foreign,
    /// It does not do this now (a write without memory or the right to, a slot on its way); what
    /// is read from it is still good.
    #[error("the cache refuses this: {0}")]
    Refused(String),
    /// It did not answer in time, or not with an answer.
    #[error("the cache failed: {0}")]
    Failed(String),
    /// It was not asked, because it failed a moment ago.
    #[error("the cache is left alone after a failure")]
    CoolingDown,
}

/// A value as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The value, cut off after [`MAX_FETCHED_BYTES`].
    pub value: Vec<u8>,
    /// How long it will be there; `None` when it has no end.
    pub lives: Option<Duration>,
}

/// What replicas share beside the store.
#[async_trait]
pub trait SharedCache: Send + Sync {
    /// The value under `key`; `None` when there is none.
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Fetched>, CacheError>;

    /// Puts `value` under `key` for `lives`, [`RoleKey::TTL`] at most, whatever was there; unless
    /// it was forgotten for a change after the version `read_at`, which the store had at least
    /// when it was read. Says whether it was put.
    async fn put(
        &self,
        key: &RoleKey,
        value: Vec<u8>,
        read_at: Version,
        lives: Duration,
    ) -> Result<bool, CacheError>;

    /// Removes what is under `key`, because the version `changed_at` changed it. What was read
    /// before that and comes late is not put.
    async fn forget(&self, key: &RoleKey, changed_at: Version) -> Result<(), CacheError>;

    /// Whether it answers now.
    async fn check(&self) -> Result<(), CacheError>;

    /// Tells all subscribers, here and elsewhere, of a change. It may get lost.
    async fn publish(&self, change: &Invalidation) -> Result<(), CacheError>;

    /// What is told from now on.
    fn subscribe(&self) -> broadcast::Receiver<Heard>;

    /// Takes up to `wanted` from a counter.
    async fn take(&self, key: &QuotaKey, quota: Quota, wanted: u64) -> Result<Taken, CacheError>;

    /// How long an entry may be believed without asking again: short when others write it too.
    fn believed_for(&self) -> Duration;
}
