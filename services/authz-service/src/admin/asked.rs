//! A request as handlers see it: read whole, with its conditions, its idempotency key and who sent
//! it; and the one way from it to a change.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::Admin;
use super::access::Administrator;
use crate::roles::{MalformedRoles, RoleName};
use crate::store::{Actor, Applied, Change, ETag, IdempotencyKey, Precondition, WriteError};
use crate::wire::json;
use crate::wire::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request.
pub(super) struct Asked {
    pub(super) administrator: Administrator,
    pub(super) headers: HeaderMap,
    /// Method and target.
    line: String,
    body: Bytes,
}

impl FromRequest<Arc<Admin>> for Asked {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let administrator = request.extensions().get::<Administrator>().cloned();
        let unknown =
            || Problem::new(StatusCode::UNAUTHORIZED, "Nobody is known to have sent this.");
        let administrator = administrator.ok_or_else(unknown)?;
        let headers = request.headers().clone();
        let line = format!("{} {}", request.method(), request.uri());
        let body = Bytes::from_request(request, admin).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return Problem::new(rejection.status(), "The body is too large.");
            }
            Problem::malformed(json::BODY, "could not be read")
        })?;
        Ok(Self { administrator, headers, line, body })
    }
}

impl Asked {
    /// The members of the body.
    pub(super) fn members(&self) -> Result<Map<String, Value>, Problem> {
        json::members(&self.headers, &self.body)
    }

    /// The body as a `T`, whose fields it names.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let members = Value::Object(self.members()?);
        serde_path_to_error::deserialize(members).map_err(|error| {
            let path = error.path().to_string();
            fault(&path, &error.inner().to_string())
        })
    }

    /// As [`Asked::body`]; none at all is one without members.
    pub(super) fn optional_body<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(T::default()) } else { self.body() }
    }

    /// Makes `change` under the request's conditions, in the name of who sent it. It is made to the
    /// end, whether they wait for the answer or not.
    pub(super) async fn apply(&self, admin: &Admin, change: Change) -> Result<Applied, Problem> {
        let (on, key) = (self.precondition()?, self.key()?);
        make(admin, change, on, self.administrator.actor.clone(), key).await
    }

    /// Whether what is put must not be there yet, so that putting it makes it.
    pub(super) fn is_creation(&self) -> bool {
        matches!(self.precondition(), Ok(Precondition::Absent))
    }

    pub(super) fn precondition(&self) -> Result<Precondition, Problem> {
        let forms = "must be `*` or one entity tag of this API";
        let matching = match self.header(&IF_MATCH)? {
            None => Precondition::None,
            Some("*") => Precondition::Exists,
            Some(tag) => ETag::parse(tag)
                .map(Precondition::Matches)
                .ok_or_else(|| Problem::malformed("if-match", forms))?,
        };
        match self.header(&IF_NONE_MATCH)? {
            None => Ok(matching),
            Some("*") if matching == Precondition::None => Ok(Precondition::Absent),
            // Both have to hold (RFC 9110, section 13.2.2), and cannot.
            Some("*") => Err(condition_failed()),
            Some(_) => Err(Problem::malformed("if-none-match", "must be `*`")),
        }
    }

    fn key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        let Some(text) = self.header(&IDEMPOTENCY_KEY)? else { return Ok(None) };
        let key = IdempotencyKey::parse(text);
        let key = key.ok_or_else(|| {
            Problem::malformed("idempotency-key", "must be 1 to 256 printable characters")
        })?;
        Ok(Some(key.of_request(self.digest())))
    }

    fn digest(&self) -> String {
        let condition = |name| self.headers.get(name).map_or(&[][..], |value| value.as_bytes());
        let mut digest = Sha256::new();
        for part in
            [self.line.as_bytes(), condition(IF_MATCH), condition(IF_NONE_MATCH), &self.body]
        {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn header(&self, name: &HeaderName) -> Result<Option<&str>, Problem> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value
                .to_str()
                .map(|text| Some(text.trim()))
                .map_err(|_| Problem::malformed(name.as_str(), "must be ASCII")),
            (Some(_), Some(_)) => Err(Problem::malformed(name.as_str(), "must be there once")),
        }
    }
}

/// Makes `change` to the end, whether whoever asked for it waits or not.
pub(crate) async fn make(
    admin: &Admin,
    change: Change,
    on: Precondition,
    actor: Actor,
    key: Option<IdempotencyKey>,
) -> Result<Applied, Problem> {
    let changes = admin.changes().clone();
    let change = async move { changes.apply(&change, on, &actor, key.as_ref()).await };
    let made = tokio::spawn(change.in_current_span());
    match made.await {
        Ok(outcome) => outcome.map_err(refused),
        Err(_) => Err(Problem::busy("The change may not have been made.")),
    }
}

/// A role's name out of a path or a form.
pub(crate) fn role_name(name: String) -> Result<RoleName, Problem> {
    RoleName::parse(name).map_err(|error| {
        let problem = format!("is not one: {error}");
        Problem::of_field(StatusCode::UNPROCESSABLE_ENTITY, "role", &problem)
    })
}

fn condition_failed() -> Problem {
    let detail = "It is not, or no longer, as the condition says.";
    Problem::new(StatusCode::PRECONDITION_FAILED, detail)
}

/// What a store says about a change that did not happen.
fn refused(error: WriteError) -> Problem {
    match error {
        WriteError::Store(error) => error.into(),
        WriteError::Invalid(error) => {
            // Named below the body, whatever the store calls it.
            let field = error.at.split_once('.').map_or(error.at.as_str(), |(_, below)| below);
            Problem::of_field(StatusCode::UNPROCESSABLE_ENTITY, field, &error.problem)
        }
        WriteError::PreconditionFailed => condition_failed(),
        WriteError::NotFound => Problem::new(StatusCode::NOT_FOUND, "There is no such thing."),
        WriteError::Conflict { what } => Problem::new(StatusCode::CONFLICT, format!("{what}.")),
        WriteError::KeyReused => Problem::of_field(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key",
            "was used for another request",
        ),
    }
}

/// A fault of a body, from the words of its reader: those repeat values, which we do not.
fn fault(path: &str, words: &str) -> Problem {
    let below = |name: &str| if path == "." { name.to_owned() } else { format!("{path}.{name}") };
    let quoted = || words.split('`').nth(1).unwrap_or_default();
    let at = if path == "." { json::BODY } else { path };
    if words.starts_with("missing field") {
        return Problem::malformed(below(quoted()), "is required");
    }
    if words.starts_with("unknown field") {
        return Problem::malformed(at, "has a member that is not known");
    }
    if words == MalformedRoles::Name.to_string() {
        return Problem::malformed(at, &format!("is not one: {words}"));
    }
    match words.rsplit_once(", expected ") {
        Some((_, expected)) if words.starts_with("invalid") || words.starts_with("unknown") => {
            Problem::malformed(at, &format!("must be {expected}"))
        }
        _ => Problem::malformed(at, "is not of the form that it must have"),
    }
}
