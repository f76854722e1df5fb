//! The policy engine: policies, entities and one question in, a decision and its reason out.
//!
//! Pure: no I/O, no clock, and no way to fail. Whatever cannot be decided is `decision: false`
//! with a reason. Policies are written in Cedar and validated against the schema when they are
//! loaded, and every question is validated against the same schema before it is evaluated, so a
//! policy never sees an attribute of another type than it was checked with. A policy that still
//! fails to evaluate makes the whole answer false: a `forbid` that was skipped must not turn into
//! a permit.
//!
//! Roles are the only parents an entity gets, and only from the store's side of a question.
//!
//! The way of a question: [`case`] looks its names up, converts and validates what it carries;
//! [`index`] finds the policies whose scopes hold; Cedar evaluates their conditions.

mod case;
mod conditions;
mod explain;
mod index;
mod load;
mod nesting;
mod prepared;
mod scope;
mod value;
mod version;
mod vocabulary;

use std::borrow::Cow;
use std::sync::Arc;

use cedar_policy::{Authorizer, Decision, Entities, Request, Response, Schema};
use claimgate_authz_api::{EvaluationRequest, Properties};

pub use explain::{
    Candidate, Detail, EntityUsed, Explanation, Outcome, PolicyPlace, RoleUsed, SourceOf,
};
pub use load::{InvalidPolicies, Problem, Source};
pub use prepared::{Prepared, Slot};
pub use value::{Unrepresentable, UnrepresentableKind};
pub use version::PolicyVersion;

use crate::roles::RoleName;
use case::Case;
use conditions::Conditions;
use index::{Index, PolicyNumber};
use vocabulary::Vocabulary;

/// A validated set of policies with the schema it was validated against.
pub struct Engine {
    authorizer: Authorizer,
    schema: Schema,
    vocabulary: Vocabulary,
    index: Index,
    conditions: Conditions,
    /// What every question's entities start from: the action groups, when a condition can see them.
    base: Entities,
    version: PolicyVersion,
    generation: u64,
}

/// A request together with what the store knows about its subject and resource.
pub struct Question<'a> {
    /// What was asked.
    pub request: &'a EvaluationRequest,
    /// Roles of the subject; they become its parents.
    pub roles: &'a [RoleName],
    /// Stored attributes of the subject; the request's win over them.
    pub subject: &'a Properties,
    /// Stored attributes of the resource; the request's win over them.
    pub resource: &'a Properties,
    /// Where the subject's prepared form is kept, for these roles and stored attributes.
    pub slot: Option<&'a Slot>,
}

/// The engine's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the subject may.
    pub decision: bool,
    /// Why.
    pub reason: Reason,
    /// Names of the policies that determined it, sorted; none when no policy did.
    pub policies: Vec<Arc<str>>,
}

impl Verdict {
    fn refused(reason: Reason) -> Self {
        Self { decision: false, reason, policies: Vec::new() }
    }

    /// The names of the determining policies as one text; `None` when no policy did.
    pub fn policy(&self) -> Option<Cow<'_, str>> {
        match self.policies.as_slice() {
            [] => None,
            [name] => Some(Cow::Borrowed(name)),
            names => Some(Cow::Owned(names.join(","))),
        }
    }
}

/// Why a decision is what it is, as a closed list of stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A permit or a forbid matched.
    Policy,
    /// No permit matched.
    NoPolicy,
    /// A policy failed to evaluate.
    PolicyError,
    /// The schema has no such subject type, or the action is not for it.
    SubjectType,
    /// The schema has no such resource type, or the action is not for it.
    ResourceType,
    /// The schema has no such action.
    Action,
    /// A property is named like one of Cedar's escapes (`__entity`).
    ReservedName,
    /// A property has a value that Cedar cannot hold.
    Value,
    /// A property has another type than the schema says, or a required one is missing.
    SchemaMismatch,
}

impl Reason {
    /// The code that `context.reason` carries.
    pub fn code(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::NoPolicy => "no_policy",
            Self::PolicyError => "policy_error",
            Self::SubjectType => "subject_type",
            Self::ResourceType => "resource_type",
            Self::Action => "action",
            Self::ReservedName => "reserved_name",
            Self::Value => "value",
            Self::SchemaMismatch => "schema_mismatch",
        }
    }
}

impl Engine {
    /// Decides `question`.
    pub fn decide(&self, question: &Question) -> Verdict {
        match self.case(question) {
            Ok(case) => self.verdict(self.tally(&case)),
            Err(reason) => Verdict::refused(reason),
        }
    }

    /// Whether the schema lists attributes for entities of this type, so that stored ones matter.
    pub fn has_attributes(&self, kind: &str) -> bool {
        self.vocabulary.entity_type(kind).is_some_and(|found| !found.attributes.is_empty())
    }

    /// The actions of the schema, sorted.
    pub fn action_names(&self) -> Vec<String> {
        self.vocabulary.action_names()
    }

    /// Names the texts it was loaded from.
    pub fn version(&self) -> &PolicyVersion {
        &self.version
    }

    /// How many policies it holds.
    pub fn policy_count(&self) -> usize {
        self.index.policies().len()
    }

    /// Counts the engines of this process; two never share a number.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    fn tally(&self, case: &Case) -> Tally {
        let mut tally = Tally::default();
        // Built for the first condition: most policies of a gateway have none.
        let mut request = None;
        for bucket in case.candidates(&self.index) {
            tally.permits.extend(&bucket.permits);
            tally.forbids.extend(&bucket.forbids);
            if let Some(policies) = &bucket.conditional {
                match request.get_or_insert_with(|| case.request()) {
                    Some(request) => tally.add(&self.ask(request, policies, case), &self.index),
                    None => tally.failed = true,
                }
            }
        }
        tally
    }

    fn ask(&self, request: &Request, policies: &cedar_policy::PolicySet, case: &Case) -> Response {
        self.authorizer.is_authorized(request, policies, case.entities())
    }

    fn verdict(&self, tally: Tally) -> Verdict {
        if tally.failed {
            return Verdict::refused(Reason::PolicyError);
        }
        let decision = tally.forbids.is_empty() && !tally.permits.is_empty();
        let mut determining = if tally.forbids.is_empty() { tally.permits } else { tally.forbids };
        // Policies are numbered in the order of their names.
        determining.sort_unstable();
        let name = |number| Some(Arc::clone(&self.index.policy(number)?.name));
        let policies: Vec<_> = determining.into_iter().filter_map(name).collect();
        let reason = if policies.is_empty() { Reason::NoPolicy } else { Reason::Policy };
        Verdict { decision, reason, policies }
    }
}

/// The policies found satisfied so far, and whether one failed.
#[derive(Default)]
struct Tally {
    permits: Vec<PolicyNumber>,
    forbids: Vec<PolicyNumber>,
    failed: bool,
}

impl Tally {
    fn add(&mut self, response: &Response, index: &Index) {
        let diagnostics = response.diagnostics();
        self.failed |= diagnostics.errors().next().is_some();
        let satisfied = match response.decision() {
            Decision::Allow => &mut self.permits,
            Decision::Deny => &mut self.forbids,
        };
        for policy in diagnostics.reason() {
            match index.number(policy) {
                Some(number) => satisfied.push(number),
                // Cedar names a policy that we did not give it.
                None => self.failed = true,
            }
        }
    }
}

/// Refuses properties that could not be converted when a question needs them.
pub fn check_values(properties: &Properties) -> Result<(), Unrepresentable> {
    value::convert(properties).map(drop)
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json! literals read better by value")]
mod tests;
