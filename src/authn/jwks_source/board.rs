//! Where the VMs of a process meet over one source: its [`Ledger`] and the last good document,
//! both in shared data.
//!
//! A host that will not store leaves each VM with a ledger of its own, which the board then keeps.
//! A document is never replaced by an older one, whoever is late.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::ledger::Ledger;
use crate::shared_data::{ABSENT, ANY, SharedData, Stored, take};
use crate::time::Timestamp;

/// How often a change is tried while others change the same record. Each try that fails is
/// somebody else's that did not, so there are about as many as workers.
const TRIES: usize = 16;
const EDITION_VERSION: u8 = 1;
const NO_MAX_AGE: u64 = u64::MAX;
/// No document has a number beyond it; one that says so was not written by a VM of ours.
const LAST_NUMBER: u64 = u64::MAX / 4;

/// Ledger and document of one source.
#[derive(Debug)]
pub(super) struct Board {
    ledger_key: String,
    edition_key: String,
    /// As it was when last seen; on a host without shared data, the record itself.
    ledger: Ledger,
}

/// A document and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edition {
    /// Number of the fetch that brought it.
    pub(super) number: u64,
    pub(super) fetched_at: Timestamp,
    /// As the answer said.
    pub(super) max_age: Option<Duration>,
    /// Which part of its lifetime passes before it is fetched again, in percent.
    pub(super) early: u8,
    pub(super) document: Vec<u8>,
}

impl Board {
    /// The board of the source that these parts name.
    pub(super) fn of(source: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in source {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let name: String =
            hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self {
            ledger_key: format!("claimgate.keys.{name}"),
            edition_key: format!("claimgate.keys.{name}.document"),
            ledger: Ledger::default(),
        }
    }

    /// The names of both in shared data.
    #[cfg(test)]
    pub(super) fn keys(&self) -> [&str; 2] {
        [&self.ledger_key, &self.edition_key]
    }

    /// The ledger as it was last seen.
    pub(super) const fn seen(&self) -> &Ledger {
        &self.ledger
    }

    /// The ledger as it is now.
    pub(super) fn look(&mut self, data: &dyn SharedData) -> &Ledger {
        if let Some((bytes, _)) = data.load(&self.ledger_key) {
            self.ledger = Ledger::decode(&bytes);
        }
        &self.ledger
    }

    /// Changes the ledger; `None` when others were faster every time.
    pub(super) fn amend<T>(
        &mut self,
        data: &dyn SharedData,
        change: impl Fn(&mut Ledger) -> T,
    ) -> Option<T> {
        for attempt in 0..TRIES {
            let loaded = data.load(&self.ledger_key);
            let mut ledger =
                loaded.as_ref().map_or(self.ledger, |(bytes, _)| Ledger::decode(bytes));
            let before = ledger;
            let outcome = change(&mut ledger);
            if ledger == before {
                self.ledger = ledger;
                return Some(outcome);
            }
            // A host that takes no number for an absent key takes none at all.
            let absent = if attempt == 0 { ABSENT } else { ANY };
            let cas = loaded.map_or(absent, |(_, cas)| cas);
            if data.store(&self.ledger_key, &ledger.encode(), cas) != Stored::Raced {
                self.ledger = ledger;
                return Some(outcome);
            }
        }
        None
    }

    /// The document that all share.
    pub(super) fn edition(&self, data: &dyn SharedData) -> Option<Edition> {
        Edition::decode(&data.load(&self.edition_key)?.0)
    }

    /// Shares a document, unless a newer one is there.
    pub(super) fn publish(&self, edition: &Edition, data: &dyn SharedData) {
        let bytes = edition.encode();
        for _ in 0..TRIES {
            let there = data.load(&self.edition_key);
            let newer = there.as_ref().and_then(|(bytes, _)| Edition::decode(bytes));
            if newer.is_some_and(|newer| newer.number >= edition.number) {
                return;
            }
            let cas = there.map_or(ABSENT, |(_, cas)| cas);
            if data.store(&self.edition_key, &bytes, cas) != Stored::Raced {
                return;
            }
        }
    }
}

impl Edition {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(26 + self.document.len());
        bytes.extend([EDITION_VERSION, self.early]);
        let max_age = self.max_age.map_or(NO_MAX_AGE, |age| age.as_secs());
        for number in [self.number, self.fetched_at.as_millis(), max_age] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(&self.document);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&[EDITION_VERSION])?;
        let [early] = take(&mut rest)?;
        let number = take(&mut rest).map(u64::from_le_bytes)?;
        let fetched_at = Timestamp::from_millis(take(&mut rest).map(u64::from_le_bytes)?);
        let max_age = take(&mut rest).map(u64::from_le_bytes)?;
        let max_age = (max_age != NO_MAX_AGE).then(|| Duration::from_secs(max_age));
        let edition = Self { number, fetched_at, max_age, early, document: rest.to_vec() };
        Some(edition).filter(|edition| edition.number <= LAST_NUMBER)
    }
}

#[cfg(test)]
mod tests;
