//! `SharedCache`: roles found a moment ago, shared between replicas when it is Redis.
//!
//! A cache is written by others too, so it hands out bytes that prove nothing: `directory` parses
//! them and falls back to the store. It must never be waited for: every call is bounded by
//! [`CALL_LIMIT`], and a cache that failed is left alone for [`COOL_DOWN`].

mod breaker;
mod in_process;
mod redis;

use std::time::Duration;

use async_trait::async_trait;

use crate::keys::RoleKey;

pub use breaker::Breaker;
pub use in_process::InProcessCache;
pub use redis::{InvalidRedisUrl, RedisCache};

/// Longest time one call may take.
pub const CALL_LIMIT: Duration = Duration::from_millis(50);
/// How long a cache that failed is not asked. Then one call tries it for all.
pub const COOL_DOWN: Duration = Duration::from_secs(1);
/// Most bytes of a value that are ever fetched: one more than a good value can have.
pub const MAX_FETCHED_BYTES: usize = crate::roles::MAX_ENCODED_BYTES + 1;

/// Why a cache gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// It answered, but what is under the key is nothing we wrote (another data type).
    #[error("the value is of another type")]
    Foreign,
    /// It did not answer in time, or not with an answer.
    #[error("the cache failed: {0}")]
    Failed(String),
    /// It was not asked, because it failed a moment ago.
    #[error("the cache is left alone after a failure")]
    CoolingDown,
}

/// Where roles are remembered for [`RoleKey::TTL`].
#[async_trait]
pub trait SharedCache: Send + Sync {
    /// The value under `key`, cut off after [`MAX_FETCHED_BYTES`]; `None` when there is none.
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Vec<u8>>, CacheError>;

    /// Puts `value` under `key`, whatever was there.
    async fn put(&self, key: &RoleKey, value: Vec<u8>) -> Result<(), CacheError>;

    /// Removes what is under `key`.
    async fn forget(&self, key: &RoleKey) -> Result<(), CacheError>;

    /// Whether it answers now.
    async fn check(&self) -> Result<(), CacheError>;
}
