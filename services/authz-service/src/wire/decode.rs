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
    let mut part = |name| members.remove(name).map(Part::from);
    let (subject, action, resource) = (part("subject"), part("action"), part("resource"));
    Draft { subject, action, resource, context: members.remove("context") }.whole()
}

/// What was found of a question.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) subject: Option<Part>,
    pub(super) action: Option<Part>,
    pub(super) resource: Option<Part>,
    pub(super) context: Option<Value>,
}

/// What stands where an entity should; `None` for what is no object.
pub(super) struct Part(pub(super) Option<Fields>);

/// What was found of an entity.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) kind: Option<Value>,
    pub(super) id: Option<Value>,
    pub(super) name: Option<Value>,
    pub(super) properties: Option<Value>,
}

impl Draft {
    /// The question, if nothing is missing.
    pub(super) fn whole(self) -> Result<EvaluationRequest, Problem> {
        Ok(EvaluationRequest {
            subject: Entity::of(self.subject, "subject")?.into_subject()?,
            action: Entity::of(self.action, "action")?.into_action()?,
            resource: Entity::of(self.resource, "resource")?.into_resource()?,
            context: object_or_empty(self.context, || "context".into())?,
        })
    }
}

impl From<Value> for Part {
    fn from(value: Value) -> Self {
        let Value::Object(mut members) = value else { return Self(None) };
        let mut take = |name| members.remove(name);
        let (kind, id, name) = (take("type"), take("id"), take("name"));
        Self(Some(Fields { kind, id, name, properties: take("properties") }))
    }
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
    at: &'static str,
    fields: Fields,
}

impl Entity {
    /// Takes the entity called `name` out of a request.
    pub(super) fn required(
        request: &mut Map<String, Value>,
        name: &'static str,
    ) -> Result<Self, Problem> {
        Self::of(request.remove(name).map(Part::from), name)
    }

    fn of(part: Option<Part>, at: &'static str) -> Result<Self, Problem> {
        match part {
            None => Err(Problem::malformed(at, "is required")),
            Some(Part(None)) => Err(Problem::malformed(at, "must be an object")),
            Some(Part(Some(fields))) => Ok(Self { at, fields }),
        }
    }

    /// A subject of some type, whatever its id.
    pub(super) fn into_subject_type(self) -> Result<Subject, Problem> {
        self.with_ignored_id().into_subject()
    }

    /// A resource of some type, whatever its id.
    pub(super) fn into_resource_type(self) -> Result<Resource, Problem> {
        self.with_ignored_id().into_resource()
    }

    pub(super) fn into_subject(self) -> Result<Subject, Problem> {
        let Self { at, fields: Fields { kind, id, properties, .. } } = self;
        let (kind, id) = (text(kind, at, "type")?, text(id, at, "id")?);
        Ok(Subject { kind, id, properties: object_or_empty(properties, below(at))? })
    }

    pub(super) fn into_resource(self) -> Result<Resource, Problem> {
        let Self { at, fields: Fields { kind, id, properties, .. } } = self;
        let (kind, id) = (text(kind, at, "type")?, text(id, at, "id")?);
        Ok(Resource { kind, id, properties: object_or_empty(properties, below(at))? })
    }

    pub(super) fn into_action(self) -> Result<Action, Problem> {
        let Self { at, fields: Fields { name, properties, .. } } = self;
        let name = text(name, at, "name")?;
        Ok(Action { name, properties: object_or_empty(properties, below(at))? })
    }

    /// What a search looks for is put in the id's place later.
    fn with_ignored_id(mut self) -> Self {
        self.fields.id = Some(Value::from("*"));
        self
    }
}

fn text(value: Option<Value>, entity: &str, field: &str) -> Result<String, Problem> {
    let at = || format!("{entity}.{field}");
    match value {
        None => Err(Problem::malformed(at(), "is required")),
        Some(Value::String(text)) if text.is_empty() => {
            Err(Problem::malformed(at(), "must not be empty"))
        }
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Problem::malformed(at(), "must be a string")),
    }
}

fn below(entity: &str) -> impl Fn() -> String {
    move || format!("{entity}.properties")
}
