//! A decision with everything that went into it, for the person who has to understand it.
//!
//! The same question, the same look-up of candidates and the same conditions as `decide`; only
//! each policy is asked on its own, so that each has an outcome. Not fast, and not for callers:
//! it names policies that did not decide. Attribute values are left out unless asked for, and no
//! text of Cedar's is passed on, because Cedar's errors carry values.

use std::collections::BTreeMap;

use cedar_policy::{
    AuthorizationError, Effect, Entity, EvalResult, EvaluationError, PolicySet, Request, Response,
};
use serde::Serialize;

use super::case::Case;
use super::index::{Listed, PolicyNumber};
use super::{Engine, Question, Reason, Verdict};
use crate::roles::RoleName;

/// Why a question is answered the way it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Whether the subject may.
    pub decision: bool,
    /// Why.
    #[serde(serialize_with = "code")]
    pub reason: Reason,
    /// Version of the policies that were asked.
    pub policy_version: String,
    /// The policies that determined the decision, by name.
    pub determining: Vec<PolicyPlace>,
    /// Every policy whose scope holds for the question, by name.
    pub candidates: Vec<Candidate>,
    /// How many policies there are in all; those that are no candidates have another scope.
    pub policies: usize,
    /// What Cedar was given about the subject and the resource.
    pub entities: Vec<EntityUsed>,
    /// The subject's roles, in order.
    pub roles: Vec<RoleUsed>,
}

/// A policy and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyPlace {
    /// Its name.
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// The line it begins on, counted from 1.
    pub line: usize,
}

/// A policy that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Which one.
    #[serde(flatten)]
    pub place: PolicyPlace,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// What came of its conditions.
    pub outcome: Outcome,
}

/// What came of a policy's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "error", rename_all = "snake_case")]
pub enum Outcome {
    /// They hold, or there are none.
    Satisfied,
    /// They do not hold.
    NotSatisfied,
    /// They could not be evaluated; the text names the kind of error.
    Failed(&'static str),
}

/// An entity with what Cedar was told about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntityUsed {
    /// Type and id, in Cedar's form.
    pub uid: String,
    /// Its attributes: the value where values were asked for, else null.
    pub attributes: BTreeMap<String, Option<String>>,
}

/// A role of the subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleUsed {
    /// Its name.
    pub name: String,
    /// Where it comes from, for who knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Tells where a role comes from; `None` when it does not know.
pub type SourceOf<'a> = &'a dyn Fn(&RoleName) -> Option<String>;

/// What an explanation may tell, and what its asker knows beside the question.
#[derive(Default)]
pub struct Detail<'a> {
    /// Whether attribute values are shown.
    pub values: bool,
    /// Where roles come from: granted, inherited, looked up.
    pub source_of: Option<SourceOf<'a>>,
}

impl Engine {
    /// Decides `question` as [`Engine::decide`] does, and tells how.
    pub fn explain(&self, question: &Question, detail: &Detail) -> Explanation {
        let role = |role: &RoleName| RoleUsed {
            name: role.as_str().to_owned(),
            source: detail.source_of.and_then(|source_of| source_of(role)),
        };
        let mut explanation = Explanation {
            decision: false,
            reason: Reason::NoPolicy,
            policy_version: self.version.to_string(),
            determining: Vec::new(),
            candidates: Vec::new(),
            policies: self.index.policies().len(),
            entities: Vec::new(),
            roles: question.roles.iter().map(role).collect(),
        };
        match self.case(question) {
            Ok(case) => self.explain_case(&case, detail, &mut explanation),
            Err(reason) => explanation.reason = reason,
        }
        explanation
    }

    fn explain_case(&self, case: &Case, detail: &Detail, explanation: &mut Explanation) {
        let mut candidates = self.outcomes(case);
        candidates.sort_by_key(|(number, ..)| *number);
        let verdict = verdict(&candidates);
        explanation.decision = verdict.decision;
        explanation.reason = verdict.reason;
        for (_, listed, outcome) in candidates {
            let (place, effect) = (place(listed), effect(listed));
            if verdict.policies.contains(&listed.name) {
                explanation.determining.push(place.clone());
            }
            explanation.candidates.push(Candidate { place, effect, outcome });
        }
        let used = |entity: &Entity| entity_used(entity, detail.values);
        let shown = case.uids().into_iter().map(|uid| match case.entities().get(&uid) {
            Some(entity) => used(entity),
            None => EntityUsed { uid: uid.to_string(), attributes: BTreeMap::new() },
        });
        explanation.entities = shown.collect();
    }

    fn outcomes(&self, case: &Case) -> Vec<(PolicyNumber, &Listed, Outcome)> {
        let request = case.request();
        let mut outcomes = Vec::new();
        for bucket in case.candidates(&self.index) {
            for number in bucket.permits.iter().chain(&bucket.forbids) {
                let listed = self.index.policy(*number);
                outcomes.extend(listed.map(|listed| (*number, listed, Outcome::Satisfied)));
            }
            for policy in bucket.conditional.iter().flat_map(PolicySet::policies) {
                let Some(number) = self.index.number(policy.id()) else { continue };
                let outcome = match (&request, PolicySet::from_policies([policy.clone()])) {
                    (Some(request), Ok(alone)) => self.outcome(request, &alone, case),
                    _ => Outcome::Failed("cannot be asked alone"),
                };
                let listed = self.index.policy(number);
                outcomes.extend(listed.map(|listed| (number, listed, outcome)));
            }
        }
        outcomes
    }

    fn outcome(&self, request: &Request, alone: &PolicySet, case: &Case) -> Outcome {
        outcome(&self.ask(request, alone, case))
    }
}

fn outcome(response: &Response) -> Outcome {
    let diagnostics = response.diagnostics();
    if let Some(AuthorizationError::PolicyEvaluationError(error)) = diagnostics.errors().next() {
        return Outcome::Failed(kind(error.inner()));
    }
    match diagnostics.reason().next() {
        Some(_) => Outcome::Satisfied,
        None => Outcome::NotSatisfied,
    }
}

/// The same combination as that of a tally, from outcomes.
fn verdict(candidates: &[(PolicyNumber, &Listed, Outcome)]) -> Verdict {
    if candidates.iter().any(|(.., outcome)| matches!(outcome, Outcome::Failed(_))) {
        return Verdict::refused(Reason::PolicyError);
    }
    let satisfied = |effect: Effect| {
        let holds = candidates.iter().filter(|(.., outcome)| *outcome == Outcome::Satisfied);
        let of_effect = holds.filter(move |(_, listed, _)| listed.policy.effect() == effect);
        of_effect.map(|(_, listed, _)| listed.name.clone()).collect::<Vec<_>>()
    };
    let (permits, forbids) = (satisfied(Effect::Permit), satisfied(Effect::Forbid));
    let decision = forbids.is_empty() && !permits.is_empty();
    let policies = if forbids.is_empty() { permits } else { forbids };
    let reason = if policies.is_empty() { Reason::NoPolicy } else { Reason::Policy };
    Verdict { decision, reason, policies }
}

fn place(listed: &Listed) -> PolicyPlace {
    let (name, file) = (listed.name.to_string(), listed.file.to_string());
    PolicyPlace { name, file, line: listed.line }
}

fn effect(listed: &Listed) -> &'static str {
    match listed.policy.effect() {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

fn entity_used(entity: &Entity, values: bool) -> EntityUsed {
    let shown = |value: &EvalResult| values.then(|| value.to_string());
    let attributes =
        entity.attrs().map(|(name, value)| (name.to_owned(), value.ok().as_ref().and_then(shown)));
    EntityUsed { uid: entity.uid().to_string(), attributes: attributes.collect() }
}

fn kind(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "an entity without attributes",
        EvaluationError::EntityAttrDoesNotExist(_) => "an entity without the attribute",
        EvaluationError::RecordAttrDoesNotExist(_) => "a record without the attribute",
        EvaluationError::TypeError(_) => "a value of another type",
        EvaluationError::IntegerOverflow(_) => "an integer overflow",
        EvaluationError::FailedExtensionFunctionExecution(_) => "an extension function failed",
        EvaluationError::RecursionLimit(_) => "nested too deeply",
        _ => "evaluation failed",
    }
}

fn code<S: serde::Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.code())
}
