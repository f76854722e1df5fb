//! Questions on their way to a decision point. One flight for each question and worker, however
//! many requests wait for its answer.
//!
//! A flight's call is made by the stream that asked first, because that is quickest. Should that
//! stream end, its answer goes with it, so the flight is grounded: the root makes the call again,
//! for whoever still waits, and for the cache. What is asked in the background begins grounded.
//!
//! Nothing here performs anything; streams are numbers, and time comes in.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use super::StreamId;
use crate::authz::Stamp;
use crate::policy::ServiceId;
use crate::time::Timestamp;

/// A flight's number; none is used twice.
pub type FlightId = u64;

/// Most flights that nobody waits for. With the requests that may wait this bounds all flights.
const MAX_EMPTY: usize = 256;

/// How long after its call's time limit a flight is given up, should the host never say that the
/// call is over.
const GRACE: Duration = Duration::from_secs(1);

/// What is asked, and what an answer may be kept for.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// Which decision point is asked.
    pub service: ServiceId,
    /// The whole question.
    pub question: Rc<[u8]>,
    /// What the answer will rest on.
    pub stamp: Stamp,
    /// When the token ends that it is asked for.
    pub token_ends: Timestamp,
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Flight {
    id: FlightId,
    hash: u64,
    pub(super) inquiry: Inquiry,
    pub(super) waiters: Vec<StreamId>,
    call: Call,
    /// When the first call has to be over; a second one gets the time that is left.
    deadline: Timestamp,
    /// Whether the call was made a second time because no connection could be had.
    retried: bool,
}

/// How a flight's call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// The stream that asked is about to make it.
    Due,
    /// The root has to make it.
    Grounded,
    /// It has been made, by this stream or by the root.
    Made(Option<StreamId>),
}

/// All flights of one engine.
#[derive(Debug, Default)]
pub(super) struct Flights {
    all: Vec<Flight>,
    last: FlightId,
    hasher: RandomState,
    /// Whether some were grounded since somebody asked.
    knock: bool,
}

impl Flights {
    /// The flight that brings an answer to this question, if one does; `current` says whether an
    /// answer that rests on a state will still do.
    pub(super) fn find(
        &self,
        service: ServiceId,
        question: &[u8],
        current: &dyn Fn(Stamp) -> bool,
    ) -> Option<FlightId> {
        if self.all.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(question);
        let same = |flight: &&Flight| {
            let Inquiry { service: of, question: asked, stamp, .. } = &flight.inquiry;
            flight.hash == hash && *of == service && **asked == *question && current(*stamp)
        };
        self.all.iter().find(same).map(|flight| flight.id)
    }

    /// Begins a flight for a request.
    pub(super) fn start(&mut self, inquiry: Inquiry) -> FlightId {
        self.add(inquiry, Call::Due)
    }

    /// Begins a flight that nobody waits for; `None` when there are too many of these.
    pub(super) fn start_in_background(&mut self, inquiry: Inquiry) -> Option<FlightId> {
        if self.empty() >= MAX_EMPTY {
            return None;
        }
        self.knock = true;
        Some(self.add(inquiry, Call::Grounded))
    }

    fn add(&mut self, inquiry: Inquiry, call: Call) -> FlightId {
        self.last += 1;
        self.all.push(Flight {
            id: self.last,
            hash: self.hasher.hash_one(&*inquiry.question),
            inquiry,
            waiters: Vec::new(),
            call,
            deadline: Timestamp::MAX,
            retried: false,
        });
        self.last
    }

    /// A stream waits for a flight's answer.
    pub(super) fn board(&mut self, id: FlightId, stream: StreamId) {
        if let Some(flight) = self.flight(id) {
            flight.waiters.push(stream);
        }
    }

    /// A stream waits no longer. Whether the answer to its flight's call went with it.
    pub(super) fn leave(&mut self, id: FlightId, stream: StreamId) -> bool {
        let crowded = self.empty() >= MAX_EMPTY;
        let Some(flight) = self.flight(id) else { return false };
        flight.waiters.retain(|waiter| *waiter != stream);
        // One that was about to make the call takes it along as well.
        if flight.call != Call::Made(Some(stream)) && flight.call != Call::Due {
            return false;
        }
        if flight.waiters.is_empty() && crowded {
            self.land(id);
        } else {
            self.ground(id);
        }
        true
    }

    /// Has the root make a flight's call.
    pub(super) fn ground(&mut self, id: FlightId) {
        if let Some(flight) = self.flight(id) {
            flight.call = Call::Grounded;
            // Whoever went away took its time along: what is asked anew has all of it again, unless
            // it is the second try.
            flight.deadline = if flight.retried { flight.deadline } else { Timestamp::MAX };
            self.knock = true;
        }
    }

    /// Whether the root has something to do that it was not told of.
    pub(super) fn take_knock(&mut self) -> bool {
        std::mem::take(&mut self.knock)
    }

    /// Flights whose call the root has to make.
    pub(super) fn grounded(&self) -> Vec<FlightId> {
        let grounded = self.all.iter().filter(|flight| flight.call == Call::Grounded);
        grounded.map(|flight| flight.id).collect()
    }

    /// A flight's call is made now, by this stream or by the root. What is asked, and how long the
    /// call may take; `None` when there is no such flight, or no time left.
    pub(super) fn make_call(
        &mut self,
        id: FlightId,
        by: Option<StreamId>,
        timeout: Duration,
        now: Timestamp,
    ) -> Option<(Inquiry, Duration)> {
        let flight = self.flight(id)?;
        flight.deadline = flight.deadline.min(now.after(timeout));
        flight.call = Call::Made(by);
        // Not longer than it may take, should the clock have gone back.
        let left = flight.deadline.since(now).min(timeout);
        (!left.is_zero()).then(|| (flight.inquiry.clone(), left))
    }

    /// No connection could be had for a flight's call. Whether it is to be made once more.
    pub(super) fn may_retry(&mut self, id: FlightId, now: Timestamp) -> bool {
        let Some(flight) = self.flight(id) else { return false };
        !std::mem::replace(&mut flight.retried, true) && now < flight.deadline
    }

    /// A flight is over.
    pub(super) fn land(&mut self, id: FlightId) -> Option<Flight> {
        let at = self.all.iter().position(|flight| flight.id == id)?;
        Some(self.all.swap_remove(at))
    }

    /// Flights whose call is over without a word of it.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<FlightId> {
        let overdue = |flight: &&Flight| {
            matches!(flight.call, Call::Made(_)) && now > flight.deadline.after(GRACE)
        };
        self.all.iter().filter(overdue).map(|flight| flight.id).collect()
    }

    /// Which decision point a flight is to.
    pub(super) fn service(&self, id: FlightId) -> Option<ServiceId> {
        self.all.iter().find(|flight| flight.id == id).map(|flight| flight.inquiry.service)
    }

    /// Whether anybody waits for a flight.
    pub(super) fn has_waiters(&self, id: FlightId) -> bool {
        self.all.iter().any(|flight| flight.id == id && !flight.waiters.is_empty())
    }

    /// Whether the stream that asked is about to make a flight's call.
    pub(super) fn is_due(&self, id: FlightId) -> bool {
        self.all.iter().any(|flight| flight.id == id && flight.call == Call::Due)
    }

    fn empty(&self) -> usize {
        self.all.iter().filter(|flight| flight.waiters.is_empty()).count()
    }

    fn flight(&mut self, id: FlightId) -> Option<&mut Flight> {
        self.all.iter_mut().find(|flight| flight.id == id)
    }
}

#[cfg(test)]
mod tests;
