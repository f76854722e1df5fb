//! `SharedCache` inside the process: the embedded default. Shared with nobody, so it is for one
//! replica; bounded in entries, each gone after its time whether or not it is asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::sync::Cache;
use tokio::sync::broadcast;

use super::quota::Counters;
use super::{
    BACKLOG, CacheError, Fetched, Heard, Invalidation, Quota, SharedCache, Taken, Version,
};
use crate::keys::{CHANGED_TTL, QuotaKey, RoleKey};

/// Most e-mails remembered; beyond, those asked for least often and longest ago go first.
const MAX_ENTRIES: u64 = 10_000;

/// Roles, counters and a channel of this process alone.
pub struct InProcessCache {
    entries: Cache<RoleKey, Entry>,
    changed: Cache<RoleKey, Version>,
    /// Held while an entry and its mark change together.
    writing: Mutex<()>,
    counters: Counters,
    channel: broadcast::Sender<Heard>,
}

#[derive(Clone)]
struct Entry {
    value: Vec<u8>,
    ends: Instant,
}

impl Default for InProcessCache {
    fn default() -> Self {
        let remembered = |lives| Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(lives);
        Self {
            entries: remembered(RoleKey::TTL).build(),
            changed: Cache::builder().max_capacity(MAX_ENTRIES).time_to_live(CHANGED_TTL).build(),
            writing: Mutex::default(),
            counters: Counters::default(),
            channel: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl InProcessCache {
    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SharedCache for InProcessCache {
    async fn fetch(&self, key: &RoleKey) -> Result<Option<Fetched>, CacheError> {
        let now = Instant::now();
        let entry = self.entries.get(key).filter(|entry| entry.ends > now);
        Ok(entry.map(|Entry { value, ends }| Fetched { value, lives: Some(ends - now) }))
    }

    async fn put(
        &self,
        key: &RoleKey,
        value: Vec<u8>,
        read_at: Version,
        lives: Duration,
    ) -> Result<bool, CacheError> {
        let _writing = self.writing();
        if self.changed.get(key).is_some_and(|changed| changed > read_at) {
            return Ok(false);
        }
        let ends = Instant::now() + lives.min(RoleKey::TTL);
        self.entries.insert(key.clone(), Entry { value, ends });
        Ok(true)
    }

    async fn forget(&self, key: &RoleKey, changed_at: Version) -> Result<(), CacheError> {
        let _writing = self.writing();
        self.entries.invalidate(key);
        let last = self.changed.get(key).unwrap_or_default();
        self.changed.insert(key.clone(), last.max(changed_at));
        Ok(())
    }

    async fn check(&self) -> Result<(), CacheError> {
        Ok(())
    }

    async fn publish(&self, change: &Invalidation) -> Result<(), CacheError> {
        // No subscriber is nobody to tell.
        let _ = self.channel.send(Heard::Change(change.clone()));
        Ok(())
    }

    fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.channel.subscribe()
    }

    async fn take(&self, key: &QuotaKey, quota: Quota, wanted: u64) -> Result<Taken, CacheError> {
        self.counters.take(key, quota, wanted, Instant::now())
    }

    fn believed_for(&self) -> Duration {
        RoleKey::TTL
    }
}
