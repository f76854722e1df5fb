//! The small record that all VMs of a process keep together about one source of keys: who may
//! fetch, how fetching goes, what unknown keys may still cost.
//!
//! Transitions are pure; [`super::Board`] reads and writes the record. It comes from memory that
//! others can write, so a record that cannot be read counts as fresh, and no time in it is
//! believed that no VM would have written: a clock that went back must not stop fetching for long.

use std::time::Duration;

use crate::shared_data::take;
use crate::time::Timestamp;

const VERSION: u8 = 1;
const LEN: usize = 57;
/// No lease is longer, whatever the record says.
pub(super) const LONGEST_LEASE: Duration = Duration::from_secs(30);
/// Pause after the first failure; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Without any keys every token is refused meanwhile, so the provider's return must not go unseen
/// for long.
const LONGEST_PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(4);

/// State of fetching from one source. Fetches are numbered from 1, by the leases they are made
/// under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// The last lease that was granted.
    granted: u64,
    /// The last one that has ended.
    ended: u64,
    /// The one that brought the document all share.
    published: u64,
    lease_until: Timestamp,
    /// Fetches that have failed in a row.
    failures: u32,
    /// No fetch starts before this.
    not_before: Timestamp,
    /// Fetches that unknown keys have caused and time has not given back.
    spent: u32,
    refill_at: Timestamp,
}

/// Fetches that unknown keys may cause: some in a burst, then one more in each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissBudget {
    /// How many in a burst. 0: none at all.
    pub burst: u32,
    /// How long until one more.
    pub interval: Duration,
}

/// What came of asking for the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is the asker's.
    Granted(u64),
    /// Somebody else has it.
    Held(u64),
    /// This fetch has brought a document that the asker has not looked at yet.
    Published(u64),
    /// The last fetch failed, and it is too early for another.
    TooEarly,
    /// The budget for unknown keys is spent.
    Spent,
}

impl Ledger {
    /// Asks for the lease. `seen` is the last document the asker has looked at: whoever publishes
    /// between its look and its question has answered it. The lease is numbered above it; with a
    /// budget one fetch is taken out.
    pub(super) fn claim(
        &mut self,
        lease: Duration,
        seen: u64,
        budget: Option<MissBudget>,
        now: Timestamp,
    ) -> Claim {
        if self.published > seen {
            return Claim::Published(self.published);
        }
        if self.is_held(now) {
            return Claim::Held(self.granted);
        }
        if self.is_too_early(now) {
            return Claim::TooEarly;
        }
        if budget.is_some_and(|budget| !self.spend(budget, now)) {
            return Claim::Spent;
        }
        self.granted = self.granted.max(seen).saturating_add(1);
        self.lease_until = now.after(lease.min(LONGEST_LEASE));
        Claim::Granted(self.granted)
    }

    /// Whether fetch `number`, which somebody else was making, is over: ended, given up by its holder
    /// or by time, or its document is there.
    pub(super) fn is_over(&self, number: u64, now: Timestamp) -> bool {
        self.ended.max(self.published) >= number || !self.is_held(now)
    }

    /// Whether somebody may be fetching now.
    fn is_held(&self, now: Timestamp) -> bool {
        now < self.lease_until && self.lease_until <= now.after(LONGEST_LEASE)
    }

    fn is_too_early(&self, now: Timestamp) -> bool {
        now < self.not_before && self.not_before <= now.after(LONGEST_PAUSE)
    }

    /// Takes one fetch out of the budget for unknown keys, if there is one.
    fn spend(&mut self, budget: MissBudget, now: Timestamp) -> bool {
        self.spent = self.spent.min(budget.burst);
        self.refill_at = self.refill_at.min(now.after(budget.interval));
        while self.spent > 0 && now >= self.refill_at {
            self.spent -= 1;
            self.refill_at = self.refill_at.after(budget.interval);
        }
        if self.spent == 0 {
            self.refill_at = now.after(budget.interval);
        }
        let left = self.spent < budget.burst;
        self.spent += u32::from(left);
        left
    }

    /// Fetch `number` has brought a document. A fetch that lost its lease ends nobody else's.
    pub(super) fn succeeded(&mut self, number: u64) {
        self.published = self.published.max(number);
        if self.end(number) {
            self.failures = 0;
            self.not_before = Timestamp::default();
        }
    }

    /// Fetch `number` has brought nothing.
    pub(super) fn failed(&mut self, number: u64, has_keys: bool, now: Timestamp) {
        if self.end(number) {
            let longest = if has_keys { LONGEST_PAUSE } else { LONGEST_PAUSE_WITHOUT_KEYS };
            let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(6)).min(longest);
            self.failures = self.failures.saturating_add(1);
            self.not_before = now.after(pause);
        }
    }

    /// Gives the lease back; false when it is somebody else's by now.
    fn end(&mut self, number: u64) -> bool {
        let current = self.granted == number && self.ended < number;
        if current {
            self.ended = number;
            self.lease_until = Timestamp::default();
        }
        current
    }

    /// The fetch whose document all share; 0 before the first.
    pub(super) const fn published(&self) -> u64 {
        self.published
    }

    /// Whether the last fetch brought nothing.
    pub(super) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// The record as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(VERSION);
        let times = [self.lease_until, self.not_before, self.refill_at].map(Timestamp::as_millis);
        for number in [self.granted, self.ended, self.published].into_iter().chain(times) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.failures.to_le_bytes());
        bytes.extend(self.spent.to_le_bytes());
        bytes
    }

    /// Reads a record; one that no VM would have written is a fresh one.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let ledger = Self {
            granted: take(&mut rest).map(u64::from_le_bytes)?,
            ended: take(&mut rest).map(u64::from_le_bytes)?,
            published: take(&mut rest).map(u64::from_le_bytes)?,
            lease_until: take(&mut rest).map(u64::from_le_bytes).map(Timestamp::from_millis)?,
            not_before: take(&mut rest).map(u64::from_le_bytes).map(Timestamp::from_millis)?,
            refill_at: take(&mut rest).map(u64::from_le_bytes).map(Timestamp::from_millis)?,
            failures: take(&mut rest).map(u32::from_le_bytes)?,
            spent: take(&mut rest).map(u32::from_le_bytes)?,
        };
        let orderly =
            ledger.ended.max(ledger.published) <= ledger.granted && ledger.granted <= u64::MAX / 2;
        (rest.is_empty() && orderly).then_some(ledger)
    }
}

#[cfg(test)]
mod tests;
