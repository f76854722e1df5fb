//! Phases 3 and 4: the rules, and the decision point when they or a header need it.

use std::rc::Rc;

use super::consult::{Consulted, Pending, consult, settle};
use super::decide::{Answered, Case};
use super::{ExpectAddress, ExpectDecision, Pipeline, Request, Step, reply};
use crate::authn::{AuthnError, Caller};
use crate::authz::{CheckError, Decision};
use crate::engine::{Asked, Shared};
use crate::policy::NeedAnswer;
use crate::reply::Rejection;
use crate::time::Timestamp;

/// Decides a request whose caller is known.
pub(super) fn authorize(
    request: Request,
    caller: Caller,
    shared: &mut Shared,
    now: Timestamp,
) -> (Pipeline, Step) {
    if request.route.reads_address && request.address.is_unasked() {
        let waiting = ExpectAddress { request, caller };
        return (Pipeline::ExpectAddress(Box::new(waiting)), Step::AskAddress);
    }
    let nothing = Answered::NotYet;
    let case = Case { request: &request, caller: &caller, answered: &nothing, shared, now };
    match case.decide() {
        Ok(step) => (Pipeline::Done, step),
        Err(NeedAnswer) => {
            let consulted = consult(&request, &caller, shared, now);
            go_on(request, caller, consulted, shared, now)
        }
    }
}

/// Goes on with a request that waited for an answer.
pub(super) fn answered(
    waiting: ExpectDecision,
    outcome: Result<Rc<Decision>, CheckError>,
    shared: &mut Shared,
    now: Timestamp,
) -> (Pipeline, Step) {
    let ExpectDecision { request, caller, service, question, again, .. } = waiting;
    if let Err(ended) = check_token(&caller, shared, now) {
        return reply(Rejection::credentials(ended));
    }
    let consulted = settle(Pending { service, question, again }, outcome, &caller, shared, now);
    go_on(request, caller, consulted, shared, now)
}

/// Whether the token is still good: it may have ended, or been revoked, while the request waited.
fn check_token(caller: &Caller, shared: &Shared, now: Timestamp) -> Result<(), AuthnError> {
    let Some(principal) = caller.principal() else { return Ok(()) };
    principal.token().check_time(now)?;
    if shared.is_revoked(principal.token(), now) { Err(AuthnError::Revoked) } else { Ok(()) }
}

/// Decides with what is known by now, or waits for what is asked.
fn go_on(
    request: Request,
    caller: Caller,
    consulted: Result<Consulted, CheckError>,
    shared: &Shared,
    now: Timestamp,
) -> (Pipeline, Step) {
    let answered = match consulted {
        Ok(Consulted::Known(decision, source)) => Answered::Known(decision, source),
        Err(error) => Answered::Missing(error),
        Ok(Consulted::Asked(asked, Pending { service, question, again })) => {
            let (flight, step) = match asked {
                Asked::First(flight) => (flight, Step::Ask(flight, Rc::clone(&question))),
                Asked::Already(flight) => (flight, Step::AwaitAnswer),
            };
            let waiting = ExpectDecision { request, caller, flight, service, question, again };
            return (Pipeline::ExpectDecision(Box::new(waiting)), step);
        }
    };
    let case = Case { request: &request, caller: &caller, answered: &answered, shared, now };
    match case.decide() {
        Ok(step) => (Pipeline::Done, step),
        Err(NeedAnswer) => reply(Rejection::Internal),
    }
}
