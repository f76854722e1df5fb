//! Request bodies → evaluation requests, each fault named by the field it is in.
//!
//! Stricter than deriving it would be (there an array passes for an object) and with paths that a
//! client can act on. Members we do not know are ignored, as AuthZEN asks of a receiver.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use claimgate_authz_api::{Action, EvaluationRequest, Properties, Resource, Subject};
use serde_json::{Map, Value};

use super::problem::Problem;

const BODY: &str = "body";

/// Reads a request, whatever its headers say is checked first.
pub(super) fn evaluation_request(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<EvaluationRequest, Problem> {
    if !is_json(headers) {
        return Err(Problem::malformed("content-type", "must be application/json"));
    }
    if body.is_empty() {
        return Err(Problem::malformed(BODY, "must not be empty"));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|_| Problem::malformed(BODY, "must be JSON"))?;
    let request = value.as_object().ok_or_else(|| Problem::malformed(BODY, "must be an object"))?;
    let (subject, action, resource) =
        (member(request, "subject")?, member(request, "action")?, member(request, "resource")?);
    Ok(EvaluationRequest {
        subject: Subject {
            kind: subject.text("type")?,
            id: subject.text("id")?,
            properties: subject.properties()?,
        },
        action: Action { name: action.text("name")?, properties: action.properties()? },
        resource: Resource {
            kind: resource.text("type")?,
            id: resource.text("id")?,
            properties: resource.properties()?,
        },
        context: optional_object(request.get("context"), || "context".into())?,
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A named object of the request.
struct Member<'a> {
    name: &'static str,
    fields: &'a Map<String, Value>,
}

fn member<'a>(request: &'a Map<String, Value>, name: &'static str) -> Result<Member<'a>, Problem> {
    let value = request.get(name).ok_or_else(|| Problem::malformed(name, "is required"))?;
    let fields = value.as_object().ok_or_else(|| Problem::malformed(name, "must be an object"))?;
    Ok(Member { name, fields })
}

impl Member<'_> {
    fn text(&self, field: &str) -> Result<String, Problem> {
        let at = || format!("{}.{field}", self.name);
        match self.fields.get(field) {
            None => Err(Problem::malformed(at(), "is required")),
            Some(Value::String(text)) if text.is_empty() => {
                Err(Problem::malformed(at(), "must not be empty"))
            }
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Problem::malformed(at(), "must be a string")),
        }
    }

    fn properties(&self) -> Result<Properties, Problem> {
        optional_object(self.fields.get("properties"), || format!("{}.properties", self.name))
    }
}

fn optional_object(value: Option<&Value>, at: impl Fn() -> String) -> Result<Properties, Problem> {
    match value {
        None => Ok(Properties::new()),
        Some(Value::Object(members)) => Ok(members.clone()),
        Some(_) => Err(Problem::malformed(at(), "must be an object")),
    }
}
