//! The plain way to decide: one policy set, everything built and validated by Cedar for each
//! question, nothing kept. What the engine is held equal to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy,
    PolicyId, PolicySet, Request, RestrictedExpression, Schema,
};
use claimgate_authz_api::Properties;
use serde_json::{Value, json};

use crate::engine::case::refusal;
use crate::engine::{Question, Reason, Verdict, value};

/// What a schema lists, written down by hand.
pub(super) struct Listed {
    pub(super) types: HashMap<&'static str, Vec<&'static str>>,
    pub(super) with_roles: HashSet<&'static str>,
    /// Attributes that a request cannot give.
    pub(super) stored: HashSet<&'static str>,
    pub(super) actions: HashMap<String, Vec<&'static str>>,
}

pub(super) struct WholeSet {
    pub(super) schema: Schema,
    pub(super) policies: PolicySet,
    pub(super) listed: Listed,
}

type Attributes = BTreeMap<String, RestrictedExpression>;

impl WholeSet {
    pub(super) fn new(schema: &str, policies: &str, listed: Listed) -> Self {
        let mut set = PolicySet::new();
        let parsed = PolicySet::from_str(policies).unwrap();
        for policy in parsed.policies() {
            let name = policy.annotation("id").unwrap();
            set.add(Policy::new_id(policy, PolicyId::new(name))).unwrap();
        }
        Self { schema: Schema::from_str(schema).unwrap(), policies: set, listed }
    }

    pub(super) fn decide(&self, question: &Question) -> Verdict {
        self.answer(question).unwrap_or_else(Verdict::refused)
    }

    fn answer(&self, question: &Question) -> Result<Verdict, Reason> {
        let asked = question.request;
        let members = self.listed.actions.get(&asked.action.name).ok_or(Reason::Action)?;
        let action = uid("Action", &asked.action.name);
        let mut context = convert(&asked.context)?;
        context.retain(|name, _| members.contains(&name.as_str()) && name != "action");
        let properties = json!({"action": asked.action.properties});
        let mut of_action = convert(properties.as_object().unwrap())?;
        of_action.retain(|name, _| members.contains(&name.as_str()));
        context.extend(of_action);
        let context = Context::from_pairs(context).map_err(|_| Reason::SchemaMismatch)?;
        let (principal, resource, entities) = self.entities(question)?;
        let request = Request::new(principal, action, resource, context, Some(&self.schema))
            .map_err(|error| refusal(&error))?;
        let entities = Entities::from_entities(entities, Some(&self.schema))
            .map_err(|_| Reason::SchemaMismatch)?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities);
        if response.diagnostics().errors().next().is_some() {
            return Err(Reason::PolicyError);
        }
        let mut names: Vec<String> =
            response.diagnostics().reason().map(ToString::to_string).collect();
        names.sort_unstable();
        let reason = if names.is_empty() { Reason::NoPolicy } else { Reason::Policy };
        let policies = names.iter().map(|name| name.as_str().into()).collect();
        Ok(Verdict { decision: response.decision() == Decision::Allow, reason, policies })
    }

    fn entities(&self, question: &Question) -> Result<(EntityUid, EntityUid, Vec<Entity>), Reason> {
        let (subject, resource) = (&question.request.subject, &question.request.resource);
        let of_subject = self.listed.types.get(&*subject.kind).ok_or(Reason::SubjectType)?;
        let of_resource = self.listed.types.get(&*resource.kind).ok_or(Reason::ResourceType)?;
        let (principal_uid, resource_uid) =
            (uid(&subject.kind, &subject.id), uid(&resource.kind, &resource.id));
        let mut attributes = Attributes::new();
        let mut entities = Vec::new();
        if principal_uid != resource_uid {
            self.merge(&mut attributes, question.resource, of_resource, true)?;
            self.merge(&mut attributes, &resource.properties, of_resource, false)?;
            let attributes = std::mem::take(&mut attributes);
            entities.push(entity(&resource_uid, attributes, HashSet::new())?);
        }
        self.merge(&mut attributes, question.subject, of_subject, true)?;
        self.merge(&mut attributes, &subject.properties, of_subject, false)?;
        if principal_uid == resource_uid {
            self.merge(&mut attributes, question.resource, of_resource, true)?;
            self.merge(&mut attributes, &resource.properties, of_resource, false)?;
        }
        let takes_roles = self.listed.with_roles.contains(&*subject.kind);
        let roles = question.roles.iter().filter(|_| takes_roles);
        let parents = roles.map(|role| uid("Role", role.as_str())).collect();
        entities.push(entity(&principal_uid, attributes, parents)?);
        Ok((principal_uid, resource_uid, entities))
    }

    fn merge(
        &self,
        into: &mut Attributes,
        properties: &Properties,
        listed: &[&str],
        from_store: bool,
    ) -> Result<(), Reason> {
        let mut converted = convert(properties)?;
        converted.retain(|name, _| {
            listed.contains(&name.as_str())
                && (from_store || !self.listed.stored.contains(name.as_str()))
        });
        into.extend(converted);
        Ok(())
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind = EntityTypeName::from_str(kind).unwrap();
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn entity(
    uid: &EntityUid,
    attributes: Attributes,
    parents: HashSet<EntityUid>,
) -> Result<Entity, Reason> {
    Entity::new_with_tags(uid.clone(), attributes, parents, []).map_err(|_| Reason::SchemaMismatch)
}

fn convert(properties: &Properties) -> Result<Attributes, Reason> {
    let converted = value::convert(properties).map_err(|error| match error.kind {
        value::UnrepresentableKind::ReservedName => Reason::ReservedName,
        _ => Reason::Value,
    })?;
    Ok(converted.into_iter().collect())
}

/// Only so that a literal reads like one.
pub(super) fn object(value: &Value) -> &Properties {
    value.as_object().unwrap()
}
