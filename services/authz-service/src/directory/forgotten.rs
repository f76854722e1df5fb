//! What this process has removed from the shared cache, or has yet to.
//!
//! A cache that fails at the wrong moment must not keep what a change made wrong. So what was to be
//! removed is tried again until it succeeds, and once more after each new connection, because a
//! cluster that fails over can lose what it was told last. After [`RoleKey::TTL`] no entry from
//! before the change can be left, and nothing is remembered any longer. Bounded: beyond, the oldest
//! go first, and only their time to live ends them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::cache::{SharedCache, Version};
use crate::keys::RoleKey;

/// Most removals remembered.
const MAX_REMEMBERED: usize = 10_000;
/// Most removals in one go.
const AT_ONCE: usize = 256;

/// Removals of the last 300 s.
#[derive(Default)]
pub(super) struct Forgotten {
    removals: Mutex<VecDeque<Removal>>,
}

#[derive(Clone)]
struct Removal {
    key: RoleKey,
    version: Version,
    since: Instant,
    done: bool,
}

impl Forgotten {
    /// The entry under `key` is to be removed for the change `version`.
    pub(super) fn add(&self, key: RoleKey, version: Version) {
        let since = Instant::now();
        let mut removals = self.removals();
        if removals.len() == MAX_REMEMBERED {
            removals.pop_front();
        }
        removals.push_back(Removal { key, version, since, done: false });
    }

    /// All of them are to be done again.
    pub(super) fn again(&self) {
        self.removals().iter_mut().for_each(|removal| removal.done = false);
    }

    /// Does what is to be done, until something fails. Says whether nothing is left.
    pub(super) async fn work(&self, cache: &dyn SharedCache) -> bool {
        for removal in self.open() {
            if cache.forget(&removal.key, removal.version).await.is_err() {
                return false;
            }
            self.done(&removal);
        }
        true
    }

    fn open(&self) -> Vec<Removal> {
        let mut removals = self.removals();
        removals.retain(|removal| removal.since.elapsed() < RoleKey::TTL);
        removals.iter().filter(|removal| !removal.done).take(AT_ONCE).cloned().collect()
    }

    fn done(&self, done: &Removal) {
        let mut removals = self.removals();
        let same = |open: &&mut Removal| open.version == done.version && open.key == done.key;
        if let Some(removal) = removals.iter_mut().find(same) {
            removal.done = true;
        }
    }

    fn removals(&self) -> MutexGuard<'_, VecDeque<Removal>> {
        self.removals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
