//! JSON members → the entities of AuthZEN 1.0 section 5, each fault named by the field it is in.
//!
//! Stricter than deriving it would be (there an array passes for an object) and with paths that a
//! client can act on. Members we do not know are ignored, as AuthZEN asks of a receiver. Values
//! are taken out of the request, never copied.

use claimgate_authz_api::{Action, EvaluationRequest, Properties, Resource, Subject};
use serde_json::{Map, Value};

use super::problem::Problem;

/// The question that `members` ask.
pub(crate) fn evaluation(mut members: Map<String, Value>) -> Result<EvaluationRequest, Problem> {
    Ok(EvaluationRequest {
        subject: Entity::required(&mut members, "subject")?.into_subject()?,
        action: Entity::required(&mut members, "action")?.into_action()?,
        resource: Entity::required(&mut members, "resource")?.into_resource()?,
        context: object_or_empty(members.remove("context"), || "context".into())?,
    })
}

/// The object in `value`; none when there is no value at all.
pub(super) fn optional_object(
    value: Option<Value>,
    at: impl Fn() -> String,
) -> Result<Option<Map<String, Value>>, Problem> {
    match value {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Problem::malformed(at(), "must be an object")),
    }
}

/// As [`optional_object`], empty when there is none.
pub(super) fn object_or_empty(
    value: Option<Value>,
    at: impl Fn() -> String,
) -> Result<Properties, Problem> {
    optional_object(value, at).map(Option::unwrap_or_default)
}

/// A subject, action or resource of a request, not yet known to be whole.
pub(super) struct Entity {
    name: &'static str,
    members: Map<String, Value>,
}

impl Entity {
    /// Takes the entity called `name` out of a request.
    pub(super) fn required(
        request: &mut Map<String, Value>,
        name: &'static str,
    ) -> Result<Self, Problem> {
        let members = optional_object(request.remove(name), || name.into())?
            .ok_or_else(|| Problem::malformed(name, "is required"))?;
        Ok(Self { name, members })
    }

    /// A subject of some type, whatever its id.
    pub(super) fn into_subject_type(self) -> Result<Subject, Problem> {
        self.with_ignored_id().into_subject()
    }

    /// A resource of some type, whatever its id.
    pub(super) fn into_resource_type(self) -> Result<Resource, Problem> {
        self.with_ignored_id().into_resource()
    }

    pub(super) fn into_subject(mut self) -> Result<Subject, Problem> {
        let (kind, id) = (self.text("type")?, self.text("id")?);
        Ok(Subject { kind, id, properties: self.properties()? })
    }

    pub(super) fn into_resource(mut self) -> Result<Resource, Problem> {
        let (kind, id) = (self.text("type")?, self.text("id")?);
        Ok(Resource { kind, id, properties: self.properties()? })
    }

    pub(super) fn into_action(mut self) -> Result<Action, Problem> {
        Ok(Action { name: self.text("name")?, properties: self.properties()? })
    }

    /// What a search looks for is put in the id's place later.
    fn with_ignored_id(mut self) -> Self {
        self.members.insert("id".into(), Value::from("*"));
        self
    }

    fn text(&mut self, field: &str) -> Result<String, Problem> {
        let at = || format!("{}.{field}", self.name);
        match self.members.remove(field) {
            None => Err(Problem::malformed(at(), "is required")),
            Some(Value::String(text)) if text.is_empty() => {
                Err(Problem::malformed(at(), "must not be empty"))
            }
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Problem::malformed(at(), "must be a string")),
        }
    }

    fn properties(&mut self) -> Result<Properties, Problem> {
        object_or_empty(self.members.remove("properties"), || format!("{}.properties", self.name))
    }
}
