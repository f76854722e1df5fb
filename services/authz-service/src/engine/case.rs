//! A question made ready: every name looked up, every value converted and validated against the
//! schema. What cannot be is a reason, and no policy is asked.
//!
//! Stored attributes and the request's own are layers, a later one winning; null says nothing.
//! Every value is converted, listed or not, so that a question with a value we cannot hold gets
//! the same answer whatever the schema of the day lists.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use cedar_policy::{
    Context, Entities, Entity, EntityUid, Request, RequestValidationError, RestrictedExpression,
};
use claimgate_authz_api::{EvaluationRequest, Properties};
use serde_json::Value;

use super::index::{Bucket, Index};
use super::prepared::{Prepared, Principal};
use super::scope::Place;
use super::value::{self, UnrepresentableKind};
use super::vocabulary::{ACTION_PROPERTIES, ActionType, EntityType, Giver};
use super::{Engine, Question, Reason};
use crate::roles::RoleName;

/// A question that policies can be asked.
pub(super) struct Case<'a> {
    asked: &'a EvaluationRequest,
    action: &'a ActionType,
    context: Context,
    prepared: Arc<Prepared>,
    resource_type: &'a EntityType,
    resource: Place,
    /// `None` when the subject's entities are all there are.
    entities: Option<Entities>,
}

/// Attributes of one origin.
#[derive(Clone, Copy)]
enum Layer<'a> {
    Stored(&'a Properties),
    Asked(&'a Properties),
}

impl Case<'_> {
    pub(super) fn principal(&self) -> &Principal {
        &self.prepared.principal
    }

    pub(super) fn entities(&self) -> &Entities {
        self.entities.as_ref().unwrap_or(&self.principal().entities)
    }

    /// The buckets of policies whose scopes hold.
    pub(super) fn candidates<'a>(&'a self, index: &'a Index) -> impl Iterator<Item = &'a Bucket> {
        let Principal { buckets, place, .. } = self.principal();
        index.candidates(buckets, place, self.action.number, &self.resource)
    }

    /// The subject and the resource; one when they are the same.
    pub(super) fn uids(&self) -> Vec<EntityUid> {
        let principal = self.principal().uid.clone();
        let resource = self.resource_type.uid(&self.asked.resource.id);
        if principal == resource { vec![principal] } else { vec![principal, resource] }
    }

    /// The question in Cedar's form. Without a schema nothing can be wrong with it: what it
    /// carries has been validated already.
    pub(super) fn request(&self) -> Option<Request> {
        let principal = self.principal().uid.clone();
        let resource = self.resource_type.uid(&self.asked.resource.id);
        Request::new(principal, self.action.uid.clone(), resource, self.context.clone(), None).ok()
    }
}

impl Engine {
    /// Makes a question ready, or says why it cannot be asked.
    pub(super) fn case<'a>(&'a self, question: &Question<'a>) -> Result<Case<'a>, Reason> {
        let asked = question.request;
        let action = self.vocabulary.action(&asked.action.name).ok_or(Reason::Action)?;
        let context = context(asked, action)?;
        let (subject, resource) = (&asked.subject, &asked.resource);
        let subject_type = self.vocabulary.entity_type(&subject.kind).ok_or(Reason::SubjectType)?;
        let resource_type =
            self.vocabulary.entity_type(&resource.kind).ok_or(Reason::ResourceType)?;
        // A subject asked about as a resource is one entity, not two of the same name.
        let itself = subject_type.number == resource_type.number && subject.id == resource.id;
        let of_resource = [Layer::Stored(question.resource), Layer::Asked(&resource.properties)];
        let (prepared, attributes) = if itself {
            (self.prepare_itself(question, subject_type, of_resource), Vec::new())
        } else {
            let attributes = attributes(resource_type, &of_resource)?;
            (self.prepare(question, subject_type), attributes)
        };
        let principal = &prepared.principal;
        principal.values?;
        check_scope(asked, action, subject_type, resource_type)?;
        self.check_context(context.as_ref(), action)?;
        principal.valid?;
        let entities = match itself {
            true => None,
            false => self.with_resource(principal, resource_type, &resource.id, attributes)?,
        };
        let place = match itself {
            true => principal.place.clone(),
            false => self.index.place(resource_type.number, &resource.id, std::iter::empty()),
        };
        let context = context.unwrap_or_else(|| action.plain_context.clone());
        Ok(Case { asked, action, context, prepared, resource_type, resource: place, entities })
    }

    fn prepare(&self, question: &Question, kind: &EntityType) -> Arc<Prepared> {
        let subject = &question.request.subject;
        let principal = || {
            let layers = [Layer::Stored(question.subject), Layer::Asked(&subject.properties)];
            self.principal(kind, &subject.id, question.roles, &layers)
        };
        let prepared = |it| Arc::new(Prepared::new(self.generation, subject, it));
        match question.slot {
            None => prepared(principal()),
            Some(slot) => slot.find_or_make(self.generation, subject, || {
                prepared(self.worth_keeping(principal()))
            }),
        }
    }

    /// Attributes are most of a subject, and without conditions nobody asks for them.
    fn worth_keeping(&self, principal: Principal) -> Principal {
        match self.conditions.exist {
            true => principal,
            false => Principal { entities: self.base.clone(), ..principal },
        }
    }

    /// A subject that is also the resource: what is known of either is of both.
    fn prepare_itself(
        &self,
        question: &Question,
        kind: &EntityType,
        of_resource: [Layer; 2],
    ) -> Arc<Prepared> {
        if question.resource.is_empty() && question.request.resource.properties.is_empty() {
            return self.prepare(question, kind);
        }
        let subject = &question.request.subject;
        let [stored, asked] = of_resource;
        let layers =
            [Layer::Stored(question.subject), Layer::Asked(&subject.properties), stored, asked];
        let principal = self.principal(kind, &subject.id, question.roles, &layers);
        Arc::new(Prepared::new(self.generation, subject, principal))
    }

    fn principal(
        &self,
        kind: &EntityType,
        id: &str,
        roles: &[RoleName],
        layers: &[Layer],
    ) -> Principal {
        let uid = kind.uid(id);
        let role = self.vocabulary.role().filter(|_| kind.takes_roles);
        let named = roles.iter().filter_map(|name| Some((role?, name.as_str())));
        let place = self.index.place(kind.number, id, named.clone().map(|(r, n)| (r.number, n)));
        let visible = named.filter(|(_, name)| self.conditions.can_see_role(name));
        let parents = visible.map(|(role, name)| role.uid(name)).collect();
        let attributes = attributes(kind, layers);
        let values = attributes.as_ref().map(drop).map_err(|reason| *reason);
        let attributes = attributes.unwrap_or_default();
        let with = self.with(&self.base, kind, id, attributes, parents);
        let valid = with.as_ref().map(drop).map_err(|reason| *reason);
        let entities = with.ok().flatten().unwrap_or_else(|| self.base.clone());
        Principal { uid, buckets: self.index.of_principal(&place), place, values, valid, entities }
    }

    fn with_resource(
        &self,
        principal: &Principal,
        kind: &EntityType,
        id: &str,
        attributes: Vec<(String, RestrictedExpression)>,
    ) -> Result<Option<Entities>, Reason> {
        self.with(&principal.entities, kind, id, attributes, HashSet::new())
    }

    /// `entities` with one more, which the schema must take. `None` when there is nothing to it:
    /// to Cedar an entity that is not there is one without attributes and parents.
    fn with(
        &self,
        entities: &Entities,
        kind: &EntityType,
        id: &str,
        attributes: Vec<(String, RestrictedExpression)>,
        parents: HashSet<EntityUid>,
    ) -> Result<Option<Entities>, Reason> {
        if attributes.is_empty() && parents.is_empty() {
            let valid = kind.valid_without_attributes;
            return if valid { Ok(None) } else { Err(Reason::SchemaMismatch) };
        }
        let entity = Entity::new_with_tags(kind.uid(id), attributes, parents, [])
            .map_err(|_| Reason::SchemaMismatch)?;
        let all = entities.clone().add_entities([entity], Some(&self.schema));
        all.map(Some).map_err(|_| Reason::SchemaMismatch)
    }

    fn check_context(&self, context: Option<&Context>, action: &ActionType) -> Result<(), Reason> {
        match context {
            Some(context) => {
                context.validate(&self.schema, &action.uid).map_err(|error| refusal(&error))
            }
            None if action.valid_without_context => Ok(()),
            None => Err(Reason::SchemaMismatch),
        }
    }
}

/// What Cedar finds out about a request's names from the schema, in the order it does.
fn check_scope(
    asked: &EvaluationRequest,
    action: &ActionType,
    subject: &EntityType,
    resource: &EntityType,
) -> Result<(), Reason> {
    if !subject.has_entity(&asked.subject.id) || !resource.has_entity(&asked.resource.id) {
        return Err(Reason::SchemaMismatch);
    }
    if !action.is_for_principal(subject.number) {
        return Err(Reason::SubjectType);
    }
    if !action.is_for_resource(resource.number) {
        return Err(Reason::ResourceType);
    }
    Ok(())
}

/// The listed attributes of `layers`, but for those in a request that only the store may give.
fn attributes(
    kind: &EntityType,
    layers: &[Layer],
) -> Result<Vec<(String, RestrictedExpression)>, Reason> {
    let mut merged = BTreeMap::new();
    for layer in layers {
        let (properties, from_store) = match layer {
            Layer::Stored(properties) => (properties, true),
            Layer::Asked(properties) => (properties, false),
        };
        let may_give = |name: &String| match kind.attributes.get(name) {
            Some(Giver::Anyone) => true,
            Some(Giver::StoreOnly) => from_store,
            None => false,
        };
        merged.extend(convert(properties)?.into_iter().filter(|(name, _)| may_give(name)));
    }
    Ok(merged.into_iter().collect())
}

/// The context of a request; `None` for the plain one of its action.
fn context(asked: &EvaluationRequest, action: &ActionType) -> Result<Option<Context>, Reason> {
    if asked.context.is_empty() && asked.action.properties.is_empty() {
        return Ok(None);
    }
    let mut members = convert(&asked.context)?;
    members.retain(|(name, _)| action.context.contains(name) && name != ACTION_PROPERTIES);
    let of_action = Properties::from_iter([(
        ACTION_PROPERTIES.to_owned(),
        Value::Object(asked.action.properties.clone()),
    )]);
    let of_action = convert(&of_action)?;
    members.extend(of_action.into_iter().filter(|(name, _)| action.context.contains(name)));
    Context::from_pairs(members).map(Some).map_err(|_| Reason::SchemaMismatch)
}

fn convert(properties: &Properties) -> Result<Vec<(String, RestrictedExpression)>, Reason> {
    value::convert(properties).map_err(|error| match error.kind {
        UnrepresentableKind::ReservedName => Reason::ReservedName,
        UnrepresentableKind::Number
        | UnrepresentableKind::NullInArray
        | UnrepresentableKind::Depth => Reason::Value,
    })
}

pub(super) fn refusal(error: &RequestValidationError) -> Reason {
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
