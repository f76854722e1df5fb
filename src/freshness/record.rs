//! The small record that all VMs of a process keep together about one feed: who may ask it, how
//! that goes, and what there is to be read beside it.
//!
//! Transitions are pure; [`super::board`] reads and writes the record. It comes from memory that
//! others can write, so a record that cannot be read counts as a fresh one, and no time in it is
//! believed that no VM would have written.

use std::time::Duration;

use super::name::Name;
use crate::shared_data::take;
use crate::time::Timestamp;

const VERSION: u8 = 1;
/// More chunks than any snapshot has.
const MAX_CHUNKS: u32 = 256;
/// Longest place that is kept.
pub(super) const MAX_PLACE: usize = 256;
/// No lease is longer, whatever the record says.
const LONGEST_LEASE: Duration = Duration::from_secs(30);
/// The longest pause between polls while they fail, unless the interval is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Polls that may fail before a feed of which nothing is known counts as away: a gateway that starts asks before its
/// clusters have resolved and probed their hosts, and requests wait.
pub(super) const PATIENCE: u32 = 3;
/// No number is beyond it; one that is was not written by a VM of ours.
const LAST_NUMBER: u64 = u64::MAX / 4;

/// Numbers of a store, which change when decisions become old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) store: Name,
    pub(super) version: u64,
    pub(super) decisions: u64,
    pub(super) policies: Name,
    /// The last epoch that is everybody's.
    pub(super) epoch: u64,
}

impl Head {
    /// Whether this was said of the same store at an earlier time.
    pub(super) fn is_older_than(&self, known: &Self) -> bool {
        let earlier = self.version < known.version || self.decisions < known.decisions;
        self.store == known.store && earlier
    }

    /// Whether decisions made under the other may still be used.
    pub(super) fn decides_like(&self, other: &Self) -> bool {
        let facts = |head: &Self| (head.store, head.decisions, head.policies, head.epoch);
        facts(self) == facts(other)
    }
}

/// What can be read beside the record: a snapshot in chunks, and changes in the order in which
/// they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// The line of changes; another one begins with every snapshot of the feed.
    pub(super) line: u64,
    /// The last change, and the poll that brought it.
    pub(super) last: u64,
    pub(super) poll: u64,
    /// The last change that is in the snapshot, and the poll that wrote it.
    pub(super) base: u64,
    pub(super) base_poll: u64,
    /// How many chunks the snapshot has, and the one before it.
    pub(super) chunks: u32,
    pub(super) earlier_chunks: u32,
    /// In which of two places the snapshot is.
    pub(super) side: u8,
    /// How many bytes of changes have come since.
    pub(super) bytes: u32,
    pub(super) head: Head,
}

/// State of polling one feed. Polls are numbered from 1, by the leases they are made under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The last lease that was granted, and until when it is.
    granted: u64,
    lease_until: Timestamp,
    /// When the last poll began.
    polled_at: Timestamp,
    /// When the last one began that was answered well, to its end.
    pub(super) good_at: Timestamp,
    /// Polls that have failed in a row.
    pub(super) failures: u32,
    /// Nothing before the first good poll.
    pub(super) log: Option<Log>,
    /// Where the feed goes on.
    pub(super) place: Box<str>,
}

impl Record {
    /// Whether somebody should poll now.
    pub(super) fn is_due(&self, interval: Duration, now: Timestamp) -> bool {
        let held = now < self.lease_until && self.lease_until <= now.after(LONGEST_LEASE);
        let excused = if self.log.is_none() { PATIENCE } else { 0 };
        let failures = self.failures.saturating_sub(excused);
        let pause = interval.saturating_mul(1 << failures.min(4));
        let pause = pause.min(LONGEST_PAUSE.max(interval));
        let early = self.polled_at <= now && now < self.polled_at.after(pause);
        !held && !early
    }

    /// Takes the lease, if somebody should poll now; its number.
    pub(super) fn claim(
        &mut self,
        interval: Duration,
        lease: Duration,
        now: Timestamp,
    ) -> Option<u64> {
        if !self.is_due(interval, now) {
            return None;
        }
        self.granted = self.granted.saturating_add(1);
        self.lease_until = now.after(lease.min(LONGEST_LEASE));
        self.polled_at = now;
        Some(self.granted)
    }

    /// Keeps the lease for another call; false when it is somebody else's by now.
    pub(super) fn extend(&mut self, poll: u64, lease: Duration, now: Timestamp) -> bool {
        let held = self.is_held_by(poll);
        if held {
            self.lease_until = now.after(lease.min(LONGEST_LEASE));
        }
        held
    }

    /// Whether this poll's lease has not gone to another.
    pub(super) const fn is_held_by(&self, poll: u64) -> bool {
        self.granted == poll
    }

    /// A poll that began at `asked_at` has brought all there is.
    pub(super) fn succeeded(
        &mut self,
        poll: u64,
        asked_at: Timestamp,
        log: Log,
        place: &str,
    ) -> bool {
        let held = self.end(poll);
        if held {
            self.failures = 0;
            self.good_at = asked_at;
            self.log = Some(log);
            self.place = place.into();
        }
        held
    }

    /// A poll has brought nothing that can be used.
    pub(super) fn failed(&mut self, poll: u64) -> bool {
        let held = self.end(poll);
        if held {
            self.failures = self.failures.saturating_add(1);
        }
        held
    }

    /// A poll has ended, and what it brought is of no use any more; that is nobody's failure.
    pub(super) fn given_back(&mut self, poll: u64) -> bool {
        self.end(poll)
    }

    fn end(&mut self, poll: u64) -> bool {
        let held = self.is_held_by(poll);
        if held {
            self.lease_until = Timestamp::default();
        }
        held
    }

    /// The record as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        let times = [self.lease_until, self.polled_at, self.good_at].map(Timestamp::as_millis);
        for number in [self.granted].into_iter().chain(times) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.failures.to_le_bytes());
        if let Some(log) = &self.log {
            log.encode(&mut bytes);
            bytes.extend(self.place.as_bytes());
        }
        bytes
    }

    /// Reads a record; one that no VM would have written is a fresh one.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let mut number = || take(&mut rest).map(u64::from_le_bytes);
        let granted = number()?;
        let mut time = || number().map(Timestamp::from_millis);
        let (lease_until, polled_at, good_at) = (time()?, time()?, time()?);
        let failures = take(&mut rest).map(u32::from_le_bytes)?;
        let log = if rest.is_empty() { None } else { Some(Log::decode(&mut rest)?) };
        let place = std::str::from_utf8(rest).ok()?.into();
        let record = Self { granted, lease_until, polled_at, good_at, failures, log, place };
        (granted <= LAST_NUMBER && rest.len() <= MAX_PLACE).then_some(record)
    }
}

impl Log {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let Head { store, version, decisions, policies, epoch } = &self.head;
        for number in [self.line, self.last, self.poll, self.base, self.base_poll] {
            bytes.extend(number.to_le_bytes());
        }
        for number in [self.chunks, self.earlier_chunks, self.side.into(), self.bytes] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(store);
        bytes.extend(policies);
        for number in [*version, *decisions, *epoch] {
            bytes.extend(number.to_le_bytes());
        }
    }

    fn decode(rest: &mut &[u8]) -> Option<Self> {
        let mut number = || take(rest).map(u64::from_le_bytes);
        let (line, last, poll) = (number()?, number()?, number()?);
        let (base, base_poll) = (number()?, number()?);
        let mut small = || take(rest).map(u32::from_le_bytes);
        let (chunks, earlier_chunks, side, bytes) = (small()?, small()?, small()?, small()?);
        let (store, policies) = (take(rest)?, take(rest)?);
        let mut number = || take(rest).map(u64::from_le_bytes);
        let (version, decisions, epoch) = (number()?, number()?, number()?);
        let head = Head { store, version, decisions, policies, epoch };
        let side = u8::try_from(side & 1).ok()?;
        let log =
            Self { line, last, poll, base, base_poll, chunks, earlier_chunks, side, bytes, head };
        let orderly = base <= last && last <= LAST_NUMBER && line <= LAST_NUMBER;
        (orderly && chunks.max(earlier_chunks) <= MAX_CHUNKS).then_some(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(400);
    const LEASE: Duration = Duration::from_secs(2);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    fn claim(record: &mut Record, millis: u64) -> Option<u64> {
        record.claim(INTERVAL, LEASE, at(millis))
    }

    #[test]
    fn one_polls_at_a_time_and_one_interval_apart() {
        let mut record = Record::default();
        assert_eq!(claim(&mut record, 0), Some(1));
        assert_eq!(claim(&mut record, 1_999), None, "while it is out");
        assert!(record.succeeded(1, at(0), Log::default(), "p"));
        assert_eq!(claim(&mut record, 399), None);
        assert_eq!(claim(&mut record, 400), Some(2));
        assert_eq!(claim(&mut record, 2_400), Some(3), "its holder is gone");
        assert!(!record.succeeded(2, at(400), Log::default(), "late"));
        assert!(!record.failed(2) && !record.extend(2, LEASE, at(2_400)));
        assert!(record.extend(3, LEASE, at(3_000)));
        assert_eq!((claim(&mut record, 4_999), claim(&mut record, 5_000)), (None, Some(4)));
    }

    #[test]
    fn failures_are_pauses_that_end() {
        let mut record = Record::default();
        let mut began = 0;
        for pause in [400, 800, 1_600, 2_000, 2_000] {
            let poll = claim(&mut record, began).unwrap();
            let pause = pause * u64::from(record.failures > 0);
            assert!(record.failed(poll), "{pause}");
            began += 3_000;
        }
        let poll = claim(&mut record, began).unwrap();
        record.failed(poll);
        assert_eq!(claim(&mut record, began + 1_999), None);
        let poll = claim(&mut record, began + 2_000).unwrap();
        assert!(record.succeeded(poll, at(began + 2_000), Log::default(), "p"));
        assert!(claim(&mut record, began + 2_400).is_some());
    }

    #[test]
    fn times_that_no_vm_would_have_written_stop_nobody() {
        let mut record = Record { lease_until: at(1 << 40), ..Record::default() };
        assert!(claim(&mut record, 0).is_some());
        let mut record = Record { polled_at: at(1 << 40), ..Record::default() };
        assert!(claim(&mut record, 0).is_some());
    }

    #[test]
    fn records_read_as_they_were_written_and_anything_else_is_a_fresh_one() {
        let head = Head { version: 9, store: [7; 16], ..Head::default() };
        let log = Log { line: 5, last: 4, base: 3, side: 1, head, ..Log::default() };
        let mut record = Record::default();
        for written in [0, 1] {
            assert_eq!(Record::decode(&record.encode()), record, "{written}");
            let poll = claim(&mut record, written * 1_000).unwrap();
            assert!(record.succeeded(poll, at(0), log, "store.1.2"));
        }
        let bytes = record.encode();
        for garbage in [&b""[..], b"garbage", &[0xff; 300], &[1; 300], &bytes[..60]] {
            assert_eq!(Record::decode(garbage), Record::default());
        }
        let long = [&bytes[..], &[b'x'; MAX_PLACE]].concat();
        assert_eq!(Record::decode(&long), Record::default());
    }
}
