//! Phases 3 and 4: the rules, and the decision point when they or a header need it.

use std::rc::Rc;

use super::decide::{Answered, Case};
use super::{ExpectAddress, ExpectDecision, Pipeline, Request, Step, reply};
use crate::authn::{Caller, Principal};
use crate::authz::{Asking, CalloutResponse, CheckError, Decision, decode};
use crate::engine::Shared;
use crate::policy::{NeedAnswer, ServiceId};
use crate::reply::Rejection;
use crate::telemetry::Source;
use crate::time::Timestamp;

/// A question that is not answered from the cache.
struct Question(ServiceId, Rc<[u8]>);

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
        Err(NeedAnswer) => match question(&request, &caller, shared, now) {
            Ok(Ok(decision)) => {
                finish(&request, &caller, &Answered::Known(decision, Source::Cache), shared, now)
            }
            Ok(Err(Question(service, question))) => {
                let asked = Rc::clone(&question);
                let waiting = ExpectDecision { request, caller, service, question };
                (Pipeline::ExpectDecision(Box::new(waiting)), Step::Ask(service, asked))
            }
            Err(error) => finish(&request, &caller, &Answered::Missing(error), shared, now),
        },
    }
}

/// Goes on with a request that waited for an answer.
pub(super) fn answered(
    waiting: ExpectDecision,
    answer: Result<CalloutResponse<'_>, CheckError>,
    shared: &mut Shared,
    now: Timestamp,
) -> (Pipeline, Step) {
    let ExpectDecision { request, caller, service, question } = waiting;
    let Some(asked) = shared.policy().services.get(service) else {
        return reply(Rejection::Internal);
    };
    let token_ends = caller.principal().map_or(Timestamp::MAX, Principal::expires_at);
    let decision = answer.and_then(|response| decode(response, asked, token_ends, now));
    let answered = match decision {
        Ok(decision) => {
            let decision = Rc::new(decision);
            shared.remember_decision(service, question, Rc::clone(&decision), now);
            Answered::Known(decision, Source::Asked)
        }
        Err(error) => Answered::Missing(error),
    };
    finish(&request, &caller, &answered, shared, now)
}

/// The decision on a question from the cache, or the question itself.
fn question(
    request: &Request,
    caller: &Caller,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Result<Rc<Decision>, Question>, CheckError> {
    // Configuration guarantees a service wherever one can be needed.
    let id = request.route.service.ok_or(CheckError::Unreachable)?;
    let service = shared.policy().services.get(id).ok_or(CheckError::Unreachable)?;
    let method = request.head.method().unwrap_or_default();
    let memo = caller.principal().map(Principal::decisions).filter(|_| !service.question_varies);
    if let Some(decision) = memo.and_then(|memo| memo.find(&request.route, method, now)) {
        return Ok(Ok(decision));
    }
    let Request { head, route, .. } = request;
    let asking = Asking { caller, head, route, address: request.address.known() };
    let question = service.mapping.encode(&asking)?;
    let known = shared.known_decision(id, &question, now);
    if let (Some(decision), Some(memo)) = (&known, memo) {
        memo.insert(&request.route, method, decision);
    }
    Ok(known.ok_or_else(|| Question(id, question.into())))
}

/// Decides with all that will be known.
fn finish(
    request: &Request,
    caller: &Caller,
    answered: &Answered,
    shared: &Shared,
    now: Timestamp,
) -> (Pipeline, Step) {
    match (Case { request, caller, answered, shared, now }).decide() {
        Ok(step) => (Pipeline::Done, step),
        Err(NeedAnswer) => reply(Rejection::Internal),
    }
}
