//! One VM's copy of what is revoked, brought up to what the board has in small steps.
//!
//! What it cannot follow it reads anew from the snapshot, beside the copy in use; that one counts
//! until the new one is complete.

use super::board::{Board, Snapshot};
use super::eras::Eras;
use super::news::News;
use super::record::Log;
use super::table::Table;
use crate::shared_data::SharedData;
use crate::time::Timestamp;

/// Entries that are applied at one time, and what looking for them counts as many of.
const STEP: usize = 2_000;
const LOOK: usize = 20;

/// How far a table has come: which change of which line it has, written by which poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    line: u64,
    number: u64,
    poll: u64,
}

impl From<&Log> for Reached {
    fn from(log: &Log) -> Self {
        Self { line: log.line, number: log.last, poll: log.poll }
    }
}

/// A table and how far it has come.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) table: Table,
    pub(super) reached: Reached,
}

/// What following the board has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The copy has all that the board has.
    There,
    /// Some of it; the next step goes on.
    OnTheWay,
    /// What the board says to have is not there. Only the feed can help.
    Lost,
}

/// The copy in use, and the one that may follow it.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) known: Option<Filled>,
    loading: Option<Loading>,
    /// How long revocations stay after their end, in seconds.
    grace: u64,
    /// Counts what revocations have been added, so that a token can be known to be good still.
    pub(super) edition: u64,
    pub(super) eras: Eras,
}

#[derive(Debug)]
struct Loading {
    from: Snapshot,
    next_chunk: u32,
    filled: Filled,
}

/// There is nothing there, or something else.
struct Missing;

impl Copy {
    pub(super) fn new(grace: u64) -> Self {
        Self { known: None, loading: None, grace, edition: 0, eras: Eras::default() }
    }

    /// An empty table of the same kind.
    pub(super) fn empty_table(&self) -> Table {
        Table::new(self.grace)
    }

    /// Whether another table is being filled.
    pub(super) const fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    pub(super) fn is_at(&self, log: &Log) -> bool {
        self.known.as_ref().is_some_and(|known| known.reached == Reached::from(log))
    }

    /// Takes one step towards what the board has.
    pub(super) fn follow(
        &mut self,
        log: &Log,
        board: &Board,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Progress {
        if self.is_at(log) {
            self.loading = None;
            return Progress::There;
        }
        let mut budget = STEP;
        if self.loading.is_none()
            && let Some(mut known) = self.known.take()
        {
            let caught_up = self.catch_up(&mut known, log, board, data, &mut budget, now);
            self.known = Some(known);
            if caught_up.is_ok() {
                return self.progress(log);
            }
        }
        self.load(log, board, data, &mut budget, now)
    }

    fn progress(&self, log: &Log) -> Progress {
        if self.is_at(log) { Progress::There } else { Progress::OnTheWay }
    }

    /// Applies the changes that a table lacks.
    fn catch_up(
        &mut self,
        filled: &mut Filled,
        log: &Log,
        board: &Board,
        data: &dyn SharedData,
        budget: &mut usize,
        now: Timestamp,
    ) -> Result<(), Missing> {
        let Reached { line, .. } = filled.reached;
        while filled.reached.number < log.last && *budget > 0 {
            let number = filled.reached.number + 1;
            let (label, news) = board.change(number, data).ok_or(Missing)?;
            if (label.line, label.follows) != (line, filled.reached.poll) {
                return Err(Missing);
            }
            *budget = budget.saturating_sub(LOOK + news.len());
            self.apply(&mut filled.table, &news, now)?;
            filled.reached = Reached { line, number, poll: label.poll };
        }
        let there = filled.reached == Reached::from(log);
        if there || filled.reached.number < log.last && line == log.line {
            return Ok(());
        }
        Err(Missing)
    }

    /// Takes news into a table.
    fn apply(&mut self, table: &mut Table, news: &News, now: Timestamp) -> Result<(), Missing> {
        if !table.has_room_for(news.revocations.len(), now) {
            return Err(Missing);
        }
        for (name, mark) in &news.revocations {
            table.apply(*name, *mark, now).map_err(|_| Missing)?;
        }
        for (name, is_tenant) in &news.epochs {
            self.eras.begin_for(*name, *is_tenant);
        }
        if !news.revocations.is_empty() {
            self.edition += 1;
        }
        Ok(())
    }

    /// Fills another table from the snapshot, and takes it when it is complete.
    fn load(
        &mut self,
        log: &Log,
        board: &Board,
        data: &dyn SharedData,
        budget: &mut usize,
        now: Timestamp,
    ) -> Progress {
        let from = Snapshot::from(log);
        let table = self.empty_table();
        let mut loading = match self.loading.take() {
            Some(loading) if loading.from.line == from.line => loading,
            _ => {
                let reached = Reached { line: log.line, number: log.base, poll: log.base_poll };
                Loading { from, next_chunk: 0, filled: Filled { table, reached } }
            }
        };
        if loading.fill(board, data, budget, now).is_err()
            || loading.is_full()
                && self.catch_up(&mut loading.filled, log, board, data, budget, now).is_err()
        {
            // Perhaps it was only overwritten by a newer one.
            return if loading.from == from { Progress::Lost } else { Progress::OnTheWay };
        }
        if loading.is_full() && loading.filled.reached == Reached::from(log) {
            self.replace(loading.filled);
            return Progress::There;
        }
        self.loading = Some(loading);
        Progress::OnTheWay
    }

    /// Uses another table from now on. What it was made from may say anything of anybody, so all
    /// that rested on the one before is looked at again.
    pub(super) fn replace(&mut self, filled: Filled) {
        self.known = Some(filled);
        self.loading = None;
        self.edition += 1;
        self.eras.begin();
    }

    /// Takes news that are on the board already.
    pub(super) fn take(&mut self, news: &News, log: &Log, now: Timestamp) {
        let Some(mut known) = self.known.take() else { return };
        // Room was looked for before they were written.
        let _ = self.apply(&mut known.table, news, now);
        known.reached = Reached::from(log);
        self.known = Some(known);
    }

    /// Takes news that are not on the board yet, so that a snapshot can be written that has them.
    pub(super) fn take_early(&mut self, news: &News, now: Timestamp) {
        let Some(mut known) = self.known.take() else { return };
        let _ = self.apply(&mut known.table, news, now);
        self.known = Some(known);
    }
}

impl Loading {
    const fn is_full(&self) -> bool {
        self.next_chunk >= self.from.chunks
    }

    fn fill(
        &mut self,
        board: &Board,
        data: &dyn SharedData,
        budget: &mut usize,
        now: Timestamp,
    ) -> Result<(), Missing> {
        while !self.is_full() && *budget > 0 {
            let news = board.chunk(self.from, self.next_chunk, data).ok_or(Missing)?;
            *budget = budget.saturating_sub(LOOK + news.len());
            for (name, mark) in &news.revocations {
                self.filled.table.apply(*name, *mark, now).map_err(|_| Missing)?;
            }
            self.next_chunk += 1;
        }
        Ok(())
    }
}
