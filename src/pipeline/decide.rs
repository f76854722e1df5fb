//! Still phases 3 and 6: what the rules say to what is known, what becomes of that, and how it is
//! accounted for.

use std::rc::Rc;

use super::{Passed, Request, Step};
use crate::authn::{AuthnError, Caller};
use crate::authz::{CheckError, Decision, Permit, Waiver};
use crate::config::{FailureMode, RoleSource, Token};
use crate::engine::{Shared, Watch};
use crate::policy::{
    Allowed, Answer, Evaluation, Facts, NeedAnswer, Opening, Route, Verdict, evaluate, opening,
};
use crate::reply::Rejection;
use crate::telemetry::{Account, Source, subject_hash};
use crate::time::Timestamp;
use crate::upstream::signed::Occasion;
use crate::upstream::{self, Mutations};

/// What the decision point has said to this request so far.
#[derive(Debug)]
pub(super) enum Answered {
    NotYet,
    Known(Rc<Decision>, Source),
    Missing(CheckError),
}

/// A request whose caller is known, and what is known beside that.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) request: &'a Request,
    pub(super) caller: &'a Caller,
    pub(super) answered: &'a Answered,
    pub(super) shared: &'a Shared,
    pub(super) now: Timestamp,
}

impl Case<'_> {
    /// The step for it, unless the decision point has to be asked first.
    pub(super) fn decide(&self) -> Result<Step, NeedAnswer> {
        let route = &self.request.route;
        let facts = self.facts(self.answered.as_answer(route.failure_mode));
        let Evaluation { verdict, would_deny } =
            evaluate(&route.rules, opening_of(route, &facts), &facts)?;
        let rejection = match verdict {
            Verdict::Allow(allowed) => return self.permit(&allowed, would_deny),
            Verdict::Deny { rule } => Rejection::Forbidden { rule: rule.map(str::to_owned) },
            // Whoever has no token at all cannot be told that it grants too little.
            Verdict::Scope(scope) if self.caller.principal().is_none() => {
                Rejection::credentials(AuthnError::Missing).wanting(Some(scope))
            }
            Verdict::Scope(scope) => Rejection::Scope(Rc::clone(scope)),
            Verdict::Undecided { rule, error } => Rejection::Undecided { rule: rule.into(), error },
        };
        Ok(self.waive(&rejection).unwrap_or_else(|| self.refuse(rejection)))
    }

    fn facts<'f>(&'f self, answer: Answer<'f>) -> Facts<'f> {
        let policy = self.shared.policy();
        let provider = self.caller.principal().and_then(|p| policy.providers.get(p.provider()));
        Facts {
            caller: self.caller,
            provider: provider.map(|provider| &*provider.name),
            roles_claim: provider.and_then(|provider| provider.roles_claim.as_ref()),
            head: &self.request.head,
            template: &self.request.route.template,
            address: self.request.address.known(),
            now: self.now,
            answer,
        }
    }

    /// The step for a request that a rule allows: roles are a need of their own, asked for now if
    /// nobody asked before.
    fn permit(&self, allowed: &Allowed<'_>, would_deny: bool) -> Result<Step, NeedAnswer> {
        let Self { request, caller, shared, .. } = self;
        let identify = request.route.token != Token::None;
        let wants_roles = identify && caller.principal().is_some() && self.needs_roles();
        let mut passed = match (allowed.assumed(), request.unchecked) {
            (true, _) => Passed::Assumed,
            (false, true) => Passed::Unchecked,
            (false, false) => Passed::Permitted,
        };
        let decision = match self.answered {
            Answered::NotYet if wants_roles => return Err(NeedAnswer),
            Answered::NotYet => None,
            Answered::Known(decision, _) => Some(Rc::clone(decision)),
            Answered::Missing(error) => {
                // What a client can bring about must not rid it of its roles.
                let may_be_absent = request.route.roles_may_be_absent && error.may_fail_open();
                if wants_roles && !may_be_absent {
                    return Ok(self.refuse(without_roles(allowed.rule(), *error)));
                }
                if wants_roles && passed == Passed::Permitted {
                    passed = Passed::WithoutRoles;
                }
                None
            }
        };
        let permit = Permit::issue(allowed, caller, decision);
        let mut mutations = upstream::mutations(shared.policy(), &permit, &request.head, identify);
        if !self.sign(&permit, &mut mutations) {
            return Ok(self.refuse(Rejection::Unsigned));
        }
        let told = request.route.access_log || would_deny || passed != Passed::Permitted;
        let account = told.then(|| self.account(Some(allowed.rule()), would_deny));
        Ok(Step::Forward(mutations, passed, account, self.watch()))
    }

    /// Whether what is set from a permit has the decision point's roles in it.
    fn needs_roles(&self) -> bool {
        let policy = self.shared.policy();
        let signed = policy.signed_identity.as_ref();
        let states = || signed.is_some_and(|signed| signed.roles == Some(RoleSource::Decision));
        policy.headers_need_roles || (self.request.route.identity_audience.is_some() && states())
    }

    /// States who the caller is, where the route wants it said; false when that could not be signed.
    fn sign(&self, permit: &Permit<'_>, mutations: &mut Mutations) -> bool {
        let Some(audience) = &self.request.route.identity_audience else { return true };
        let policy = self.shared.policy();
        let Some(principal) = permit.caller().principal() else { return true };
        let signed =
            policy.signed_identity.as_ref().zip(policy.providers.get(principal.provider()));
        let header = signed.and_then(|(signed, provider)| {
            let (route, now) = (&self.request.route, self.now);
            let (method, path) = (self.request.head.method()?, self.request.head.path()?);
            let about = Occasion { permit, provider, route, audience, method, path, now };
            signed.header(&about, self.shared.notary())
        });
        mutations.set.extend(header.clone());
        header.is_some()
    }

    /// The step for a request that a shadow covers and that would be refused: it goes on as nobody's.
    fn waive(&self, rejection: &Rejection) -> Option<Step> {
        let Self { request, caller, shared, now, .. } = self;
        // A question that cannot be sent is about the request's form, which no trial covers.
        if matches!(self.answered, Answered::Missing(error) if error.is_unsendable()) {
            return None;
        }
        let of_route = request.route.shadow.filter(|shadow| shadow.covers(caller, *now));
        let waiver = match of_route {
            Some(_) => Waiver::of_shadow(),
            None => self.waiver_of_service()?,
        };
        let mutations = upstream::waived(shared.policy(), &waiver, caller, &request.head);
        let account = self.account(rejection.rule(), true);
        Some(Step::Forward(mutations, Passed::Waived, Some(account), self.watch()))
    }

    /// Where the decision point's answers are a trial: whether a yes would have let the request
    /// through.
    fn waiver_of_service(&self) -> Option<Waiver> {
        let service = self.shared.policy().services.get(self.request.route.service?)?;
        service.shadow.filter(|shadow| shadow.covers(self.caller, self.now))?;
        let facts = self.facts(Answer::Yes);
        let rules = &self.request.route.rules;
        let evaluation = evaluate(rules, opening_of(&self.request.route, &facts), &facts).ok()?;
        matches!(evaluation.verdict, Verdict::Allow(_)).then(Waiver::of_shadow)
    }

    /// What its stream has to end with, if it looks like one that lasts.
    fn watch(&self) -> Option<Watch> {
        let streams = self.request.route.streams?;
        if !streams.all_requests && !self.request.head.may_last() {
            return None;
        }
        let token = Rc::clone(self.caller.principal()?.token());
        Some(Watch { token, grace: streams.grace })
    }

    fn refuse(&self, rejection: Rejection) -> Step {
        let account = self.account(rejection.rule(), false);
        Step::Reply(rejection, account)
    }

    fn account(&self, rule: Option<&str>, would_deny: bool) -> Box<Account> {
        Box::new(Account {
            route: Some(Rc::clone(&self.request.route)),
            rule: rule.map(Into::into),
            source: self.answered.source(),
            subject: self.subject(),
            would_deny,
        })
    }

    /// The caller as the decision point's own log has it: by the name that it is asked about.
    fn subject(&self) -> Option<Box<str>> {
        let policy = self.shared.policy();
        let key = policy.log_key.as_ref()?;
        let principal = self.caller.principal()?;
        let service = self.request.route.service.and_then(|service| policy.services.get(service));
        let (kind, id) = match service {
            Some(service) => (&*service.mapping.subject_type, service.mapping.id_of(principal)?),
            None => ("identity", principal.subject()?),
        };
        subject_hash(key, kind, id)
    }
}

/// What the token alone says about a route's rules, which is found out once.
fn opening_of(route: &Rc<Route>, facts: &Facts<'_>) -> Opening {
    let Some(principal) = facts.caller.principal() else { return Opening::default() };
    principal.decisions().opening(route, || opening(&route.rules, facts))
}

fn without_roles(rule: &str, error: CheckError) -> Rejection {
    if error.is_the_callers() {
        Rejection::Forbidden { rule: Some(rule.into()) }
    } else {
        Rejection::Undecided { rule: rule.into(), error }
    }
}

impl Answered {
    fn as_answer(&self, failure_mode: FailureMode) -> Answer<'_> {
        match self {
            Self::NotYet => Answer::NotAsked,
            Self::Known(decision, _) => Answer::Known(decision),
            Self::Missing(error) => Answer::Missing {
                error: *error,
                assume_true: failure_mode == FailureMode::Allow && error.may_fail_open(),
            },
        }
    }

    const fn source(&self) -> Source {
        match self {
            Self::NotYet => Source::None,
            Self::Known(_, source) => *source,
            Self::Missing(_) => Source::Missing,
        }
    }
}
