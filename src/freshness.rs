//! What an authorization service says beside its decisions: which tokens are revoked, and which
//! decisions are old. Sans-IO: it says that a poll is due and is told how it ended.
//!
//! The VMs of a process poll together: whoever finds that a poll is due takes the lease on the
//! [`board::Board`], asks the feed for what is new, and writes that there. All of them look at the
//! board's small record with every tick and take over what they lack, in small steps. Who comes
//! later, after a new configuration or a trap, reads everything there.
//!
//! It must never forget a revocation that still counts: not while the feed is away, not while a
//! snapshot is on its way, not for want of room. What is known is never replaced by less before
//! all of it is there.

mod board;
mod copy;
mod document;
mod eras;
mod error;
mod name;
mod news;
mod poll;
mod polling;
mod record;
mod table;

use std::time::Duration;

use crate::authn::{Caller, ClaimPath, VerifiedToken};
use crate::authz::Stamp;
use crate::shared_data::SharedData;
use crate::time::Timestamp;
use board::Board;
use copy::{Copy, Progress};
use poll::Poll;
use record::{Head, Log, PATIENCE, Record};

pub use document::MAX_DOCUMENT;
pub use error::FeedError;
pub use name::Marks;
pub use table::MAX_REVOCATIONS;

/// How much longer than its time limit a call may be out before it counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(1);
/// How long requests wait for the first state, from the first of them.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How much longer a VM that serves requests leaves a poll to one that does not.
const COURTESY: Duration = Duration::from_millis(150);
/// Between two polls of a VM that asks for everything because it cannot read the board.
const ANEW_AFTER: Duration = Duration::from_secs(5);

/// What the configuration sets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What tells this feed from others: cluster, path, name of the credential.
    pub source: [Box<str>; 3],
    /// Path of the state document.
    pub path: Box<str>,
    /// How long one call may take.
    pub timeout: Duration,
    /// From one poll to the next.
    pub interval: Duration,
    /// How long the feed may be unreachable before what depends on it is undecided.
    pub max_age: Duration,
    /// How long after its end a revocation still counts: as long as a token may be taken after
    /// its own.
    pub grace: Duration,
    /// Claim that names a token's tenant.
    pub tenant: Option<ClaimPath>,
}

/// How a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known against it.
    Good,
    /// It is revoked.
    Revoked,
    /// Nothing is known against it, and it has been too long that anything could be.
    Stale,
    /// Nothing is known at all, and no word of it is on its way.
    Unknown,
    /// Nothing is known yet, and soon may be.
    Wait,
}

/// What an answer of the feed has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// No poll was out: it had been given up.
    Nothing,
    /// One more call, to this path.
    More(String),
    /// It has ended; [`Freshness::failures`] says how often in a row it has failed.
    Ended(Result<(), FeedError>),
}

/// How the feed is, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long ago what is known was true; `None` before anything is.
    pub age: Option<Duration>,
    /// How many revocations are known.
    pub revocations: usize,
    /// Whether the last poll was good and what is known may be used.
    pub healthy: bool,
}

/// One feed, as one VM knows it.
#[derive(Debug)]
pub struct Freshness {
    settings: Settings,
    board: Board,
    copy: Copy,
    head: Option<Head>,
    poll: Option<Poll>,
    /// When what is known was last known to be all there is.
    fresh_at: Timestamp,
    /// What the board said of that when it was last looked at.
    said_good_at: Timestamp,
    /// The board cannot be read; not before this is the feed asked for everything.
    lost: Option<Timestamp>,
    /// Since when requests wait.
    waited_since: Option<Timestamp>,
}

impl Freshness {
    /// Nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        let [cluster, path, credential] = &settings.source;
        // Who tolerates less forgets earlier, and must not have others forget.
        let grace = settings.grace.as_secs().to_string();
        let board = Board::of(&[cluster, path, credential, &grace]);
        let copy = Copy::new(settings.grace.as_secs());
        let never = Timestamp::default();
        Self {
            settings,
            board,
            copy,
            head: None,
            poll: None,
            fresh_at: never,
            said_good_at: never,
            lost: None,
            waited_since: None,
        }
    }

    /// How a token stands. Asked for every request.
    pub fn standing(
        &mut self,
        token: &VerifiedToken,
        data: &dyn SharedData,
        now: Timestamp,
    ) -> Standing {
        if self.copy.known.is_none() {
            // Perhaps another VM knows, and it is little.
            self.follow(data, now);
        }
        if self.copy.known.is_none() {
            return self.unknown(now);
        }
        match (self.is_revoked(token, now), self.is_stale(now)) {
            (true, _) => Standing::Revoked,
            (false, true) => Standing::Stale,
            (false, false) => Standing::Good,
        }
    }

    /// Whether a token is known to be revoked.
    pub fn is_revoked(&self, token: &VerifiedToken, now: Timestamp) -> bool {
        let marks = token.marks();
        if marks.checked() == self.copy.edition {
            return false;
        }
        let Some(known) = &self.copy.known else { return false };
        let names = marks.names(token, self.settings.tenant.as_ref());
        let revoked = known.table.revokes(&names.revocable, || token.issued_at(), now);
        if !revoked {
            marks.check(self.copy.edition);
        }
        revoked
    }

    fn unknown(&mut self, now: Timestamp) -> Standing {
        self.waited_since.get_or_insert(now);
        if self.is_settled(now) { Standing::Unknown } else { Standing::Wait }
    }

    /// Whether requests that wait for the first state need not wait any longer.
    pub fn is_settled(&self, now: Timestamp) -> bool {
        let record = self.board.seen();
        let failed = record.failures >= PATIENCE && record.log.is_none();
        let long = self.waited_since.is_some_and(|since| now.since(since) >= LONGEST_WAIT);
        self.copy.known.is_some() || failed || long
    }

    /// Whether it has been too long that anybody could say what changed.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.copy.known.is_none() || now.since(self.fresh_at) > self.settings.max_age
    }

    /// What a decision asked for now rests on.
    pub const fn stamp(&self) -> Stamp {
        Stamp::new(self.copy.eras.now())
    }

    /// Whether a decision about this caller still stands.
    pub fn is_current(&self, stamp: Stamp, caller: &Caller) -> bool {
        self.copy.eras.stands(stamp.era(), || {
            let token = caller.principal()?.token();
            Some(token.marks().names(token, self.settings.tenant.as_ref()))
        })
    }

    /// Whether anything is known.
    pub const fn is_known(&self) -> bool {
        self.copy.known.is_some()
    }

    /// Whether what the board has is still being read, or the first word of the feed awaited.
    pub fn is_loading(&self, now: Timestamp) -> bool {
        self.copy.is_loading() || !self.is_settled(now)
    }

    /// Polls that have failed in a row, whoever made them.
    pub const fn failures(&self) -> u32 {
        self.board.seen().failures
    }

    /// How it is.
    pub fn health(&self, now: Timestamp) -> Health {
        Health {
            age: self.is_known().then(|| now.since(self.fresh_at)),
            revocations: self.copy.known.as_ref().map_or(0, |known| known.table.len()),
            healthy: self.failures() == 0 && !self.is_stale(now),
        }
    }

    /// Takes over what others have brought, and perhaps begins a poll: its path. The caller makes
    /// the call and tells how it ended. `busy`: requests are served here, so that others had
    /// better poll.
    pub fn tick(&mut self, busy: bool, data: &dyn SharedData, now: Timestamp) -> Option<String> {
        // A clock that went back makes nothing fresher than now.
        self.fresh_at = self.fresh_at.min(now);
        if self.poll.as_ref().is_some_and(|poll| now >= poll.lost_at) {
            self.failed(data);
        }
        self.follow(data, now);
        if let Some(known) = &mut self.copy.known {
            known.table.sweep(now);
        }
        self.begin(busy, data, now)
    }

    fn follow(&mut self, data: &dyn SharedData, now: Timestamp) {
        self.board.look(data);
        let Record { log: Some(log), good_at, .. } = *self.board.seen() else { return };
        let older = self.head.is_some_and(|head| log.head.is_older_than(&head));
        let progress =
            if older { Progress::Lost } else { self.copy.follow(&log, &self.board, data, now) };
        match progress {
            Progress::There => self.there(&log, good_at, now),
            Progress::OnTheWay => {}
            Progress::Lost => self.lost = self.lost.or(Some(now)),
        }
    }

    /// What is known is all that `log` has, which was all there was at `good_at`.
    fn there(&mut self, log: &Log, good_at: Timestamp, now: Timestamp) {
        if self.said_good_at != good_at {
            self.said_good_at = good_at;
            self.fresh_at = good_at.min(now);
        }
        if !self.head.is_some_and(|head| head.decides_like(&log.head)) {
            self.copy.eras.begin();
        }
        (self.head, self.lost, self.waited_since) = (Some(log.head), None, None);
    }
}

#[cfg(test)]
mod tests;
