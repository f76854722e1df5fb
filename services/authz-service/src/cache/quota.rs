//! Counters of quotas, in process: how much of a window's limit is taken.
//!
//! A window begins with the first taking and ends as a whole. Redis does the same with one script
//! (see `redis::scripts`); the contract suite holds the two equal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::CacheError;
use crate::keys::QuotaKey;

/// Most counters at once.
const MAX_COUNTERS: usize = 100_000;

/// How much one caller may take, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// How long a window lasts.
    pub window: Duration,
    /// How much may be taken in a window by all callers.
    pub limit: u64,
}

/// The answer to a taking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How much of what was asked for is granted.
    pub granted: u64,
    /// How much is left in the window.
    pub remaining: u64,
    /// When the window ends, counted from now.
    pub resets_in: Duration,
}

/// Counters of this process alone.
#[derive(Default)]
pub(super) struct Counters {
    windows: Mutex<HashMap<QuotaKey, Window>>,
}

struct Window {
    taken: u64,
    ends: Instant,
}

impl Counters {
    /// Takes up to `wanted` from the counter under `key`. Fails when there are too many counters.
    pub(super) fn take(
        &self,
        key: &QuotaKey,
        quota: Quota,
        wanted: u64,
        now: Instant,
    ) -> Result<Taken, CacheError> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_COUNTERS && !windows.contains_key(key) {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= MAX_COUNTERS {
                return Err(CacheError::Refused("too many counters".into()));
            }
        }
        let fresh = Window { taken: 0, ends: now + quota.window };
        let mut window = windows.remove(key).filter(|window| window.ends > now).unwrap_or(fresh);
        let left = quota.limit.saturating_sub(window.taken);
        let granted = wanted.min(left);
        window.taken = window.taken.saturating_add(granted);
        let resets_in = window.ends - now;
        if window.taken > 0 {
            windows.insert(key.clone(), window);
        }
        Ok(Taken { granted, remaining: left - granted, resets_in })
    }
}
