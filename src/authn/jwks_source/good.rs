//! The last good keys, and for how long they are good.

use std::time::Duration;

use super::board::Edition;
use super::ledger::MissBudget;
use super::{FetchError, KeySet};
use crate::time::Timestamp;

/// Bounds of what an answer's `max-age` may ask for.
const SHORTEST_REFRESH: Duration = Duration::from_secs(30);
const LONGEST_REFRESH: Duration = Duration::from_secs(24 * 3600);
/// Keys are fetched again when this part of their lifetime has passed, in percent; where between
/// the two is left to chance, so that processes that began together do not stay together.
const EARLIEST: u8 = 80;
const LATEST: u8 = 95;

/// Times and limits that the configuration sets.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Lifetime of keys whose answer does not say.
    pub refresh: Duration,
    /// How long the last good keys may be used after it.
    pub max_stale: Duration,
    /// How long the calls of one fetch may take together.
    pub timeout: Duration,
    /// Fetches that unknown keys may cause.
    pub misses: MissBudget,
}

/// The last good keys.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) keys: KeySet,
    /// The fetch that brought them.
    pub(super) number: u64,
    pub(super) fetched_at: Timestamp,
    pub(super) refresh_at: Timestamp,
    pub(super) usable_until: Timestamp,
}

impl Good {
    /// The keys of a document that follow those of `before`.
    pub(super) fn of(
        edition: &Edition,
        before: Option<&Self>,
        timing: &Timing,
        now: Timestamp,
    ) -> Result<Self, FetchError> {
        let none = KeySet::default();
        let keys = before.map_or(&none, |before| &before.keys).succeed(&edition.document);
        let lifetime = edition
            .max_age
            .map_or(timing.refresh, |age| age.clamp(SHORTEST_REFRESH, LONGEST_REFRESH));
        let early = lifetime.saturating_mul(edition.early.clamp(EARLIEST, LATEST).into()) / 100;
        // A clock that went back makes nothing younger than it is.
        let fetched_at = edition.fetched_at.min(now);
        Ok(Self {
            keys: keys.map_err(FetchError::Invalid)?,
            number: edition.number,
            fetched_at,
            refresh_at: fetched_at.after(early),
            usable_until: fetched_at.after(lifetime).after(timing.max_stale),
        })
    }
}

/// A source of chance that is no secret: SplitMix64.
#[derive(Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// When to fetch again, as a part of the lifetime in percent.
    pub(super) fn early(&mut self) -> u8 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [part, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
        EARLIEST + part % (LATEST - EARLIEST + 1)
    }
}
