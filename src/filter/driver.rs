//! Performs steps. One driver per configuration, shared by its root and its streams: whichever of
//! them the host calls, a step is performed the same way.
//!
//! Order matters at the host: headers are changed first, and resuming comes last, because after
//! that the request's headers are out of reach.

mod decisions;
mod keys;
mod state;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::answer::Reply;
use super::counters::{count, count_named};
use super::host::{self, Level, Map};
use crate::authn::{JWKS_MAX_DOCUMENT, Thumbprint};
use crate::authz::MAX_ANSWER;
use crate::engine::{Engine, FlightId, StreamId};
use crate::freshness;
use crate::pipeline::Step;
use crate::policy::{Policy, ProviderId};
use crate::reply::Rejection;
use crate::request::RequestHead;
use crate::telemetry::{Account, FILTER_STATE};
use crate::time::Timestamp;

/// What has become of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It waits.
    Undecided,
    /// It may go on.
    Passed,
    /// It has been answered, and must not be answered or go on again.
    Answered,
}

/// Whom a callout was made for.
enum Errand {
    Keys(ProviderId),
    Feed,
    Decision(FlightId),
}

/// One configuration at work in one VM.
pub(super) struct Driver {
    engine: RefCell<Engine>,
    errands: RefCell<HashMap<u32, Errand>>,
    /// What became of streams that waited.
    settled: RefCell<HashMap<StreamId, Fate>>,
    /// No warning about a single request before this.
    quiet_until: Cell<Timestamp>,
    /// Knocked on by streams so that the root makes a call: a call made by a stream is lost with
    /// it, and keys are fetched for everybody.
    queue: Option<u32>,
    /// How often the root is ticked.
    pace: Cell<Duration>,
    /// When it last looked after its keys.
    keys_at: Cell<Timestamp>,
    /// The stream whose callback runs; none while the root's does. A call belongs to it.
    running: Cell<Option<StreamId>>,
    /// What was last said of each decision point's breaker.
    open: RefCell<Vec<Option<bool>>>,
}

impl Driver {
    pub(super) fn new(engine: Engine, queue: Option<u32>) -> Self {
        Self {
            engine: RefCell::new(engine),
            errands: RefCell::default(),
            settled: RefCell::default(),
            quiet_until: Cell::default(),
            queue,
            pace: Cell::new(TICK),
            keys_at: Cell::default(),
            running: Cell::default(),
            open: RefCell::default(),
        }
    }

    /// A request's head is here.
    pub(super) fn request(&self, stream: StreamId) -> Fate {
        self.running.set(Some(stream));
        let mut engine = self.engine.borrow_mut();
        let policy = engine.policy();
        let (own, reads) = (&policy.own_headers, &policy.reads);
        let head = host::headers(Map::Request);
        let head = head.and_then(|raw| RequestHead::parse(raw, own, reads));
        let step = match head {
            Some(head) if hide_token(policy, &head) => engine.request(stream, head, host::now()),
            Some(_) | None => Step::Reply(Rejection::Internal, Box::default()),
        };
        drop(engine);
        self.perform(stream, step)
    }

    /// What has become of a stream that waited.
    pub(super) fn fate(&self, stream: StreamId) -> Fate {
        self.settled.borrow().get(&stream).copied().unwrap_or(Fate::Undecided)
    }

    /// Removes what is ours from a request's trailers. False when that cannot be done: the
    /// request, decided or not, is then answered and must not go on.
    pub(super) fn strip_trailers(&self, stream: StreamId) -> bool {
        let raw = host::headers(Map::RequestTrailers);
        let names = raw.and_then(|raw| self.engine.borrow().policy().own_headers.spelt_in(&raw));
        if names.is_some_and(|names| names.iter().all(|name| host::remove_trailer(name))) {
            return true;
        }
        self.forget(stream);
        self.settled
            .borrow_mut()
            .insert(stream, self.refuse(&Rejection::Internal, &Account::default()));
        false
    }

    /// A stream has ended.
    pub(super) fn forget(&self, stream: StreamId) {
        let mut settled = self.settled.borrow_mut();
        if !settled.is_empty() {
            settled.remove(&stream);
        }
        drop(settled);
        let lost = self.engine.borrow_mut().forget(stream);
        if let Some(flight) = lost {
            self.give_up_call(flight);
            self.knock();
        }
    }

    /// Performs a step in the context of its stream.
    fn perform(&self, stream: StreamId, step: Step) -> Fate {
        self.knock();
        match step {
            Step::Forward(mutations, passed, account, _) => {
                if !host::apply(&mutations) {
                    return self.refuse(&Rejection::Internal, &account.unwrap_or_default());
                }
                count(passed.outcome());
                if let Some(account) = account {
                    tell(&account, passed.outcome(), "");
                }
                Fate::Passed
            }
            Step::Reply(rejection, account) => self.refuse(&rejection, &account),
            Step::Serve(reply) => {
                count("metadata");
                host::reply(&reply);
                Fate::Answered
            }
            Step::AwaitKeys(_) | Step::AwaitState => {
                // Should the queue fail, the next tick does the same a little later.
                self.queue.map(host::enqueue);
                Fate::Undecided
            }
            Step::AskCertificate => {
                let certificate = host::client_certificate();
                let certificate = certificate.and_then(|hex| Thumbprint::from_hex(&hex));
                let step = self.engine.borrow_mut().certificate(stream, certificate, host::now());
                self.perform(stream, step)
            }
            Step::AskAddress => {
                let address =
                    host::client_address().and_then(|text| text.parse::<SocketAddr>().ok());
                let address = address.map(|address| address.ip());
                let step = self.engine.borrow_mut().address(stream, address, host::now());
                self.perform(stream, step)
            }
            Step::Ask(flight, _) => self.ask(stream, flight),
            Step::AwaitAnswer | Step::Ignore => Fate::Undecided,
        }
    }

    fn refuse(&self, rejection: &Rejection, account: &Account) -> Fate {
        count(rejection.outcome());
        tell(account, rejection.outcome(), rejection.reason());
        let reply = rejection.reply(&self.engine.borrow().policy().challenge(host::now()));
        let reply = if host::speaks_grpc() { reply.for_grpc() } else { reply };
        let level = if reply.status >= 500 { self.warning_level() } else { Level::Debug };
        host::log(level, &format!("{} {}", reply.status, reply.details));
        host::reply(&reply);
        Fate::Answered
    }

    /// A warning, but one a second: an outage is one event, not one for each request. The
    /// counters and the access log have them all.
    fn warning_level(&self) -> Level {
        let now = host::now();
        if now < self.quiet_until.get() {
            return Level::Debug;
        }
        self.quiet_until.set(now.after(Duration::from_secs(1)));
        Level::Warn
    }

    /// A callout has been answered, in the callback of this stream or of the root: whoever made it.
    pub(super) fn answered(&self, by: Option<StreamId>, token: u32, headers: usize) {
        self.running.set(by);
        let Some(errand) = self.errands.borrow_mut().remove(&token) else { return };
        let longest = match errand {
            Errand::Keys(_) => JWKS_MAX_DOCUMENT,
            Errand::Feed => freshness::MAX_DOCUMENT,
            Errand::Decision(_) => MAX_ANSWER,
        };
        let reply = Reply::read(headers, longest);
        match errand {
            Errand::Keys(provider) => self.keys(provider, reply.as_ref()),
            Errand::Feed => self.feed(reply.as_ref()),
            Errand::Decision(flight) => self.decision(flight, reply.as_ref()),
        }
    }

    /// Performs a step for a stream that was held.
    fn resume(&self, stream: StreamId, step: Step) {
        if matches!(step, Step::Ignore) || !host::enter(stream) {
            self.forget(stream);
            return;
        }
        let fate = self.perform(stream, step);
        self.settled.borrow_mut().insert(stream, fate);
        if fate == Fate::Passed {
            host::resume();
        }
    }
}

/// Tells the access log how a request was decided, and counts why.
fn tell(account: &Account, outcome: &str, reason: &str) {
    if !reason.is_empty() {
        count_named(&format!("{outcome}.{reason}"));
    }
    if account.would_deny {
        count("would_deny");
    }
    host::set_filter_state(FILTER_STATE, &account.line(outcome, reason));
}

/// Takes a token out of the path, before anything that could end in a log; false when it could
/// not be done.
fn hide_token(policy: &Policy, head: &RequestHead) -> bool {
    policy.places.scrubbed_path(head).is_none_or(|path| host::set_path(&path))
}

/// Shared by a root and its streams.
pub(super) type SharedDriver = Rc<Driver>;

/// How often the root looks after its keys.
pub(super) const TICK: Duration = Duration::from_millis(500);
