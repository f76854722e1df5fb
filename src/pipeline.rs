//! The life of one request: a state machine that is handed events and hands back steps.
//!
//! It performs nothing. A state is consumed by every step, so an old one cannot be used twice;
//! states are named for what they wait for, and [`Pipeline::Done`] absorbs everything, so a
//! request is answered at most once. Time and everything shared come in as arguments.

mod authenticate;
mod authorize;
mod consult;
mod decide;
mod possession;

use std::net::IpAddr;
use std::rc::Rc;

use crate::authn::{AuthnError, Caller, Thumbprint, find_token};
use crate::authz::{CheckError, Decision};
use crate::config::Token;
use crate::engine::{FlightId, Shared, Watch};
use crate::policy::{Matched, ProviderId, Route, ServiceId};
use crate::reply::{self, LocalReply, Rejection};
use crate::request::{RequestHead, canonical_path};
use crate::telemetry::Account;
use crate::time::Timestamp;
use crate::upstream::Mutations;

use authenticate::{Obstacle, authenticate};
use authorize::{answered, authorize};

/// Where a request is.
#[derive(Debug)]
pub enum Pipeline {
    /// Its head has not been seen.
    ExpectRequest,
    /// It needs keys that are being fetched.
    ExpectKeys(Box<ExpectKeys>),
    /// It needs to know what is revoked, and nobody here does yet.
    ExpectState(Box<Request>),
    /// It needs to know the client's certificate.
    ExpectCertificate(Box<Request>),
    /// It needs to know the client's address.
    ExpectAddress(Box<ExpectAddress>),
    /// It needs an answer of the decision point.
    ExpectDecision(Box<ExpectDecision>),
    /// It has been forwarded or answered. Absorbs every event.
    Done,
}

/// What happens to a request.
#[derive(Debug)]
pub enum Event {
    /// Its head is here.
    Request(RequestHead),
    /// A fetch of keys it waited for has ended, well or not.
    KeysChanged,
    /// It is known what is revoked, or nobody knows when it will be.
    StateSettled,
    /// The hash of the certificate that the client has shown, if it has.
    Certificate(Option<Thumbprint>),
    /// The client's address, if the host knows it.
    Address(Option<IpAddr>),
    /// What it asked has been decided, or will not be.
    Answer(Result<Rc<Decision>, CheckError>),
}

/// What is to be done for a request.
#[derive(Debug)]
pub enum Step {
    /// Change these headers and let it go on; tell the access log, where it is to be told, and watch
    /// the stream, where it has to end with its token.
    Forward(Mutations, Passed, Option<Box<Account>>, Option<Watch>),
    /// Answer it.
    Reply(Rejection, Box<Account>),
    /// Answer it with something that is for everybody.
    Serve(LocalReply),
    /// Hold it until a fetch of this provider's keys has ended.
    AwaitKeys(ProviderId),
    /// Hold it until it is known what is revoked, or that nobody knows.
    AwaitState,
    /// Find out the client's certificate, at once.
    AskCertificate,
    /// Find out the client's address, at once.
    AskAddress,
    /// Hold it and ask this: it is the first that wants to know.
    Ask(FlightId, Rc<[u8]>),
    /// Hold it until what another has asked is answered.
    AwaitAnswer,
    /// Nothing: it is done already.
    Ignore,
}

/// How a request passed, for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// By a rule.
    Permitted,
    /// By a rule, the failure mode standing in for an answer of the decision point.
    Assumed,
    /// By a rule, but without the roles that a header should carry.
    WithoutRoles,
    /// By a rule, the failure mode standing in for word of what is revoked.
    Unchecked,
    /// By no rule: a shadow covers it.
    Waived,
}

impl Passed {
    /// Stable name, for metrics and access logs.
    pub const fn outcome(self) -> &'static str {
        match self {
            Self::Permitted => "allowed",
            Self::Assumed => "allowed_assumed",
            Self::WithoutRoles => "allowed_without_roles",
            Self::Unchecked => "allowed_unchecked",
            Self::Waived => "waived",
        }
    }
}

/// What is kept of a request while it waits.
#[derive(Debug)]
pub struct Request {
    route: Rc<Route>,
    head: RequestHead,
    certificate: Fact<Thumbprint>,
    address: Fact<IpAddr>,
    /// Whether its token may have been revoked without our knowing.
    unchecked: bool,
}

/// What the host knows of the client, which few requests need.
#[derive(Clone, Copy, Debug)]
enum Fact<T> {
    /// Nobody has asked.
    NotAsked,
    /// This, if there is any: the hash of the certificate that was shown, the address.
    Known(Option<T>),
}

impl<T: Copy> Fact<T> {
    const fn is_unasked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }

    const fn known(self) -> Option<T> {
        match self {
            Self::NotAsked => None,
            Self::Known(fact) => fact,
        }
    }
}

/// A request that waits for keys.
#[derive(Debug)]
pub struct ExpectKeys {
    request: Request,
    provider: ProviderId,
    /// Fetches it may still wait for.
    waits_left: u8,
}

/// A request that waits for its client's address.
#[derive(Debug)]
pub struct ExpectAddress {
    request: Request,
    caller: Caller,
}

/// A request that waits for an answer.
#[derive(Debug)]
pub struct ExpectDecision {
    request: Request,
    caller: Caller,
    flight: FlightId,
    service: ServiceId,
    question: Rc<[u8]>,
    /// Whether it has asked before, and something had changed when the answer came.
    again: bool,
}

impl Pipeline {
    /// Handles an event. An event that does not fit the state changes nothing.
    pub fn step(self, event: Event, shared: &mut Shared, now: Timestamp) -> (Self, Step) {
        match (self, event) {
            (Self::ExpectRequest, Event::Request(head)) => admit(head, shared, now),
            (Self::ExpectKeys(waiting), Event::KeysChanged) => {
                let ExpectKeys { request, waits_left, .. } = *waiting;
                let caller = caller(&request, waits_left, shared, now);
                proceed(request, caller, shared, now)
            }
            (Self::ExpectState(request), Event::StateSettled) => {
                let caller = caller(&request, authenticate::MAX_WAITS, shared, now);
                proceed(*request, caller, shared, now)
            }
            (Self::ExpectCertificate(mut request), Event::Certificate(certificate)) => {
                request.certificate = Fact::Known(certificate);
                let caller = caller(&request, authenticate::MAX_WAITS, shared, now);
                proceed(*request, caller, shared, now)
            }
            (Self::ExpectAddress(waiting), Event::Address(address)) => {
                let ExpectAddress { mut request, caller } = *waiting;
                request.address = Fact::Known(address);
                authorize(request, caller, shared, now)
            }
            (Self::ExpectDecision(waiting), Event::Answer(answer)) => {
                answered(*waiting, answer, shared, now)
            }
            (
                state,
                Event::Request(_)
                | Event::KeysChanged
                | Event::StateSettled
                | Event::Certificate(_)
                | Event::Address(_)
                | Event::Answer(_),
            ) => (state, Step::Ignore),
        }
    }

    /// Answers a request whatever it waits for; a request that is done stays done.
    pub fn reject(self, rejection: Rejection) -> (Self, Step) {
        match self {
            Self::Done => (Self::Done, Step::Ignore),
            Self::ExpectRequest
            | Self::ExpectKeys(_)
            | Self::ExpectState(_)
            | Self::ExpectCertificate(_)
            | Self::ExpectAddress(_)
            | Self::ExpectDecision(_) => reply(rejection),
        }
    }

    /// The provider whose keys it waits for.
    pub fn awaited_keys(&self) -> Option<ProviderId> {
        match self {
            Self::ExpectKeys(waiting) => Some(waiting.provider),
            Self::ExpectRequest
            | Self::ExpectState(_)
            | Self::ExpectCertificate(_)
            | Self::ExpectAddress(_)
            | Self::ExpectDecision(_)
            | Self::Done => None,
        }
    }
}

impl Pipeline {
    /// Whether it asks the host something and goes on at once with what that says.
    pub const fn asks_host(&self) -> bool {
        matches!(self, Self::ExpectCertificate(_) | Self::ExpectAddress(_))
    }

    /// The flight whose answer it waits for.
    pub fn awaited_flight(&self) -> Option<FlightId> {
        match self {
            Self::ExpectDecision(waiting) => Some(waiting.flight),
            Self::ExpectRequest
            | Self::ExpectState(_)
            | Self::ExpectKeys(_)
            | Self::ExpectCertificate(_)
            | Self::ExpectAddress(_)
            | Self::Done => None,
        }
    }
}

fn reply(rejection: Rejection) -> (Pipeline, Step) {
    (Pipeline::Done, Step::Reply(rejection, Box::default()))
}

/// Phases 0 and 1: the path, the route, the token.
fn admit(head: RequestHead, shared: &mut Shared, now: Timestamp) -> (Pipeline, Step) {
    let route = match route(&head, shared) {
        Ok(Destination::Route(route)) => route,
        Ok(Destination::Metadata(served)) => return (Pipeline::Done, Step::Serve(served)),
        Err(rejection) => return reply(rejection),
    };
    let (certificate, address) = (Fact::NotAsked, Fact::NotAsked);
    let request = Request { route, head, certificate, address, unchecked: false };
    if request.route.token == Token::None {
        return authorize(request, Caller::Anonymous, shared, now);
    }
    let caller = caller(&request, authenticate::MAX_WAITS, shared, now);
    proceed(request, caller, shared, now)
}

/// Who asks, as far as the request's credentials say.
fn caller(
    request: &Request,
    waits_left: u8,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Caller, Obstacle> {
    // Held apart from what is shared, which changes while the token is looked at.
    let places = Rc::clone(&shared.policy().places);
    match find_token(&request.head, &places)? {
        Some(token) => authenticate(request, token, waits_left, shared, now),
        None if request.route.token == Token::Optional => Ok(Caller::Anonymous),
        None => Err(AuthnError::Missing.into()),
    }
}

/// Goes on with a request whose caller is known, or waits for keys, or refuses.
fn proceed(
    mut request: Request,
    caller: Result<Caller, Obstacle>,
    shared: &mut Shared,
    now: Timestamp,
) -> (Pipeline, Step) {
    match caller {
        Ok(caller) => {
            request.unchecked = caller.principal().is_some() && shared.feed_is_stale(now);
            authorize(request, caller, shared, now)
        }
        Err(Obstacle::AwaitState) => (Pipeline::ExpectState(Box::new(request)), Step::AwaitState),
        Err(Obstacle::Refused(rejection)) => {
            let rejection = rejection.wanting(request.route.scope.as_ref());
            let account = Account { route: Some(request.route), ..Account::default() };
            (Pipeline::Done, Step::Reply(rejection, Box::new(account)))
        }
        Err(Obstacle::AskCertificate) => {
            (Pipeline::ExpectCertificate(Box::new(request)), Step::AskCertificate)
        }
        Err(Obstacle::Wait { provider, waits_left }) => {
            let waiting = ExpectKeys { request, provider, waits_left };
            (Pipeline::ExpectKeys(Box::new(waiting)), Step::AwaitKeys(provider))
        }
    }
}

/// What a path leads to.
enum Destination {
    Route(Rc<Route>),
    Metadata(LocalReply),
}

fn route(head: &RequestHead, shared: &Shared) -> Result<Destination, Rejection> {
    let path = canonical_path(head.path_and_query().unwrap_or_default());
    let path = path.map_err(Rejection::NotCanonical)?;
    let policy = shared.policy();
    let method = head.method().unwrap_or_default();
    if let Some(metadata) = policy.metadata.as_ref().filter(|metadata| *metadata.path == *path) {
        let allow = || Rejection::Method { allow: vec!["GET".into(), "HEAD".into()] };
        return reply::metadata(&metadata.document, method)
            .map(Destination::Metadata)
            .ok_or_else(allow);
    }
    let host = policy.routes.reads_host().then(|| head.host()).flatten();
    match policy.routes.find(path, method, host.as_deref()) {
        Matched::Route(route) => Ok(Destination::Route(Rc::clone(route))),
        Matched::OtherMethods(methods) => {
            Err(Rejection::Method { allow: methods.into_iter().map(str::to_owned).collect() })
        }
        Matched::Nothing => Err(Rejection::NoRoute { status: policy.unmatched }),
    }
}
