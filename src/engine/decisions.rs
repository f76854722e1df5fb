//! What an engine knows of its decision points: the answers that are kept, the questions on their
//! way, and whether it is worth asking.

use std::rc::Rc;

use super::StreamId;
use super::flights::{FlightId, Flights, Inquiry};
use crate::authz::{
    Breaker, CalloutResponse, CheckError, Decision, DecisionCache, Lifetime, Stamp, decode,
};
use crate::policy::{Policy, Service, ServiceId};
use crate::time::Timestamp;

/// Decision points of one policy.
#[derive(Debug)]
pub(super) struct Decisions {
    points: Vec<Point>,
    flights: Flights,
}

#[derive(Debug)]
struct Point {
    cache: DecisionCache,
    breaker: Breaker,
    usage: Usage,
}

/// What has happened at a decision point since somebody asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests that waited for what another had asked.
    pub shared: u64,
    /// Requests that an answer served while a newer one was asked for.
    pub stale: u64,
    /// Requests that an old answer served because no newer one could be had.
    pub stood_in: u64,
    /// Questions asked in the background, so that the next request need not wait.
    pub refreshed: u64,
    /// Calls made once more because no connection could be had.
    pub retried: u64,
    /// Calls made once more because the stream that made them ended.
    pub repeated: u64,
    /// Questions without an answer.
    pub failed: u64,
    /// Requests that were not asked about because nobody answers.
    pub spared: u64,
    /// How often that began.
    pub opened: u64,
}

impl Usage {
    /// All of it, under the names of metrics.
    pub const fn counts(&self) -> [(&'static str, u64); 9] {
        [
            ("shared", self.shared),
            ("stale", self.stale),
            ("stood_in", self.stood_in),
            ("refreshed", self.refreshed),
            ("retried", self.retried),
            ("repeated", self.repeated),
            ("failed", self.failed),
            ("spared", self.spared),
            ("opened", self.opened),
        ]
    }
}

/// What a call has come to.
#[derive(Debug)]
pub enum Landing {
    /// It is to be made once more, now.
    Again,
    /// It is over.
    Over(Landed),
}

impl Landing {
    /// The flight, if it is over.
    pub fn over(self) -> Option<Landed> {
        match self {
            Self::Again => None,
            Self::Over(landed) => Some(landed),
        }
    }
}

/// A flight that is over, and who waited for it.
#[derive(Debug)]
pub struct Landed {
    /// What it brought.
    pub outcome: Result<Rc<Decision>, CheckError>,
    /// Who waits.
    pub waiters: Vec<StreamId>,
}

/// A question that has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// By whoever wants to know.
    First(FlightId),
    /// Somebody has.
    Already(FlightId),
}

impl Decisions {
    pub(super) fn new(policy: &Policy) -> Self {
        let point = |service: &Service| Point {
            cache: DecisionCache::new(&service.cache),
            breaker: Breaker::new(service.breaker),
            usage: Usage::default(),
        };
        Self { points: policy.services.iter().map(point).collect(), flights: Flights::default() }
    }

    /// A decision on a question that may be of use.
    pub(super) fn kept(
        &mut self,
        service: ServiceId,
        question: &[u8],
        now: Timestamp,
    ) -> Option<Rc<Decision>> {
        self.points.get_mut(service)?.cache.find(question, now)
    }

    /// The flight that brings an answer to a question, if one does; `current` says whether an
    /// answer that rests on a state will still do.
    pub(super) fn under_way(
        &self,
        service: ServiceId,
        question: &[u8],
        current: &dyn Fn(Stamp) -> bool,
    ) -> Option<FlightId> {
        self.flights.find(service, question, current)
    }

    /// Joins the flight that is under way, or asks, unless that is known to be in vain.
    pub(super) fn ask(
        &mut self,
        inquiry: Inquiry,
        under_way: Option<FlightId>,
        now: Timestamp,
    ) -> Result<Asked, CheckError> {
        let point = self.points.get_mut(inquiry.service).ok_or(CheckError::Unreachable)?;
        if let Some(flight) = under_way {
            point.usage.shared += 1;
            return Ok(Asked::Already(flight));
        }
        if !point.breaker.admits(now) {
            point.usage.spared += 1;
            return Err(CheckError::Open);
        }
        Ok(Asked::First(self.flights.start(inquiry)))
    }

    /// Asks in the background for what an old answer serves meanwhile.
    pub(super) fn refresh(
        &mut self,
        inquiry: Inquiry,
        under_way: Option<FlightId>,
        now: Timestamp,
    ) {
        let Some(point) = self.points.get_mut(inquiry.service) else { return };
        point.usage.stale += 1;
        if under_way.is_some() || !point.breaker.admits(now) {
            return;
        }
        match self.flights.start_in_background(inquiry) {
            Some(_) => point.usage.refreshed += 1,
            None => point.breaker.abandoned(now),
        }
    }

    /// An old answer stands in for one that could not be had.
    pub(super) fn stood_in(&mut self, service: ServiceId) {
        if let Some(point) = self.points.get_mut(service) {
            point.usage.stood_in += 1;
        }
    }

    pub(super) const fn flights(&mut self) -> &mut Flights {
        &mut self.flights
    }

    /// A flight is given up before its call was made, unless somebody waits for it.
    pub(super) fn cancel(&mut self, id: FlightId, now: Timestamp) {
        if self.flights.has_waiters(id) || !self.flights.is_due(id) {
            return;
        }
        let flight = self.flights.land(id);
        if let Some(point) = flight.and_then(|f| self.points.get_mut(f.inquiry.service)) {
            point.breaker.abandoned(now);
        }
    }

    /// A stream waits no longer; whether the answer to a call went with it.
    pub(super) fn leave(&mut self, id: FlightId, stream: StreamId) -> bool {
        let lost = self.flights.leave(id, stream);
        if let Some(point) = self.flights.service(id).and_then(|id| self.points.get_mut(id)) {
            point.usage.repeated += u64::from(lost);
        }
        lost
    }

    /// A flight's call has been answered, or will not be.
    pub(super) fn answered(
        &mut self,
        id: FlightId,
        answer: Result<CalloutResponse<'_>, CheckError>,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Landing> {
        let service = self.flights.service(id)?;
        let point = self.points.get_mut(service)?;
        if answer.is_ok_and(|response| response.is_no_connection())
            && self.flights.may_retry(id, now)
        {
            point.usage.retried += 1;
            return Some(Landing::Again);
        }
        let flight = self.flights.land(id)?;
        let Inquiry { question, stamp, token_ends, .. } = flight.inquiry;
        let lifetime = Lifetime { stamp, token_ends };
        let outcome = answer.and_then(|response| {
            decode(
                response,
                policy.services.get(service).ok_or(CheckError::Malformed)?,
                lifetime,
                now,
            )
        });
        let outcome = outcome.map(Rc::new);
        point.note(&outcome, now);
        if let Ok(decision) = &outcome {
            point.cache.insert(question, decision, now);
        }
        Some(Landing::Over(Landed { outcome, waiters: flight.waiters }))
    }

    /// The host would not make a flight's call.
    pub(super) fn refused(
        &mut self,
        id: FlightId,
        policy: &Policy,
        now: Timestamp,
    ) -> Option<Landing> {
        if self.flights.may_retry(id, now) {
            let point = self.points.get_mut(self.flights.service(id)?)?;
            point.usage.retried += 1;
            self.flights.ground(id);
            return Some(Landing::Again);
        }
        self.answered(id, Err(CheckError::Unreachable), policy, now)
    }

    /// What has happened at a decision point since this was last asked, and whether its breaker is
    /// open.
    pub(super) fn take_usage(&mut self, service: ServiceId) -> Option<(Usage, bool)> {
        let point = self.points.get_mut(service)?;
        Some((std::mem::take(&mut point.usage), point.breaker.is_open()))
    }
}

impl Point {
    /// Tells the breaker what a call came to. Only what no client can bring about is held against
    /// the decision point.
    fn note(&mut self, outcome: &Result<Rc<Decision>, CheckError>, now: Timestamp) {
        match outcome {
            Err(error) if error.may_fail_open() => {
                self.usage.failed += 1;
                self.usage.opened += u64::from(self.breaker.failed(now));
            }
            Ok(_) | Err(_) => self.breaker.answered(),
        }
    }
}
