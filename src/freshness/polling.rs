//! Asking the feed: who polls and when, and what becomes of the answer. One worker of a process polls
//! for all, under a lease of the [`super::board`]; what it brings is shared before it counts here.

use std::time::Duration;

use super::board::Board;
use super::copy::{Filled, Reached};
use super::poll::{Answered, Brought, Content, Poll};
use super::record::Log;
use super::{ANEW_AFTER, COURTESY, FeedError, Freshness, LOST_AFTER, Polled, news};
use crate::shared_data::SharedData;
use crate::time::Timestamp;

impl Freshness {
    pub(super) fn begin(
        &mut self,
        busy: bool,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Option<String> {
        let record = self.board.seen();
        let follows = record.log.as_ref().is_none_or(|log| self.copy.is_at(log));
        let anew = self.lost.is_some_and(|since| now >= since);
        if self.poll.is_some() || !(anew || follows && self.lost.is_none()) {
            return None;
        }
        let mut interval = self.settings.interval;
        if busy && self.is_known() {
            interval += COURTESY;
        }
        let lease = self.lease();
        let (followed, mut granted) = (record.log, None);
        let taken = self.board.amend(data, &mut |record| {
            // What another has brought since we looked is to be read first.
            let looked = anew || record.log == followed;
            granted = looked.then(|| record.claim(interval, lease, now)).flatten();
            granted.is_some()
        });
        let granted = granted.filter(|_| taken)?;
        let place = Some(&self.board.seen().place).filter(|place| !anew && !place.is_empty());
        let poll = Poll::new(granted, place.cloned(), self.head.unwrap_or_default());
        if anew {
            self.lost = Some(now.after(ANEW_AFTER));
        }
        Some(self.call(poll, now))
    }

    fn lease(&self) -> Duration {
        self.settings.timeout.saturating_add(LOST_AFTER)
    }

    /// The next call of a poll.
    fn call(&mut self, mut poll: Poll, now: Timestamp) -> String {
        poll.asked_at = now;
        poll.lost_at = now.after(self.lease());
        let path = poll.path(&self.settings.path);
        self.poll = Some(poll);
        path
    }

    /// The call that is out has been answered 200 with this document, or not.
    pub fn answered(
        &mut self,
        answer: Result<&[u8], FeedError>,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Polled {
        let Some(poll) = self.poll.take() else { return Polled::Nothing };
        let (number, lease) = (poll.number, self.lease());
        let answered = answer.and_then(|document| {
            poll.answered(document, self.head, || self.copy.empty_table(), now)
        });
        let ended = match answered {
            Ok(Answered::More(poll)) => {
                if self.board.amend(data, &mut |record| record.extend(number, lease, now)) {
                    return Polled::More(self.call(poll, now));
                }
                return Polled::Nothing;
            }
            Ok(Answered::Complete(brought)) => {
                self.board.look(data);
                if !self.may_share(&brought) {
                    self.board.amend(data, &mut |record| record.given_back(number));
                    return Polled::Nothing;
                }
                let known = self.board.seen().log;
                if known.is_some_and(|known| brought.head.is_older_than(&known.head)) {
                    Err(FeedError::Older)
                } else {
                    self.take(brought, data, now)
                }
            }
            Err(error) => Err(error),
        };
        if ended.is_err() {
            self.board.amend(data, &mut |record| record.failed(number));
        }
        Polled::Ended(ended)
    }

    /// Whether the lease is still held and the board is as it was when the poll began.
    fn may_share(&self, brought: &Brought) -> bool {
        let record = self.board.seen();
        let follows = match &brought.content {
            Content::Snapshot(_) => true,
            Content::News(_) => record.log.as_ref().is_some_and(|log| self.copy.is_at(log)),
        };
        follows && record.is_held_by(brought.number)
    }

    /// The poll that is out will not be answered.
    pub(super) fn failed(&mut self, data: &dyn SharedData) {
        if let Some(poll) = self.poll.take() {
            self.board.amend(data, &mut |record| record.failed(poll.number));
        }
    }

    /// Shares what a poll has brought, and takes it.
    fn take(
        &mut self,
        brought: Brought,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Result<(), FeedError> {
        let Brought { number, asked_at, place, head, content } = brought;
        let mut log = Log { head, ..self.board.seen().log.unwrap_or_default() };
        let share = |board: &mut Board, log: Log| {
            board.amend(data, &mut |record| record.succeeded(number, asked_at, log, &place))
        };
        match content {
            Content::Snapshot(table) => {
                let line = now.as_millis().max(log.line + 1);
                (log.line, log.last, log.poll, log.base) = (line, 0, number, 0);
                self.board.write_snapshot(number, &table, &mut log, data);
                if share(&mut self.board, log) {
                    self.copy.replace(Filled { table, reached: Reached::from(&log) });
                    self.there(&log, asked_at, now);
                }
            }
            Content::News(news) => {
                let added = news.revocations.len();
                let known = self.copy.known.as_mut();
                if !known.is_some_and(|known| known.table.has_room_for(added, now)) {
                    return Err(FeedError::TooMany);
                }
                self.board.write_changes(number, &news, &mut log, data);
                self.snapshot_if_long(number, &news, &mut log, data, now);
                if share(&mut self.board, log) {
                    self.copy.take(&news, &log, now);
                    self.there(&log, asked_at, now);
                }
            }
        }
        Ok(())
    }

    fn snapshot_if_long(
        &mut self,
        poll: u64,
        news: &news::News,
        log: &mut Log,
        data: &dyn SharedData,
        now: Timestamp,
    ) {
        if !log.is_long() {
            return;
        }
        // The same news again, later, change nothing.
        self.copy.take_early(news, now);
        if let Some(known) = &self.copy.known {
            self.board.write_snapshot(poll, &known.table, log, data);
        }
    }
}
