//! Revocations by name: until when each has to be remembered, and which tokens it is about.
//!
//! 256 short sorted lists: 24 bytes an entry, no hashing, growth in small steps, and one list at a
//! time can be freed of what has ended. It takes no more than [`MAX_REVOCATIONS`] and says so; it
//! never drops one that counts.

use super::name::Name;
use crate::time::Timestamp;

/// Most revocations that are kept.
pub const MAX_REVOCATIONS: usize = 200_000;

const LISTS: usize = 256;

/// How long a revocation counts, and for which tokens: whole seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Until when; 0 takes a revocation back.
    pub(super) until: u32,
    /// For tokens issued before this, and those that do not say when.
    pub(super) before: u32,
}

impl Mark {
    /// For all tokens of that name.
    pub(super) const ALL: u64 = u64::MAX;

    pub(super) fn new(until: u64, before: u64) -> Self {
        let seconds = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Self { until: seconds(until), before: seconds(before) }
    }

    /// Whether it is over; `grace` is for how long after its end a token may still be taken.
    fn has_ended(self, grace: u64, now: Timestamp) -> bool {
        // What ends beyond what can be written never ends.
        self.until < u32::MAX && Timestamp::from_secs(u64::from(self.until) + grace) <= now
    }

    fn covers(self, issued_at: Option<Timestamp>) -> bool {
        issued_at.is_none_or(|at| {
            self.before == u32::MAX || at < Timestamp::from_secs(self.before.into())
        })
    }
}

/// There is no room for another revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Revocations.
#[derive(Debug)]
pub(super) struct Table {
    lists: Vec<Vec<(Name, Mark)>>,
    len: usize,
    /// How long after their end entries stay, in seconds.
    grace: u64,
    /// The list that is looked through next.
    sweep: usize,
}

impl Table {
    /// None yet. Entries stay `grace` seconds longer than they say: an issuer's clock may differ.
    pub(super) fn new(grace: u64) -> Self {
        Self { lists: vec![Vec::new(); LISTS], len: 0, grace, sweep: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds, replaces or takes back a revocation.
    pub(super) fn apply(&mut self, name: Name, mark: Mark, now: Timestamp) -> Result<(), Full> {
        let ended = mark.until == 0 || mark.has_ended(self.grace, now);
        let full = self.len >= MAX_REVOCATIONS;
        let Some(list) = self.lists.get_mut(usize::from(first(&name))) else { return Ok(()) };
        match (list.binary_search_by(|(other, _)| other.cmp(&name)), ended) {
            (Ok(at), true) => {
                list.remove(at);
                self.len -= 1;
            }
            (Err(_), true) => {}
            (Ok(at), false) => {
                if let Some(entry) = list.get_mut(at) {
                    entry.1 = mark;
                }
            }
            (Err(_), false) if full => return Err(Full),
            (Err(at), false) => {
                list.insert(at, (name, mark));
                self.len += 1;
            }
        }
        Ok(())
    }

    /// Whether any of these names is revoked for a token of that time.
    pub(super) fn revokes(
        &self,
        names: &[Name],
        issued_at: impl FnOnce() -> Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let marks: Vec<Mark> = names.iter().filter_map(|name| self.find(name)).collect();
        if marks.is_empty() {
            return false;
        }
        let issued_at = issued_at();
        marks.iter().any(|mark| !mark.has_ended(self.grace, now) && mark.covers(issued_at))
    }

    fn find(&self, name: &Name) -> Option<Mark> {
        let list = self.lists.get(usize::from(first(name)))?;
        let at = list.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        list.get(at).map(|(_, mark)| *mark)
    }

    /// Frees one list of what has ended.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.sweep = (self.sweep + 1) % LISTS;
        let grace = self.grace;
        if let Some(list) = self.lists.get_mut(self.sweep) {
            let before = list.len();
            list.retain(|(_, mark)| !mark.has_ended(grace, now));
            self.len -= before - list.len();
        }
    }

    /// Whether this many more fit, once all that has ended is gone.
    pub(super) fn has_room_for(&mut self, more: usize, now: Timestamp) -> bool {
        let fits = |len: usize| len.saturating_add(more) <= MAX_REVOCATIONS;
        if !fits(self.len) {
            (0..LISTS).for_each(|_| self.sweep(now));
        }
        fits(self.len)
    }

    /// All of them, in an order of its own.
    pub(super) fn entries(&self) -> impl Iterator<Item = &(Name, Mark)> {
        self.lists.iter().flatten()
    }
}

const fn first(name: &Name) -> u8 {
    let [first, ..] = name;
    *first
}

#[cfg(test)]
mod tests {
    use super::super::name::{Kind, name};
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn named(value: usize) -> Name {
        name(Kind::Token, None, &value.to_string())
    }

    fn revokes(table: &Table, value: usize, issued_at: Option<u64>, now: Timestamp) -> bool {
        table.revokes(
            &[named(usize::MAX), named(value)],
            || issued_at.map(Timestamp::from_secs),
            now,
        )
    }

    #[test]
    fn a_revocation_counts_until_its_end_and_the_grace_after_it() {
        let mut table = Table::new(60);
        table.apply(named(1), Mark::new(1_010, Mark::ALL), NOW).unwrap();
        let at = Timestamp::from_secs;
        assert!(revokes(&table, 1, Some(999), NOW) && revokes(&table, 1, None, at(1_069)));
        assert!(!revokes(&table, 1, None, at(1_070)) && !revokes(&table, 2, None, NOW));
        (0..LISTS).for_each(|_| table.sweep(at(1_069)));
        assert_eq!(table.len(), 1);
        (0..LISTS).for_each(|_| table.sweep(at(1_070)));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn a_time_of_issue_is_compared_and_a_missing_one_counts_as_earlier() {
        let mut table = Table::new(0);
        table.apply(named(1), Mark::new(2_000, 900), NOW).unwrap();
        assert!(revokes(&table, 1, Some(899), NOW) && revokes(&table, 1, None, NOW));
        assert!(!revokes(&table, 1, Some(900), NOW));
        let half = || Some(Timestamp::from_millis(899_999));
        assert!(table.revokes(&[named(1)], half, NOW), "by a millisecond");
    }

    #[test]
    fn what_is_taken_back_is_gone_and_what_comes_again_replaces() {
        let mut table = Table::new(0);
        table.apply(named(1), Mark::new(2_000, 500), NOW).unwrap();
        table.apply(named(1), Mark::new(2_000, 900), NOW).unwrap();
        assert!(table.len() == 1 && revokes(&table, 1, Some(800), NOW));
        table.apply(named(1), Mark::new(0, 0), NOW).unwrap();
        table.apply(named(2), Mark::new(0, 0), NOW).unwrap();
        assert!(table.len() == 0 && !revokes(&table, 1, None, NOW));
        table.apply(named(3), Mark::new(999, Mark::ALL), NOW).unwrap();
        assert_eq!(table.len(), 0, "it was over when it came");
    }

    #[test]
    fn no_end_is_too_far_to_be_kept() {
        let mut table = Table::new(60);
        table.apply(named(1), Mark::new(u64::MAX, u64::MAX), NOW).unwrap();
        let far = Timestamp::from_secs(1 << 40);
        assert!(revokes(&table, 1, Some(1 << 39), far));
    }

    #[test]
    fn a_full_table_says_so_and_keeps_what_it_has() {
        let mut table = Table::new(0);
        for index in 0..MAX_REVOCATIONS {
            table.apply(named(index), Mark::new(1_500, Mark::ALL), NOW).unwrap();
        }
        assert_eq!(table.apply(named(MAX_REVOCATIONS), Mark::new(1_500, 0), NOW), Err(Full));
        table.apply(named(7), Mark::new(1_600, Mark::ALL), NOW).unwrap();
        assert!(table.len() == MAX_REVOCATIONS && revokes(&table, 5, None, NOW));
        assert!(!table.has_room_for(1, NOW));
        assert!(table.has_room_for(MAX_REVOCATIONS - 1, Timestamp::from_secs(1_500)));
        assert_eq!((table.len(), table.entries().count()), (1, 1));
    }
}
