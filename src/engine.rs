//! Everything that the requests of one VM share under one policy: keys, caches, and the requests
//! that wait.
//!
//! A new configuration gets a new engine, so nothing cached under one policy is ever used under
//! another, and requests in flight end under the policy they began with. Still sans-IO: it is
//! told what happened and says what to do, and knows streams only by their number.

mod decisions;
mod flights;
mod shared;
mod streams;
mod waiting;

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::authn::{FetchError, Health, Over, Progress, SignatureVerifier, Thumbprint};
use crate::authz::{CalloutResponse, CheckError, Decision};
use crate::freshness::{FeedError, Freshness, Polled};
use crate::pipeline::{Event, Pipeline, Step};
use crate::policy::{Endpoint, Policy, ProviderId, Service, ServiceId};
use crate::reply::Rejection;
use crate::request::RequestHead;
use crate::shared_data::{NoSharedData, SharedData};
use crate::time::Timestamp;
use crate::upstream::signed::Signer;

pub use decisions::{Asked, Landed, Landing, Usage};
pub use flights::{FlightId, Inquiry};
pub use shared::{ProofFor, Shared};
use streams::LiveStreams;
pub use streams::{End, Watch};
use waiting::WaitingRoom;

/// The host's number for a stream, unique while the stream lives.
pub type StreamId = u32;

/// One policy being enforced.
#[derive(Debug)]
pub struct Engine {
    shared: Shared,
    waiting: WaitingRoom,
    live: LiveStreams,
    /// Whether a request has come since the last look at the feed.
    busy: bool,
}

impl Engine {
    /// An engine that has seen nothing yet and is alone in its process.
    pub fn new(policy: Policy, verifier: Box<dyn SignatureVerifier>) -> Self {
        Self::sharing(policy, verifier, Box::new(NoSharedData), 0)
    }

    /// An engine that shares keys with those of other VMs. `seed` is a random number.
    pub fn sharing(
        policy: Policy,
        verifier: Box<dyn SignatureVerifier>,
        data: Box<dyn SharedData>,
        seed: u64,
    ) -> Self {
        let shared = Shared::new(policy, verifier, data, seed);
        Self { shared, waiting: WaitingRoom::default(), live: LiveStreams::default(), busy: false }
    }

    /// Leaves signing to the host; whether what it signs can be verified, where anything is signed.
    pub fn employ(&mut self, signer: Box<dyn Signer>) -> bool {
        self.shared.employ(signer)
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        self.shared.policy()
    }

    /// A request's head has come.
    pub fn request(&mut self, stream: StreamId, head: RequestHead, now: Timestamp) -> Step {
        self.busy = true;
        self.advance(stream, Pipeline::ExpectRequest, Event::Request(head), now)
    }

    /// What a flight that this stream waited for has brought. A stream that is gone is no error.
    pub fn decided(
        &mut self,
        stream: StreamId,
        outcome: Result<Rc<Decision>, CheckError>,
        now: Timestamp,
    ) -> Step {
        let Some(pipeline) = self.waiting.take(stream) else { return Step::Ignore };
        self.advance(stream, pipeline, Event::Answer(outcome), now)
    }

    /// The client's certificate, as the hash of its DER, if it has shown one.
    pub fn certificate(
        &mut self,
        stream: StreamId,
        certificate: Option<Thumbprint>,
        now: Timestamp,
    ) -> Step {
        let Some(pipeline) = self.waiting.take(stream) else { return Step::Ignore };
        self.advance(stream, pipeline, Event::Certificate(certificate), now)
    }

    /// The client's address, if the host knows it.
    pub fn address(&mut self, stream: StreamId, address: Option<IpAddr>, now: Timestamp) -> Step {
        let Some(pipeline) = self.waiting.take(stream) else { return Step::Ignore };
        self.advance(stream, pipeline, Event::Address(address), now)
    }

    fn advance(
        &mut self,
        stream: StreamId,
        pipeline: Pipeline,
        event: Event,
        now: Timestamp,
    ) -> Step {
        let (pipeline, mut step) = pipeline.step(event, &mut self.shared, now);
        if matches!(pipeline, Pipeline::Done) {
            if self.watch(stream, &mut step) {
                return step;
            }
            // Nobody could say when it has to end.
            return Step::Reply(Rejection::Overloaded, Box::default());
        }
        let flight = pipeline.awaited_flight();
        let crowded = self.waiting.park(stream, pipeline);
        let decisions = self.shared.decisions().0;
        match (&crowded, flight) {
            (None, Some(flight)) => decisions.flights().board(flight, stream),
            (Some(_), Some(flight)) => decisions.cancel(flight, now),
            (_, None) => {}
        }
        crowded.map_or(step, |crowded| crowded.reject(Rejection::Overloaded).1)
    }

    /// Watches a stream that is to go on, if it has to end with its token; false when there is no
    /// room for it.
    fn watch(&mut self, stream: StreamId, step: &mut Step) -> bool {
        let Step::Forward(_, _, _, watch) = step else { return true };
        watch.take().is_none_or(|watch| self.live.insert(stream, watch))
    }

    /// Streams whose tokens have ended, and which therefore have to.
    pub fn take_ended(&mut self, now: Timestamp) -> Vec<(StreamId, End)> {
        let shared = &self.shared;
        self.live.take_ended(|token| shared.is_revoked(token, now), now)
    }

    /// A stream has ended. The flight whose answer went with it, if it had made the call: nothing
    /// will be heard of that call, and the root has to make another.
    pub fn forget(&mut self, stream: StreamId) -> Option<FlightId> {
        self.live.remove(stream);
        let flight = self.waiting.take(stream)?.awaited_flight()?;
        self.shared.decisions().0.leave(flight, stream).then_some(flight)
    }

    /// A flight's call is about to be made, in the callback of this stream or of the root: to
    /// which decision point, the question, and how long it may take. `None` when it must not be
    /// made any more; then [`Engine::refused`] says what follows.
    pub fn make_call(
        &mut self,
        flight: FlightId,
        by: Option<StreamId>,
        now: Timestamp,
    ) -> Option<(ServiceId, Rc<[u8]>, Duration)> {
        let (decisions, policy) = self.shared.decisions();
        let flights = decisions.flights();
        let timeout = policy.services.get(flights.service(flight)?)?.endpoint.timeout;
        let (inquiry, left) = flights.make_call(flight, by, timeout, now)?;
        Some((inquiry.service, inquiry.question, left))
    }

    /// A flight's call has been answered, or will not be. `None`: there is no such flight.
    pub fn answered(
        &mut self,
        flight: FlightId,
        answer: Result<CalloutResponse<'_>, CheckError>,
        now: Timestamp,
    ) -> Option<Landing> {
        let (decisions, policy) = self.shared.decisions();
        decisions.answered(flight, answer, policy, now)
    }

    /// The host would not make a flight's call. [`Landing::Again`]: the root will try once more.
    pub fn refused(&mut self, flight: FlightId, now: Timestamp) -> Option<Landing> {
        let (decisions, policy) = self.shared.decisions();
        decisions.refused(flight, policy, now)
    }

    /// Leaves a flight's call to the root.
    pub fn ground(&mut self, flight: FlightId) {
        self.shared.decisions().0.flights().ground(flight);
    }

    /// Whether the root has calls to make that it was not told of.
    pub fn take_knock(&mut self) -> bool {
        self.shared.decisions().0.flights().take_knock()
    }

    /// Flights whose call the root has to make.
    pub fn grounded(&mut self) -> Vec<FlightId> {
        self.shared.decisions().0.flights().grounded()
    }

    /// Flights whose call is over without a word of it.
    pub fn overdue(&mut self, now: Timestamp) -> Vec<FlightId> {
        self.shared.decisions().0.flights().overdue(now)
    }

    /// What has happened at a decision point since this was last asked, and whether it is not asked
    /// because it does not answer.
    pub fn take_usage(&mut self, service: ServiceId) -> Option<(Usage, bool)> {
        self.shared.decisions().0.take_usage(service)
    }

    /// Providers whose keys should be fetched now. Each is handed out once: the caller makes the
    /// call and reports its end, or [`Engine::keys_failed`] at once if it cannot.
    pub fn fetches_due(&mut self, now: Timestamp) -> Vec<ProviderId> {
        self.shared.fetches_due(now)
    }

    /// Where the next call for a provider's keys goes.
    pub fn keys_endpoint(&self, provider: ProviderId) -> Option<&Endpoint> {
        self.shared.endpoint(provider)
    }

    /// A decision point.
    pub fn service(&self, service: ServiceId) -> Option<&Service> {
        self.policy().services.get(service)
    }

    /// A call for keys has been answered 200 with this document. [`Progress::Address`] asks for one
    /// more call; after anything else the streams that waited are to be resumed with
    /// [`Engine::keys_changed`]. `None`: the fetch had been given up, and nobody waits for it.
    pub fn keys_fetched(
        &mut self,
        provider: ProviderId,
        document: &[u8],
        max_age: Option<Duration>,
        now: Timestamp,
    ) -> Option<Result<Progress, FetchError>> {
        self.shared.answered(provider, document, max_age, now)
    }

    /// A fetch has brought nothing.
    pub fn keys_failed(&mut self, provider: ProviderId, now: Timestamp) {
        self.shared.failed(provider, now);
    }

    /// Fetches that are over and of which we were not told, each once.
    pub fn fetches_over(&mut self, now: Timestamp) -> Vec<(ProviderId, Over)> {
        self.shared.fetches_over(now)
    }

    /// Whether requests wait for what another VM fetches: then somebody should look soon.
    pub fn waits_elsewhere(&self) -> bool {
        self.shared.waits_elsewhere()
    }

    /// How a provider's keys are; `None` before anybody needed them.
    pub fn health(&self, provider: ProviderId, now: Timestamp) -> Option<Health> {
        self.shared.health(provider, now)
    }

    /// Streams that wait for a provider's keys.
    pub fn awaiting_keys(&self, provider: ProviderId) -> Vec<StreamId> {
        self.waiting.awaiting_keys(provider)
    }

    /// A fetch that this stream waited for has ended.
    pub fn keys_changed(&mut self, stream: StreamId, now: Timestamp) -> Step {
        let Some(pipeline) = self.waiting.take(stream) else { return Step::Ignore };
        self.advance(stream, pipeline, Event::KeysChanged, now)
    }

    /// Looks for what is revoked or old. The path that the feed should be asked under, if that is
    /// due: the caller makes the call and reports its end with [`Engine::feed_answered`].
    pub fn tend_feed(&mut self, now: Timestamp) -> Option<String> {
        let busy = std::mem::take(&mut self.busy);
        let (feed, data) = self.shared.freshness()?;
        feed.tick(busy, data, now)
    }

    /// The feed's call that was out has been answered 200 with this document, or not.
    pub fn feed_answered(&mut self, answer: Result<&[u8], FeedError>, now: Timestamp) -> Polled {
        let Some((feed, data)) = self.shared.freshness() else { return Polled::Nothing };
        feed.answered(answer, data, now)
    }

    /// What is known of revocations and epochs, where a feed is configured.
    pub fn freshness(&mut self) -> Option<&Freshness> {
        self.shared.freshness().map(|(feed, _)| feed as &Freshness)
    }

    /// Streams that wait for the first state and need not wait any longer.
    pub fn released_by_feed(&mut self, now: Timestamp) -> Vec<StreamId> {
        let settled = self.freshness().is_some_and(|feed| feed.is_settled(now));
        if settled { self.waiting.awaiting_state() } else { Vec::new() }
    }

    /// This stream need not wait for the first state any longer.
    pub fn state_settled(&mut self, stream: StreamId, now: Timestamp) -> Step {
        let Some(pipeline) = self.waiting.take(stream) else { return Step::Ignore };
        self.advance(stream, pipeline, Event::StateSettled, now)
    }
}
