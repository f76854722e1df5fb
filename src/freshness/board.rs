//! Where the VMs of a process meet over one feed: its [`Record`], a snapshot in chunks, and a ring
//! of changes, all in shared data.
//!
//! Keys of shared data can be emptied and never removed, so there is a fixed number of them: two
//! sides for snapshots, so that one can be read while the next is written, and [`RING`] changes.
//! A host that will not store leaves each VM with a record of its own, which the board then keeps.

use sha2::{Digest as _, Sha256};

use super::name::Name;
use super::news::{self, Label, News};
use super::record::{Log, Record};
use super::table::{Mark, Table};
use crate::shared_data::{ABSENT, ANY, SharedData, Stored};

/// How often a change is tried while others change the same record.
const TRIES: usize = 16;
/// How many changes are kept.
const RING: u64 = 256;
/// After how many changes, or bytes of them, a snapshot is written.
const SNAPSHOT_AFTER: u64 = 128;
const SNAPSHOT_AFTER_BYTES: u32 = 1024 * 1024;
/// How many changes before a snapshot are kept for those that are a little behind.
const KEPT_BEFORE: u64 = 32;
/// Revocations in one chunk, and in one change.
const CHUNK: usize = 2_000;

/// Record, snapshot and changes of one feed.
#[derive(Debug)]
pub(super) struct Board {
    key: String,
    /// As it was when last seen; on a host without shared data, the record itself.
    record: Record,
}

/// What a snapshot is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) line: u64,
    pub(super) poll: u64,
    side: u8,
    pub(super) chunks: u32,
}

impl From<&Log> for Snapshot {
    fn from(log: &Log) -> Self {
        Self { line: log.line, poll: log.base_poll, side: log.side, chunks: log.chunks }
    }
}

impl Board {
    /// The board of the feed that these parts name.
    pub(super) fn of(source: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in source {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name: String =
            hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { key: format!("claimgate.state.{name}"), record: Record::default() }
    }

    /// The record as it was last seen.
    pub(super) const fn seen(&self) -> &Record {
        &self.record
    }

    /// The record as it is now.
    pub(super) fn look(&mut self, data: &dyn SharedData) {
        if let Some((bytes, _)) = data.load(&self.key) {
            self.record = Record::decode(&bytes);
        }
    }

    /// Changes the record, unless `change` says no; false when it did, or when others were faster
    /// every time.
    pub(super) fn amend(
        &mut self,
        data: &dyn SharedData,
        change: &mut dyn FnMut(&mut Record) -> bool,
    ) -> bool {
        for attempt in 0..TRIES {
            let loaded = data.load(&self.key);
            if let Some((bytes, _)) = &loaded {
                self.record = Record::decode(bytes);
            }
            let mut record = self.record.clone();
            if !change(&mut record) {
                return false;
            }
            // A host that takes no number for an absent key takes none at all.
            let absent = if attempt == 0 { ABSENT } else { ANY };
            let cas = loaded.map_or(absent, |(_, cas)| cas);
            if data.store(&self.key, &record.encode(), cas) != Stored::Raced {
                self.record = record;
                return true;
            }
        }
        false
    }

    /// The change with this number, where it lies.
    pub(super) fn change(&self, number: u64, data: &dyn SharedData) -> Option<(Label, News)> {
        let (bytes, _) = data.load(&self.change_key(number))?;
        news::decode(&bytes).filter(|(label, _)| label.number == number)
    }

    /// A chunk of a snapshot.
    pub(super) fn chunk(
        &self,
        snapshot: Snapshot,
        number: u32,
        data: &dyn SharedData,
    ) -> Option<News> {
        let (bytes, _) = data.load(&self.chunk_key(snapshot.side, number))?;
        let (label, news) = news::decode(&bytes)?;
        (label == chunk_label(snapshot.line, snapshot.poll, number)).then_some(news)
    }

    /// Writes what follows what `log` has, and adds it there: in several changes where it is long.
    pub(super) fn write_changes(
        &self,
        poll: u64,
        news: &News,
        log: &mut Log,
        data: &dyn SharedData,
    ) {
        let (mut revocations, mut epochs) =
            (news.revocations.chunks(CHUNK), news.epochs.chunks(CHUNK));
        loop {
            let (revocations, epochs) = (revocations.next(), epochs.next());
            if revocations.is_none() && epochs.is_none() {
                return;
            }
            let label = Label { line: log.line, number: log.last + 1, poll, follows: log.poll };
            let bytes =
                news::encode(label, revocations.unwrap_or_default(), epochs.unwrap_or_default());
            data.store(&self.change_key(label.number), &bytes, ANY);
            let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            (log.last, log.poll, log.bytes) = (label.number, poll, log.bytes.saturating_add(size));
        }
    }

    /// Writes a snapshot that has all that `log` has, and adds it there.
    pub(super) fn write_snapshot(
        &self,
        poll: u64,
        table: &Table,
        log: &mut Log,
        data: &dyn SharedData,
    ) {
        let side = 1 - log.side.min(1);
        let mut entries = table.entries();
        let mut chunks = 0;
        loop {
            let chunk: Vec<(Name, Mark)> = entries.by_ref().take(CHUNK).copied().collect();
            if chunk.is_empty() {
                break;
            }
            let bytes = news::encode(chunk_label(log.line, poll, chunks), &chunk, &[]);
            data.store(&self.chunk_key(side, chunks), &bytes, ANY);
            chunks += 1;
        }
        (chunks..log.earlier_chunks).for_each(|number| empty(&self.chunk_key(side, number), data));
        self.empty_changes(log, data);
        (log.earlier_chunks, log.chunks, log.side) = (log.chunks, chunks, side);
        (log.base, log.base_poll, log.bytes) = (log.last, poll, 0);
    }

    /// Empties what nobody needs who reads from the new snapshot, or is only a little behind.
    fn empty_changes(&self, log: &Log, data: &dyn SharedData) {
        let from = log.base.saturating_sub(KEPT_BEFORE) + 1;
        let to = log.last.saturating_sub(KEPT_BEFORE);
        // Never more than the whole ring, whatever the record says.
        for number in from.max(to.saturating_sub(RING))..=to {
            empty(&self.change_key(number), data);
        }
    }

    fn change_key(&self, number: u64) -> String {
        format!("{}.c{}", self.key, number % RING)
    }

    fn chunk_key(&self, side: u8, number: u32) -> String {
        format!("{}.s{side}.{number}", self.key)
    }

    #[cfg(test)]
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl Log {
    /// Whether it is time for a snapshot.
    pub(super) const fn is_long(&self) -> bool {
        self.last - self.base >= SNAPSHOT_AFTER || self.bytes >= SNAPSHOT_AFTER_BYTES
    }
}

fn empty(key: &str, data: &dyn SharedData) {
    data.store(key, &[], ANY);
}

fn chunk_label(line: u64, poll: u64, number: u32) -> Label {
    Label { line, number: number.into(), poll, follows: 0 }
}
