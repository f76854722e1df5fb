//! The policy engine: policies, entities and one question in, a decision and its reason out.
//!
//! Pure: no I/O, no clock, nothing kept between questions, and no way to fail. Whatever cannot be
//! decided is `decision: false` with a reason. Policies are written in Cedar and validated
//! against the schema when they are loaded, and every question is validated against the same
//! schema before it is evaluated, so a policy never sees an attribute of another type than it was
//! checked with. A policy that still fails to evaluate makes the whole answer false: a `forbid`
//! that was skipped must not turn into a permit.
//!
//! Roles are the only parents an entity gets, and only from the store's side of a question.

mod load;
mod value;
mod vocabulary;

use std::collections::HashSet;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityUid, PolicySet, Request,
    RequestValidationError, Response, RestrictedExpression, Schema,
};
use claimgate_authz_api::{EvaluationRequest, Properties};
use serde_json::Value;

pub use load::{InvalidPolicies, Source};
pub use value::{Unrepresentable, UnrepresentableKind};

use crate::roles::RoleName;
use vocabulary::{EntityType, Vocabulary};

/// Context member that carries the action's properties, for schemas that declare it: Cedar
/// actions have no attributes of their own.
const ACTION_PROPERTIES: &str = "action";

/// A validated set of policies with the schema it was validated against.
pub struct Engine {
    authorizer: Authorizer,
    policies: PolicySet,
    schema: Schema,
    vocabulary: Vocabulary,
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
}

/// The engine's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the subject may.
    pub decision: bool,
    /// Why.
    pub reason: Reason,
    /// Names of the policies that determined it, sorted; none when no policy did.
    pub policies: Vec<String>,
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

/// Refuses properties that could not be converted when a question needs them.
pub fn check_values(properties: &Properties) -> Result<(), Unrepresentable> {
    value::convert(properties).map(drop)
}

impl Engine {
    /// Decides `question`.
    pub fn decide(&self, question: &Question) -> Verdict {
        self.evaluate(question).unwrap_or_else(|reason| Verdict {
            decision: false,
            reason,
            policies: Vec::new(),
        })
    }

    /// Whether the schema lists attributes for entities of this type, so that stored ones matter.
    pub fn has_attributes(&self, kind: &str) -> bool {
        self.vocabulary.entity_type(kind).is_some_and(|found| !found.attributes.is_empty())
    }

    /// The actions of the schema, sorted.
    pub fn action_names(&self) -> Vec<String> {
        self.vocabulary.action_names()
    }

    fn evaluate(&self, question: &Question) -> Result<Verdict, Reason> {
        let asked = question.request;
        let action = self.vocabulary.action(&asked.action.name).ok_or(Reason::Action)?;
        let context = context(asked, &action.context)?;
        let (principal, resource, entities) = self.entities(question)?;
        let request =
            Request::new(principal, action.uid.clone(), resource, context, Some(&self.schema))
                .map_err(|error| refusal(&error))?;
        let entities = Entities::from_entities(entities, Some(&self.schema))
            .map_err(|_| Reason::SchemaMismatch)?;
        Ok(verdict(&self.authorizer.is_authorized(&request, &self.policies, &entities)))
    }

    fn entities(&self, question: &Question) -> Result<(EntityUid, EntityUid, Vec<Entity>), Reason> {
        let (subject, resource) = (&question.request.subject, &question.request.resource);
        let subject_type = self.vocabulary.entity_type(&subject.kind).ok_or(Reason::SubjectType)?;
        let resource_type =
            self.vocabulary.entity_type(&resource.kind).ok_or(Reason::ResourceType)?;
        let principal_uid = uid(subject_type, &subject.id);
        let resource_uid = uid(resource_type, &resource.id);

        let mut subject_layers = vec![question.subject, &subject.properties];
        let resource_layers = [question.resource, &resource.properties];
        let mut entities = Vec::with_capacity(2);
        // A subject asked about as a resource is one entity, not two of the same name.
        if principal_uid == resource_uid {
            subject_layers.extend(resource_layers);
        } else {
            let attributes = attributes(resource_type, &resource_layers)?;
            entities.push(entity(resource_uid.clone(), attributes, HashSet::new())?);
        }
        let attributes = attributes(subject_type, &subject_layers)?;
        let parents = self.parents(subject_type, question.roles);
        entities.push(entity(principal_uid.clone(), attributes, parents)?);
        Ok((principal_uid, resource_uid, entities))
    }

    fn parents(&self, subject_type: &EntityType, roles: &[RoleName]) -> HashSet<EntityUid> {
        if !subject_type.takes_roles {
            return HashSet::new();
        }
        roles.iter().filter_map(|role| self.vocabulary.role(role.as_str())).collect()
    }
}

fn uid(entity_type: &EntityType, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(entity_type.name.clone(), EntityId::new(id))
}

fn entity(
    uid: EntityUid,
    attributes: Vec<(String, RestrictedExpression)>,
    parents: HashSet<EntityUid>,
) -> Result<Entity, Reason> {
    Entity::new_with_tags(uid, attributes, parents, []).map_err(|_| Reason::SchemaMismatch)
}

/// The listed attributes of `layers`, a later layer winning over an earlier one; null says
/// nothing. Every value is converted, listed or not, so that a question with a value we cannot
/// hold gets the same answer whatever the schema of the day lists.
fn attributes(
    entity_type: &EntityType,
    layers: &[&Properties],
) -> Result<Vec<(String, RestrictedExpression)>, Reason> {
    let mut merged = std::collections::BTreeMap::new();
    for layer in layers {
        merged.extend(convert(layer)?);
    }
    merged.retain(|name, _| entity_type.attributes.contains(name));
    Ok(merged.into_iter().collect())
}

fn context(asked: &EvaluationRequest, listed: &HashSet<String>) -> Result<Context, Reason> {
    let mut members = convert(&asked.context)?;
    members.retain(|(name, _)| listed.contains(name) && name != ACTION_PROPERTIES);
    let of_action = Properties::from_iter([(
        ACTION_PROPERTIES.to_owned(),
        Value::Object(asked.action.properties.clone()),
    )]);
    let of_action = convert(&of_action)?;
    members.extend(of_action.into_iter().filter(|(name, _)| listed.contains(name)));
    Context::from_pairs(members).map_err(|_| Reason::SchemaMismatch)
}

fn convert(properties: &Properties) -> Result<Vec<(String, RestrictedExpression)>, Reason> {
    value::convert(properties).map_err(|error| match error.kind {
        UnrepresentableKind::ReservedName => Reason::ReservedName,
        UnrepresentableKind::Number
        | UnrepresentableKind::NullInArray
        | UnrepresentableKind::Depth => Reason::Value,
    })
}

fn refusal(error: &RequestValidationError) -> Reason {
    match error {
        RequestValidationError::UndeclaredAction(_) | RequestValidationError::ExternalAction(_) => {
            Reason::Action
        }
        RequestValidationError::UndeclaredPrincipalType(_)
        | RequestValidationError::InvalidPrincipalType(_) => Reason::SubjectType,
        RequestValidationError::UndeclaredResourceType(_)
        | RequestValidationError::InvalidResourceType(_) => Reason::ResourceType,
        _ => Reason::SchemaMismatch,
    }
}

fn verdict(response: &Response) -> Verdict {
    let diagnostics = response.diagnostics();
    if diagnostics.errors().next().is_some() {
        return Verdict { decision: false, reason: Reason::PolicyError, policies: Vec::new() };
    }
    let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
    policies.sort_unstable();
    let reason = if policies.is_empty() { Reason::NoPolicy } else { Reason::Policy };
    Verdict { decision: response.decision() == Decision::Allow, reason, policies }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json! literals read better by value")]
mod tests;
