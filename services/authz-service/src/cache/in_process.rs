//! `SharedCache` inside the process: the embedded default. Shared with nobody, so it is for one
//! replica; bounded in entries, each gone after its time whether or not it is asked for.

use async_trait::async_trait;
use moka::sync::Cache;

use super::{CacheError, SharedCache};
use crate::keys::RoleKey;

/// Most e-mails remembered; beyond, those asked for least often and longest ago go first.
const MAX_ENTRIES: u64 = 10_000;

/// Roles remembered by this process alone.
pub struct InProcessCache {
    entries: Cache<RoleKey, Vec<u8>>,
}

impl Default for InProcessCache {
    fn default() -> Self {
        let entries = Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(RoleKey::TTL);
        Self { entries: entries.build() }
    }
}

#[async_trait]
impl SharedCache for InProcessCache {
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Vec<u8>>, CacheError> {
        Ok(self.entries.get(key))
    }

    async fn put(&self, key: &RoleKey, value: Vec<u8>) -> Result<(), CacheError> {
        self.entries.insert(key.clone(), value);
        Ok(())
    }

    async fn forget(&self, key: &RoleKey) -> Result<(), CacheError> {
        self.entries.invalidate(key);
        Ok(())
    }

    async fn check(&self) -> Result<(), CacheError> {
        Ok(())
    }
}
