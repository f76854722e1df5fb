//! Streams that last, and the tokens they were let through with: when such a token ends, so does the
//! stream, after a grace period.
//!
//! Bounded: one more than fit is refused, because nobody could say when it has to end. Looked through
//! in turns of bounded length.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;
use std::time::Duration;

use super::StreamId;
use crate::authn::VerifiedToken;
use crate::time::Timestamp;

/// Most streams of one VM that are watched. Each costs about 64 bytes and holds its token.
const MAX_STREAMS: usize = 65_536;
/// How many are looked at in one turn.
const TURN: usize = 16_384;

/// Why a stream has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its token has expired.
    Expired,
    /// Its token has been revoked.
    Revoked,
}

impl End {
    /// Name of the counter.
    pub const fn counter(self) -> &'static str {
        match self {
            Self::Expired => "streams_ended.expired",
            Self::Revoked => "streams_ended.revoked",
        }
    }
}

/// What a stream has to end with.
#[derive(Debug)]
pub struct Watch {
    /// The token it was let through with.
    pub token: Rc<VerifiedToken>,
    /// How much longer it may last.
    pub grace: Duration,
}

#[derive(Debug)]
struct Live {
    watch: Watch,
    /// When its token was first seen to be revoked.
    revoked_at: Option<Timestamp>,
}

/// Streams that are watched.
#[derive(Debug, Default)]
pub(super) struct LiveStreams {
    streams: BTreeMap<StreamId, Live>,
    /// The last one that was looked at.
    last: StreamId,
}

impl LiveStreams {
    /// Watches a stream; false when there is no room.
    pub(super) fn insert(&mut self, stream: StreamId, watch: Watch) -> bool {
        let room = self.streams.len() < MAX_STREAMS;
        if room {
            self.streams.insert(stream, Live { watch, revoked_at: None });
        }
        room
    }

    /// A stream has ended.
    pub(super) fn remove(&mut self, stream: StreamId) {
        if !self.streams.is_empty() {
            self.streams.remove(&stream);
        }
    }

    /// Streams that have to end now, as far as this turn sees. They are not watched any longer.
    pub(super) fn take_ended(
        &mut self,
        is_revoked: impl Fn(&VerifiedToken) -> bool,
        now: Timestamp,
    ) -> Vec<(StreamId, End)> {
        let mut ended = Vec::new();
        let later = self.streams.range_mut((Bound::Excluded(self.last), Bound::Unbounded));
        let mut last = 0;
        let mut seen = 0;
        for (stream, live) in later.take(TURN) {
            (last, seen) = (*stream, seen + 1);
            ended.extend(live.end(&is_revoked, now).map(|end| (*stream, end)));
        }
        // After the last one the first one follows.
        self.last = if seen < TURN { 0 } else { last };
        for (stream, _) in &ended {
            self.streams.remove(stream);
        }
        ended
    }
}

impl Live {
    fn end(&mut self, is_revoked: impl Fn(&VerifiedToken) -> bool, now: Timestamp) -> Option<End> {
        let Watch { token, grace } = &self.watch;
        if now >= token.expires_at().after(*grace) {
            return Some(End::Expired);
        }
        // What is taken back in time ends nothing.
        self.revoked_at = is_revoked(token).then(|| self.revoked_at.map_or(now, |at| at.min(now)));
        (now >= self.revoked_at?.after(*grace)).then_some(End::Revoked)
    }
}
