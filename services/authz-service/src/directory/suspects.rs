//! Which entries of the shared cache are not to be believed, because what they say was changed.
//!
//! Whoever changes a subject removes its entry. That can fail, come too late, or be undone by a
//! fail-over of a cluster; so whoever hears of a change does not believe the entry of that address
//! any more until this process has replaced it, or it must be gone. After a change of everything
//! the same holds for entries that were written before it: their remaining life tells.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use crate::cache::{Fetched, Version};
use crate::keys::RoleKey;

/// Most addresses under suspicion at once; beyond, all are.
const MAX_SUSPECTS: u64 = 10_000;
/// What was written so soon after a change can have been read before it.
const SLACK: Duration = Duration::from_secs(1);

/// Entries not to be believed.
pub(super) struct Suspects {
    changed: Cache<RoleKey, Version>,
    /// When everything changed last.
    everything: Mutex<Option<Instant>>,
}

impl Default for Suspects {
    fn default() -> Self {
        let changed = Cache::builder().max_capacity(MAX_SUSPECTS).time_to_live(RoleKey::TTL);
        Self { changed: changed.build(), everything: Mutex::default() }
    }
}

impl Suspects {
    /// The version `version` changed the owner of this address.
    pub(super) fn changed(&self, key: RoleKey, version: Version, now: Instant) {
        if self.changed.entry_count() >= MAX_SUSPECTS {
            self.everything_changed(now);
        }
        let version = version.max(self.changed.get(&key).unwrap_or_default());
        self.changed.insert(key, version);
    }

    /// Anything can have been changed before `now`.
    pub(super) fn everything_changed(&self, now: Instant) {
        *self.everything.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// The entry was replaced by what the store said at `version` or later.
    pub(super) fn replaced(&self, key: &RoleKey, version: Version) {
        if self.changed.get(key).is_some_and(|changed| changed <= version) {
            self.changed.invalidate(key);
        }
    }

    /// Whether the entry under `key` is not worth asking for.
    pub(super) fn is_suspect(&self, key: &RoleKey) -> bool {
        self.changed.contains_key(key)
    }

    /// Whether `found`, fetched at `now`, was written after everything changed last.
    pub(super) fn believes(&self, found: &Fetched, now: Instant) -> bool {
        let everything = *self.everything.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(changed) = everything else { return true };
        let since = now.saturating_duration_since(changed);
        if since >= RoleKey::TTL + SLACK {
            return true;
        }
        // A life that is not one of ours says nothing of its age.
        let age = found.lives.and_then(|lives| RoleKey::TTL.checked_sub(lives));
        age.is_some_and(|age| age + SLACK < since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::Email;

    fn key(email: &str) -> RoleKey {
        RoleKey::of(&Email::parse(email).unwrap())
    }

    fn aged(seconds: u64) -> Fetched {
        let lives = Some(RoleKey::TTL - Duration::from_secs(seconds));
        Fetched { value: Vec::new(), lives }
    }

    #[test]
    fn an_entry_is_suspect_until_it_is_replaced_by_something_as_new() {
        let (suspects, now) = (Suspects::default(), Instant::now());
        suspects.changed(key("a@b"), 7, now);
        suspects.changed(key("a@b"), 6, now);
        assert!(suspects.is_suspect(&key("a@b")) && !suspects.is_suspect(&key("c@d")));
        suspects.replaced(&key("a@b"), 6);
        assert!(suspects.is_suspect(&key("a@b")));
        suspects.replaced(&key("a@b"), 7);
        assert!(!suspects.is_suspect(&key("a@b")));
    }

    #[test]
    fn after_a_change_of_everything_only_younger_entries_are_believed() {
        let (suspects, change) = (Suspects::default(), Instant::now());
        assert!(suspects.believes(&aged(200), change));
        suspects.everything_changed(change);
        let later = change + Duration::from_secs(10);
        for (age, believed) in [(0, true), (8, true), (9, false), (10, false), (200, false)] {
            assert_eq!(suspects.believes(&aged(age), later), believed, "{age}");
        }
        let others = [None, Some(RoleKey::TTL * 2)];
        for lives in others {
            assert!(!suspects.believes(&Fetched { value: Vec::new(), lives }, later));
        }
        let gone = change + RoleKey::TTL + SLACK;
        assert!(suspects.believes(&Fetched { value: Vec::new(), lives: None }, gone));
    }
}
