//! When an issuer's keys are fetched, and what holds while they are not there. Sans-IO: it says
//! that a fetch is due and is told how the fetch ended; somebody else makes the calls.
//!
//! Nothing is fetched before somebody needs it. From then on keys are refreshed in the background
//! and requests never wait again, but for a `kid` nobody has seen: that causes one fetch, out of
//! a small budget, and the answer "unknown" is remembered. While fetching fails, the last good
//! keys stay until `max_stale`.
//!
//! The VMs of a process share what they fetch: one of them has the lease of a [`board::Board`],
//! the others look at the board and take over what it brought.

mod board;
mod discovery;
mod error;
mod good;
mod ledger;
mod state;

use std::time::Duration;

use super::KeySet;
use crate::bounded::BoundedMap;
use crate::policy::{Endpoint, KeyLocation};
use crate::shared_data::SharedData;
use crate::time::Timestamp;
use board::{Board, Edition};
use good::{Chance, Good};
use ledger::Claim;

pub use error::{FetchError, InvalidDiscovery};
pub use good::Timing;
pub use ledger::MissBudget;
pub use state::{Health, KeyState, Over, Progress};

/// How long, and how many, `kid`s are remembered as unknown.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);
const MAX_UNKNOWN: usize = 1024;
/// How much longer than its time limit a call may be out before it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// The keys of one issuer and the state of fetching them.
#[derive(Debug)]
pub struct JwksSource {
    origin: Origin,
    good: Option<Good>,
    fetch: Fetch,
    unknown: BoundedMap<Box<str>, Timestamp>,
}

/// Where keys come from.
#[derive(Debug)]
enum Origin {
    /// They were configured and stay.
    Fixed,
    /// They are fetched.
    Fetched(Box<Remote>),
}

/// Keys that are fetched.
#[derive(Debug)]
struct Remote {
    location: KeyLocation,
    /// Where the discovery document of the fetch that is out says that the keys are.
    found: Option<Endpoint>,
    timing: Timing,
    chance: Chance,
    board: Board,
    /// The newest document seen on the board, whether we could use it or not.
    looked_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetch {
    Idle,
    /// We have the lease and somebody has to make the call.
    Due {
        number: u64,
        lost_at: Timestamp,
    },
    /// The call is out.
    InFlight {
        number: u64,
        lost_at: Timestamp,
    },
    /// Another VM has the lease, and requests of ours wait for it.
    Elsewhere {
        number: u64,
    },
}

impl JwksSource {
    /// Keys that were configured and are never fetched.
    pub fn fixed(keys: KeySet) -> Self {
        let (now, never) = (Timestamp::default(), Timestamp::MAX);
        let good =
            Good { keys, number: 0, fetched_at: now, refresh_at: never, usable_until: never };
        Self::new(Origin::Fixed, Some(good))
    }

    /// A source that has fetched nothing yet. `seed` is a random number.
    pub fn fetched(issuer: &str, location: KeyLocation, timing: Timing, seed: u64) -> Self {
        let board = Board::of(&[&[issuer], &*location.name()].concat());
        let remote =
            Remote { location, found: None, timing, chance: Chance(seed), board, looked_at: 0 };
        Self::new(Origin::Fetched(Box::new(remote)), None)
    }

    fn new(origin: Origin, good: Option<Good>) -> Self {
        Self { origin, good, fetch: Fetch::Idle, unknown: BoundedMap::new(MAX_UNKNOWN) }
    }

    /// The keys that may be used now.
    pub fn keys(&self, now: Timestamp) -> Option<&KeySet> {
        self.good.as_ref().filter(|good| now < good.usable_until).map(|good| &good.keys)
    }

    /// Takes over what another VM has fetched; whether there was anything newer.
    pub fn adopt(&mut self, data: &dyn SharedData, now: Timestamp) -> bool {
        let Origin::Fetched(remote) = &mut self.origin else { return false };
        let Remote { board, timing, looked_at, .. } = &mut **remote;
        let newest = self.good.as_ref().map_or(0, |good| good.number).max(*looked_at);
        // Without a document of its own a VM looks even when the ledger knows of none.
        let published = board.look(data).published();
        if published <= newest && (self.good.is_some() || *looked_at > 0) {
            return false;
        }
        let Some(edition) = board.edition(data).filter(|edition| edition.number > newest) else {
            *looked_at = newest.max(published);
            return false;
        };
        *looked_at = edition.number;
        let Ok(good) = Good::of(&edition, self.good.as_ref(), timing, now) else { return false };
        self.good = Some(good);
        true
    }

    /// For a request that found no keys at all.
    pub fn want(&mut self, data: &dyn SharedData, now: Timestamp) -> KeyState {
        self.joined().unwrap_or_else(|| self.claim(None, data, now))
    }

    /// For a request whose token names a key that is not in the set.
    pub fn want_key(
        &mut self,
        kid: Option<&str>,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> KeyState {
        // Without a name there is nothing to fetch for: every key has been tried.
        let Some(kid) = kid else { return KeyState::Unknown };
        if self.unknown.find(kid).is_some_and(|until| now < until) {
            return KeyState::Unknown;
        }
        if let Some(state) = self.joined() {
            return state;
        }
        match &self.origin {
            Origin::Fixed => KeyState::Unknown,
            Origin::Fetched(remote) => self.claim(Some(remote.timing.misses), data, now),
        }
    }

    /// A fetch made for this key has ended and it is still not there.
    pub fn remember_unknown(&mut self, kid: Option<&str>, now: Timestamp) {
        if let Some(kid) = kid {
            self.unknown.insert(kid.into(), now.after(UNKNOWN_FOR));
        }
    }

    /// Whether the last fetch brought nothing, so that a key may be there that we cannot see.
    pub fn is_failing(&self) -> bool {
        match &self.origin {
            Origin::Fixed => false,
            Origin::Fetched(remote) => remote.board.seen().is_failing(),
        }
    }

    /// Whether requests wait for what another VM fetches: then the board has to be looked at
    /// more often.
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self.fetch, Fetch::Elsewhere { .. })
    }

    /// How it is; `None` while it has nothing to do with any VM.
    pub fn health(&self, now: Timestamp) -> Option<Health> {
        let keys = self.keys(now);
        if self.good.is_none() && !self.is_failing() {
            return None;
        }
        let age = self.good.as_ref().filter(|_| !matches!(self.origin, Origin::Fixed));
        Some(Health {
            age: age.map(|good| now.since(good.fetched_at)),
            keys: keys.map_or(0, KeySet::len),
            healthy: keys.is_some() && !self.is_failing(),
        })
    }

    /// Joins a fetch that is due or out.
    const fn joined(&self) -> Option<KeyState> {
        match self.fetch {
            Fetch::Idle => None,
            Fetch::Due { .. } => Some(KeyState::Wait { joined: false }),
            Fetch::InFlight { .. } | Fetch::Elsewhere { .. } => {
                Some(KeyState::Wait { joined: true })
            }
        }
    }

    /// Asks for the lease.
    fn claim(
        &mut self,
        budget: Option<MissBudget>,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> KeyState {
        let Origin::Fetched(remote) = &mut self.origin else { return KeyState::Unavailable };
        let Remote { board, timing, looked_at, .. } = &mut **remote;
        let lease = timing.timeout.saturating_add(LOST_AFTER);
        let mut seen = self.good.as_ref().map_or(0, |good| good.number).max(*looked_at);
        if board.look(data).published() == 0 {
            // The ledger was lost, and the document need not have been.
            seen = seen.max(board.edition(data).map_or(0, |edition| edition.number));
        }
        let claim = board.amend(data, |ledger| ledger.claim(lease, seen, budget, now));
        match claim {
            Some(Claim::Granted(number)) => {
                self.fetch = Fetch::Due { number, lost_at: now.after(lease) };
                KeyState::Wait { joined: false }
            }
            Some(Claim::Held(number) | Claim::Published(number)) => {
                self.fetch = Fetch::Elsewhere { number };
                KeyState::Wait { joined: true }
            }
            // Others are busy here: look again at the next tick, and ask again then.
            None => {
                self.fetch = Fetch::Elsewhere { number: 0 };
                KeyState::Wait { joined: true }
            }
            Some(Claim::TooEarly) => KeyState::Unavailable,
            Some(Claim::Spent) => KeyState::Unknown,
        }
    }

    /// Where the next call of the fetch that is out goes.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        let Origin::Fetched(remote) = &self.origin else { return None };
        match (&remote.location, &remote.found) {
            (KeyLocation::Jwks(endpoint), _) | (_, Some(endpoint)) => Some(endpoint),
            (KeyLocation::Discovery(discovery), None) => Some(&discovery.document),
        }
    }

    /// Whether a fetch should start now. Says so once: it then counts as started.
    pub fn start(&mut self, data: &dyn SharedData, now: Timestamp) -> bool {
        if self.fetch == Fetch::Idle && self.good.is_some() {
            self.adopt(data, now);
            if self.good.as_ref().is_some_and(|good| now >= good.refresh_at) {
                self.claim(None, data, now);
            }
            if self.is_elsewhere() {
                // Nobody waits for a refresh.
                self.fetch = Fetch::Idle;
            }
        }
        let Fetch::Due { number, lost_at } = self.fetch else { return false };
        if let Origin::Fetched(remote) = &mut self.origin {
            remote.found = None;
        }
        self.fetch = Fetch::InFlight { number, lost_at };
        true
    }

    /// Whether a fetch that requests wait for has ended without a word to us.
    pub fn over(&mut self, data: &dyn SharedData, now: Timestamp) -> Option<Over> {
        match self.fetch {
            Fetch::Due { lost_at, .. } | Fetch::InFlight { lost_at, .. } if now >= lost_at => {
                self.failed(data, now);
                Some(Over::Lost)
            }
            Fetch::Elsewhere { number } => {
                self.adopt(data, now);
                let Origin::Fetched(remote) = &self.origin else { return None };
                let over = remote.board.seen().is_over(number, now);
                if over {
                    self.fetch = Fetch::Idle;
                }
                over.then_some(Over::Elsewhere)
            }
            Fetch::Idle | Fetch::Due { .. } | Fetch::InFlight { .. } => None,
        }
    }

    /// A call has been answered with this document and `max-age`. `None`: none was out, so it is
    /// the late answer to one that was given up, and changes nothing.
    pub fn answered(
        &mut self,
        document: &[u8],
        max_age: Option<Duration>,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Option<Result<Progress, FetchError>> {
        let Fetch::InFlight { number, .. } = self.fetch else { return None };
        let Origin::Fetched(remote) = &mut self.origin else { return None };
        let progress = match (&remote.location, &remote.found) {
            (KeyLocation::Discovery(discovery), None) => discovery::follow(discovery, document)
                .map(|endpoint| remote.found = Some(endpoint))
                .map(|()| Progress::Address)
                .map_err(FetchError::Discovery),
            _ => {
                let (early, document) = (remote.chance.early(), document.to_vec());
                let edition = Edition { number, fetched_at: now, max_age, early, document };
                self.publish(&edition, data, now).map(|()| Progress::Keys)
            }
        };
        if progress.is_err() {
            self.failed(data, now);
        }
        Some(progress)
    }

    /// Takes a document that was fetched here, and shares it.
    fn publish(
        &mut self,
        edition: &Edition,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Result<(), FetchError> {
        let Origin::Fetched(remote) = &mut self.origin else { return Ok(()) };
        let good = Good::of(edition, self.good.as_ref(), &remote.timing, now)?;
        // A VM that took the lease from us may have been faster, and ours is older then.
        if self.good.as_ref().is_none_or(|newest| newest.number < edition.number) {
            self.good = Some(good);
        }
        self.fetch = Fetch::Idle;
        remote.board.publish(edition, data);
        remote.board.amend(data, |ledger| ledger.succeeded(edition.number));
        Ok(())
    }

    /// The fetch has ended without a document.
    pub fn failed(&mut self, data: &dyn SharedData, now: Timestamp) {
        let (Fetch::Due { number, .. } | Fetch::InFlight { number, .. }) = self.fetch else {
            return;
        };
        self.fetch = Fetch::Idle;
        let has_keys = self.keys(now).is_some();
        if let Origin::Fetched(remote) = &mut self.origin {
            remote.board.amend(data, |ledger| ledger.failed(number, has_keys, now));
        }
    }
}

#[cfg(test)]
mod tests;
