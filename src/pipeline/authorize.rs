//! Phases 3, 4 and 6: the rules, the decision point when it is needed, and the permit.

use std::rc::Rc;

use super::{ExpectAddress, ExpectDecision, Passed, Pipeline, Request, Step, reply};
use crate::authn::{AuthnError, Caller, Principal};
use crate::authz::{Asking, CalloutResponse, CheckError, Decision, Permit, decode};
use crate::config::{FailureMode, Token};
use crate::engine::Shared;
use crate::policy::{
    Allowed, Answer, Facts, NeedAnswer, Opening, Route, ServiceId, Verdict, evaluate, opening,
};
use crate::reply::Rejection;
use crate::time::Timestamp;
use crate::upstream;

/// What the decision point has said to this request so far.
#[derive(Debug)]
enum Answered {
    NotYet,
    Known(Rc<Decision>),
    Missing(CheckError),
}

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
    match decide(&request, &caller, &Answered::NotYet, shared, now) {
        Ok(step) => (Pipeline::Done, step),
        Err(NeedAnswer) => match question(&request, &caller, shared, now) {
            Ok(Ok(decision)) => finish(&request, &caller, &Answered::Known(decision), shared, now),
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
            Answered::Known(decision)
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
    match decide(request, caller, answered, shared, now) {
        Ok(step) => (Pipeline::Done, step),
        Err(NeedAnswer) => reply(Rejection::Internal),
    }
}

fn decide(
    request: &Request,
    caller: &Caller,
    answered: &Answered,
    shared: &Shared,
    now: Timestamp,
) -> Result<Step, NeedAnswer> {
    let policy = shared.policy();
    let provider = caller.principal().and_then(|p| policy.providers.get(p.provider()));
    let facts = Facts {
        caller,
        roles_claim: provider.and_then(|provider| provider.roles_claim.as_ref()),
        head: &request.head,
        address: request.address.known(),
        now,
        answer: answered.as_answer(request.route.failure_mode),
    };
    let opening = opening_of(&request.route, &facts);
    let rejection = match evaluate(&request.route.rules, opening, &facts)? {
        Verdict::Allow(allowed) => return permit(request, caller, answered, &allowed, shared),
        Verdict::Deny { rule } => Rejection::Forbidden { rule: rule.map(str::to_owned) },
        // Whoever has no token at all cannot be told that it grants too little.
        Verdict::Scope(scope) if caller.principal().is_none() => {
            Rejection::credentials(AuthnError::Missing).wanting(Some(scope))
        }
        Verdict::Scope(scope) => Rejection::Scope(Rc::clone(scope)),
        Verdict::Undecided { rule, error } => Rejection::Undecided { rule: rule.into(), error },
    };
    Ok(Step::Reply(rejection))
}

/// What the token alone says about a route's rules, which is found out once.
fn opening_of(route: &Rc<Route>, facts: &Facts<'_>) -> Opening {
    let Some(principal) = facts.caller.principal() else { return Opening::default() };
    principal.decisions().opening(route, || opening(&route.rules, facts))
}

impl Answered {
    fn as_answer(&self, failure_mode: FailureMode) -> Answer<'_> {
        match self {
            Self::NotYet => Answer::NotAsked,
            Self::Known(decision) => Answer::Known(decision),
            Self::Missing(error) => Answer::Missing {
                error: *error,
                assume_true: failure_mode == FailureMode::Allow && error.may_fail_open(),
            },
        }
    }
}

/// The step for a request that a rule allows: roles are a need of their own, asked for now if
/// nobody asked before.
fn permit(
    request: &Request,
    caller: &Caller,
    answered: &Answered,
    allowed: &Allowed<'_>,
    shared: &Shared,
) -> Result<Step, NeedAnswer> {
    let identify = request.route.token != Token::None;
    let wants_roles =
        identify && caller.principal().is_some() && shared.policy().headers_need_roles;
    let mut passed = if allowed.assumed() { Passed::Assumed } else { Passed::Permitted };
    let decision = match answered {
        Answered::NotYet if wants_roles => return Err(NeedAnswer),
        Answered::NotYet => None,
        Answered::Known(decision) => Some(Rc::clone(decision)),
        Answered::Missing(error) => {
            if wants_roles && !request.route.roles_may_be_absent {
                return Ok(Step::Reply(without_roles(allowed.rule(), *error)));
            }
            if wants_roles && passed == Passed::Permitted {
                passed = Passed::WithoutRoles;
            }
            None
        }
    };
    let permit = Permit::issue(allowed, caller, decision);
    let mutations = upstream::mutations(shared.policy(), &permit, &request.head, identify);
    Ok(Step::Forward(mutations, passed))
}

fn without_roles(rule: &str, error: CheckError) -> Rejection {
    if error.is_the_callers() {
        Rejection::Forbidden { rule: Some(rule.into()) }
    } else {
        Rejection::Undecided { rule: rule.into(), error }
    }
}
