//! Asks what is revoked and what is old, for everybody, and lets requests go on that waited to
//! know. Only in the root's context, and before any stream is entered, as for keys.

use std::time::Duration;

use super::{Driver, Errand, Reply};
use crate::filter::counters::{count, count_named, record};
use crate::filter::host::{self, Callout, Level};
use crate::freshness::{FeedError, Freshness, Polled};
use crate::policy::Endpoint;

/// How often the root looks for what is new where there is a feed, and while it lacks something.
const TICK: Duration = Duration::from_millis(100);
const TICK_WHILE_LOADING: Duration = Duration::from_millis(20);

impl Driver {
    /// Takes over what other VMs have heard, and asks the feed if that is due.
    pub(super) fn tend_feed(&self) {
        let path = self.engine.borrow_mut().tend_feed(host::now());
        if let Some(path) = path {
            count("freshness_polls");
            self.ask_feed(&path);
        }
    }

    /// Makes a call of a poll; a poll whose call the host refuses has failed.
    fn ask_feed(&self, path: &str) {
        let engine = self.engine.borrow();
        let token = engine.policy().freshness.as_ref().and_then(|feed| {
            let endpoint = &Endpoint { path: path.into(), ..feed.endpoint.clone() };
            let mut headers = vec![("accept", "application/json")];
            headers.extend(feed.credential.as_ref().map(|c| ("authorization", c.reveal())));
            let timeout = endpoint.timeout;
            host::call(Callout { endpoint, timeout, method: "GET", headers, body: None })
        });
        drop(engine);
        match token {
            Some(token) => {
                // What was out before will not be answered.
                let mut errands = self.errands.borrow_mut();
                errands.retain(|_, errand| !matches!(errand, Errand::Feed));
                errands.insert(token, Errand::Feed);
            }
            None => self.feed_said(Err(FeedError::Unreachable)),
        }
    }

    /// A call of a poll has been answered, or will not be.
    pub(super) fn feed(&self, reply: Option<&Reply>) {
        self.feed_said(match reply {
            None => Err(FeedError::Unreachable),
            Some(reply) if reply.status == 200 => Ok(&*reply.body),
            Some(reply) => Err(FeedError::Status(reply.status)),
        });
        self.release_waiting();
    }

    fn feed_said(&self, answer: Result<&[u8], FeedError>) {
        let polled = self.engine.borrow_mut().feed_answered(answer, host::now());
        match polled {
            Polled::Nothing => {}
            Polled::More(path) => self.ask_feed(&path),
            Polled::Ended(Ok(())) => count("freshness_polled"),
            Polled::Ended(Err(error)) => self.feed_failed(error),
        }
    }

    fn feed_failed(&self, error: FeedError) {
        count("freshness_failed");
        count_named(&format!("freshness.failed.{}", error.reason()));
        let failures = self.engine.borrow_mut().freshness().map_or(0, Freshness::failures);
        // An outage is one event, and worth a line again now and then.
        if failures % 64 == 1 {
            host::log(Level::Warn, &format!("freshness: the feed cannot be read: {error}"));
        }
    }

    /// Lets requests go on that need not wait for the first state any longer.
    pub(super) fn release_waiting(&self) {
        let released = self.engine.borrow_mut().released_by_feed(host::now());
        for stream in released {
            let step = self.engine.borrow_mut().state_settled(stream, host::now());
            self.resume(stream, step);
        }
    }

    /// Ends streams that have outlived their tokens. One that has ended meanwhile is no error.
    pub(super) fn end_streams(&self) {
        let ended = self.engine.borrow_mut().take_ended(host::now());
        for (stream, end) in ended {
            if host::enter(stream) {
                count(end.counter());
                host::reset();
            }
        }
    }

    /// How often to look; `None` where there is no feed.
    pub(super) fn feed_pace(&self) -> Option<Duration> {
        let mut engine = self.engine.borrow_mut();
        let loads = engine.freshness()?.is_loading(host::now());
        Some(if loads { TICK_WHILE_LOADING } else { TICK })
    }

    /// Says how the feed is.
    pub(super) fn report_feed(&self) {
        let mut engine = self.engine.borrow_mut();
        let Some(health) = engine.freshness().map(|feed| feed.health(host::now())) else { return };
        if let Some(age) = health.age {
            record("freshness.age_seconds", age.as_secs());
        }
        let revocations = u64::try_from(health.revocations).unwrap_or(u64::MAX);
        record("freshness.revocations", revocations);
        record("freshness.healthy", health.healthy.into());
    }
}
