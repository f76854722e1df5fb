//! Asks decision points. A call is made in the callback of the stream that asks, or in the root's: the
//! SDK gives its answer to whoever made it, and drops it when that stream is gone. Then, and for
//! what is asked in the background, the root is knocked on and makes the call.

use std::time::Duration;

use super::{Driver, Errand, Fate, Reply};
use crate::authz::CheckError;
use crate::engine::{FlightId, Landed, Landing, StreamId, Usage};
use crate::filter::counters::{add_named, count, record};
use crate::filter::host::{self, Callout};
use crate::policy::ServiceId;

impl Driver {
    /// Makes the calls that are left to the root, and gives up those that were never heard of.
    /// What has come to an end by that.
    pub(super) fn make_calls(&self) -> Vec<Landed> {
        let (grounded, overdue) = {
            let mut engine = self.engine.borrow_mut();
            (engine.grounded(), engine.overdue(host::now()))
        };
        let mut landings: Vec<_> = grounded.into_iter().filter_map(|one| self.call(one)).collect();
        for flight in overdue {
            self.give_up_call(flight);
            let lost = Err(CheckError::Timeout);
            landings.extend(self.engine.borrow_mut().answered(flight, lost, host::now()));
        }
        self.knock();
        landings.into_iter().filter_map(Landing::over).collect()
    }

    /// Has the root make what calls are left to it. Should the queue fail, its next tick does.
    pub(super) fn knock(&self) {
        if self.engine.borrow_mut().take_knock() {
            self.queue.map(host::enqueue);
        }
    }

    /// Asks for a stream, which is the first that wants to know.
    pub(super) fn ask(&self, stream: StreamId, flight: FlightId) -> Fate {
        // In the callback of another stream the answer would go with that one.
        if self.running.get().is_some_and(|running| running != stream) {
            self.engine.borrow_mut().ground(flight);
        } else if let Some(Landing::Over(landed)) = self.call(flight) {
            // Nobody else can wait for it yet.
            let step = self.engine.borrow_mut().decided(stream, landed.outcome, host::now());
            return self.perform(stream, step);
        }
        self.knock();
        Fate::Undecided
    }

    /// Makes a flight's call in the callback that runs; what follows when the host would not.
    fn call(&self, flight: FlightId) -> Option<Landing> {
        let call = self.engine.borrow_mut().make_call(flight, self.running.get(), host::now());
        let call =
            call.and_then(|(service, question, timeout)| self.put(service, &question, timeout));
        match call {
            Some(token) => {
                self.errands.borrow_mut().insert(token, Errand::Decision(flight));
                None
            }
            None => self.engine.borrow_mut().refused(flight, host::now()),
        }
    }

    fn put(&self, service: ServiceId, question: &[u8], timeout: Duration) -> Option<u32> {
        count("decisions_asked");
        let engine = self.engine.borrow();
        let service = engine.service(service)?;
        let mut headers =
            vec![("content-type", "application/json"), ("accept", "application/json")];
        headers.extend(service.credential.as_ref().map(|c| ("authorization", c.reveal())));
        let (endpoint, body) = (&service.endpoint, Some(question));
        host::call(Callout { endpoint, timeout, method: "POST", headers, body })
    }

    /// Nothing that is still heard of a flight's call counts.
    pub(super) fn give_up_call(&self, flight: FlightId) {
        let of_it = |errand: &Errand| matches!(errand, Errand::Decision(of) if *of == flight);
        self.errands.borrow_mut().retain(|_, errand| !of_it(errand));
    }

    /// A flight's call has been answered, or will not be.
    pub(super) fn decision(&self, flight: FlightId, reply: Option<&Reply>) {
        let answer = reply.map(Reply::as_response).ok_or(CheckError::Unreachable);
        let landing = self.engine.borrow_mut().answered(flight, answer, host::now());
        let landing = match landing {
            Some(Landing::Again) => self.call(flight),
            landing => landing,
        };
        self.knock();
        if let Some(Landing::Over(landed)) = landing {
            self.settle(landed);
        }
    }

    /// Lets everybody go on who waited for a flight.
    pub(super) fn settle(&self, landed: Landed) {
        for stream in landed.waiters {
            let outcome = landed.outcome.clone();
            let step = self.engine.borrow_mut().decided(stream, outcome, host::now());
            self.resume(stream, step);
        }
    }

    /// Says what has happened at each decision point since the last time. A breaker is every
    /// worker's own, the gauge is one for all: those that are open say so again and again.
    pub(super) fn report_decisions(&self) {
        let (mut engine, mut said) = (self.engine.borrow_mut(), self.open.borrow_mut());
        let services = engine.policy().services.len();
        said.resize(services, None);
        for (id, said) in said.iter_mut().enumerate() {
            let Some((usage, open)) = engine.take_usage(id) else { continue };
            let name = engine.service(id).map_or("", |service| &service.name);
            if open || *said != Some(open) {
                record(&format!("authorization.{name}.breaker"), open.into());
                *said = Some(open);
            }
            if usage != Usage::default() {
                for (what, times) in usage.counts().into_iter().filter(|(_, times)| *times > 0) {
                    add_named(&format!("authorization.{name}.{what}"), times);
                }
            }
        }
    }
}
