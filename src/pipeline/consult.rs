//! Phase 4: what the decision point says about a request. From what is kept with the token, else
//! from the cache, else by pending; an old answer where the policy lets one serve, and none at all
//! where something has changed since.

use std::rc::Rc;

use super::Request;
use crate::authn::{Caller, Principal};
use crate::authz::{self, CheckError, Decision};
use crate::engine::{Asked, Shared};
use crate::policy::ServiceId;
use crate::telemetry::Source;
use crate::time::Timestamp;

/// How far one gets.
pub(super) enum Consulted {
    /// This is the decision, and where it was found.
    Known(Rc<Decision>, Source),
    /// It has been asked for.
    Asked(Asked, Pending),
}

/// A question, while its answer is waited for.
pub(super) struct Pending {
    pub(super) service: ServiceId,
    pub(super) question: Rc<[u8]>,
    /// Whether it has been asked before.
    pub(super) again: bool,
}

/// Finds or asks for the decision on a request.
pub(super) fn consult(
    request: &Request,
    caller: &Caller,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Consulted, CheckError> {
    // Configuration guarantees a service wherever one can be needed.
    let id = request.route.service.ok_or(CheckError::Unreachable)?;
    let service = shared.policy().services.get(id).ok_or(CheckError::Unreachable)?;
    let Request { head, route, .. } = request;
    let method = head.method().unwrap_or_default();
    let memo = caller.principal().map(Principal::decisions).filter(|_| !service.question_varies);
    let known = memo.and_then(|memo| memo.find(route, method, now));
    if let Some(decision) = known.filter(|decision| shared.may_use(decision, caller, now)) {
        return Ok(Consulted::Known(decision, Source::Cache));
    }
    let asking = authz::Asking { caller, head, route, address: request.address.known() };
    let question = service.mapping.encode(&asking)?.into();
    let pending = Pending { service: id, question, again: false };
    let Some(decision) = shared.kept_decision(id, &pending.question, caller, now) else {
        return ask(pending, None, caller, shared, now);
    };
    if decision.is_fresh(now) {
        if let Some(memo) = memo {
            memo.insert(route, method, &decision);
        }
        return Ok(Consulted::Known(decision, Source::Cache));
    }
    if decision.may_serve(now) {
        shared.refresh(id, &pending.question, caller, now);
        return Ok(Consulted::Known(decision, Source::Stale));
    }
    ask(pending, Some(decision), caller, shared, now)
}

/// What follows from the answer to a question. One that was on its way when something changed is
/// old when it comes: the question is asked once more.
pub(super) fn settle(
    pending: Pending,
    outcome: Result<Rc<Decision>, CheckError>,
    caller: &Caller,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Consulted, CheckError> {
    match outcome {
        Ok(decision) if pending.again || shared.is_current(decision.stamp(), caller) => {
            Ok(Consulted::Known(decision, Source::Asked))
        }
        Ok(_) => ask(Pending { again: true, ..pending }, None, caller, shared, now),
        Err(error) => {
            let old = shared.kept_decision(pending.service, &pending.question, caller, now);
            stand_in(pending.service, old, error, shared, now)
        }
    }
}

/// Asks; should that be in vain, `old` may stand in.
fn ask(
    pending: Pending,
    old: Option<Rc<Decision>>,
    caller: &Caller,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Consulted, CheckError> {
    match shared.ask(pending.service, &pending.question, caller, now) {
        Ok(asked) => Ok(Consulted::Asked(asked, pending)),
        Err(error) => stand_in(pending.service, old, error, shared, now),
    }
}

/// An old decision where it may stand in for one that cannot be had, for this reason.
fn stand_in(
    service: ServiceId,
    old: Option<Rc<Decision>>,
    error: CheckError,
    shared: &mut Shared,
    now: Timestamp,
) -> Result<Consulted, CheckError> {
    match old.filter(|old| error.may_fail_open() && (old.may_stand_in(now) || old.is_fresh(now))) {
        Some(old) => {
            shared.stood_in(service);
            Ok(Consulted::Known(old, Source::Stale))
        }
        None => Err(error),
    }
}
