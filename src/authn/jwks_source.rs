//! When an issuer's keys are fetched, and what holds while they are not there. Sans-IO: it says
//! that a fetch is due and is told how the fetch ended; somebody else makes the call.
//!
//! Nothing is fetched before somebody needs it. From then on keys are refreshed in the background
//! and requests never wait again, but for a `kid` nobody has seen: that causes one fetch, out of
//! a small budget, and the answer "unknown" is remembered. While fetching fails, the last good
//! keys stay until `max_stale`.

use std::fmt;
use std::time::Duration;

use super::{InvalidJwks, KeySet};
use crate::bounded::BoundedMap;
use crate::time::Timestamp;

/// Pause after the first failure; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Without any keys every token is refused meanwhile, so the provider's return must not go unseen
/// for long.
const LONGEST_PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(4);
/// Bounds of what an answer's `max-age` may ask for.
const SHORTEST_REFRESH: Duration = Duration::from_secs(30);
const LONGEST_REFRESH: Duration = Duration::from_secs(24 * 3600);
/// Fetches that unknown `kid`s may cause in a row, and how long until one more may.
const MISS_BURST: u32 = 5;
const MISS_REFILL: Duration = Duration::from_secs(5);
/// How long, and how many, `kid`s are remembered as unknown.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);
const MAX_UNKNOWN: usize = 1024;
/// How much longer than its time limit a call may be out before it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// The keys of one issuer and the state of fetching them.
#[derive(Debug)]
pub struct JwksSource {
    timing: Timing,
    good: Option<Good>,
    fetch: Fetch,
    failures: u32,
    /// No fetch starts before this, but for the first.
    not_before: Timestamp,
    misses: MissBudget,
    unknown: BoundedMap<Box<str>, Timestamp>,
}

/// Times that the configuration sets.
#[derive(Clone, Copy, Debug)]
struct Timing {
    refresh: Duration,
    max_stale: Duration,
    timeout: Duration,
}

/// The last good keys.
#[derive(Debug)]
struct Good {
    keys: KeySet,
    refresh_at: Timestamp,
    usable_until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetch {
    Idle,
    Wanted,
    InFlight { lost_at: Timestamp },
}

/// What a request that needs keys has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Wait for the end of a fetch.
    Wait {
        /// It had started already, so its answer may be older than the question.
        joined: bool,
    },
    /// The key is known not to be there.
    Unknown,
    /// Fetching fails, and it is too early to try again.
    Unavailable,
}

/// Why a fetch brought no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The call could not be made or was not answered.
    Unreachable,
    /// It was answered with another status than 200.
    Status(u16),
    /// The document is no key set we can use.
    Invalid(InvalidJwks),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("unreachable"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Invalid(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FetchError {}

impl JwksSource {
    /// A source that has fetched nothing yet.
    pub fn new(refresh: Duration, max_stale: Duration, timeout: Duration) -> Self {
        Self {
            timing: Timing { refresh, max_stale, timeout },
            good: None,
            fetch: Fetch::Idle,
            failures: 0,
            not_before: Timestamp::default(),
            misses: MissBudget { left: MISS_BURST, refill_at: Timestamp::default() },
            unknown: BoundedMap::new(MAX_UNKNOWN),
        }
    }

    /// The keys that may be used now.
    pub fn keys(&self, now: Timestamp) -> Option<&KeySet> {
        self.good.as_ref().filter(|good| now < good.usable_until).map(|good| &good.keys)
    }

    /// For a request that found no keys at all.
    pub fn want(&mut self, now: Timestamp) -> KeyState {
        self.join(now).unwrap_or_else(|| {
            self.fetch = Fetch::Wanted;
            KeyState::Wait { joined: false }
        })
    }

    /// For a request whose token names a key that is not in the set.
    pub fn want_key(&mut self, kid: Option<&str>, now: Timestamp) -> KeyState {
        // Without a name there is nothing to fetch for: every key has been tried.
        let Some(kid) = kid else { return KeyState::Unknown };
        if self.unknown.find(kid).is_some_and(|until| now < until) {
            return KeyState::Unknown;
        }
        if let Some(state) = self.join(now) {
            return state;
        }
        if !self.misses.spend(now) {
            return KeyState::Unknown;
        }
        self.fetch = Fetch::Wanted;
        KeyState::Wait { joined: false }
    }

    /// A fetch made for this key has ended and it is still not there.
    pub fn remember_unknown(&mut self, kid: Option<&str>, now: Timestamp) {
        if let Some(kid) = kid {
            self.unknown.insert(kid.into(), now.after(UNKNOWN_FOR));
        }
    }

    /// Whether the last fetch brought nothing, so that a key may be there that we cannot see.
    pub const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Joins a fetch that is wanted or out; says so when it is too early for a new one.
    fn join(&self, now: Timestamp) -> Option<KeyState> {
        match self.fetch {
            Fetch::Wanted => Some(KeyState::Wait { joined: false }),
            Fetch::InFlight { .. } => Some(KeyState::Wait { joined: true }),
            Fetch::Idle => (now < self.not_before).then_some(KeyState::Unavailable),
        }
    }

    /// Whether a fetch should start now.
    pub fn is_due(&self, now: Timestamp) -> bool {
        match self.fetch {
            Fetch::Wanted => true,
            Fetch::InFlight { .. } => false,
            Fetch::Idle => {
                now >= self.not_before && self.good.as_ref().is_some_and(|g| now >= g.refresh_at)
            }
        }
    }

    /// Whether a fetch that is out will never be answered.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        matches!(self.fetch, Fetch::InFlight { lost_at } if now >= lost_at)
    }

    /// A fetch has started.
    pub fn started(&mut self, now: Timestamp) {
        let lost_at = now.after(self.timing.timeout).after(LOST_AFTER);
        self.fetch = Fetch::InFlight { lost_at };
    }

    /// A fetch has ended with this document and `max-age`.
    pub fn succeeded(
        &mut self,
        document: &[u8],
        max_age: Option<Duration>,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        let before = self.good.take();
        let keys =
            before.as_ref().map(|good| &good.keys).unwrap_or(&KeySet::default()).succeed(document);
        match keys {
            Ok(keys) => {
                let lifetime = max_age.map_or(self.timing.refresh, |age| {
                    age.clamp(SHORTEST_REFRESH, LONGEST_REFRESH)
                });
                self.good = Some(Good {
                    keys,
                    refresh_at: now.after(lifetime),
                    usable_until: now.after(lifetime).after(self.timing.max_stale),
                });
                self.fetch = Fetch::Idle;
                self.failures = 0;
                self.not_before = Timestamp::default();
                Ok(())
            }
            Err(error) => {
                self.good = before;
                self.failed(now);
                Err(FetchError::Invalid(error))
            }
        }
    }

    /// A fetch has ended without a document.
    pub fn failed(&mut self, now: Timestamp) {
        let doublings = self.failures.min(6);
        let longest =
            if self.keys(now).is_some() { LONGEST_PAUSE } else { LONGEST_PAUSE_WITHOUT_KEYS };
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(longest);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.after(pause);
        self.fetch = Fetch::Idle;
    }
}

/// A token bucket for the fetches that unknown keys cause.
#[derive(Debug)]
struct MissBudget {
    left: u32,
    refill_at: Timestamp,
}

impl MissBudget {
    fn spend(&mut self, now: Timestamp) -> bool {
        while self.left < MISS_BURST && now >= self.refill_at {
            self.left += 1;
            self.refill_at = self.refill_at.after(MISS_REFILL);
        }
        if self.left == MISS_BURST {
            self.refill_at = now.after(MISS_REFILL);
        }
        let spent = self.left.checked_sub(1);
        self.left = spent.unwrap_or(0);
        spent.is_some()
    }
}

#[cfg(test)]
mod tests;
