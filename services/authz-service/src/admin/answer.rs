//! What goes back: representations with their tag, and what became of a change.

use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;

use crate::store::{Applied, Stored};
use crate::wire::problem::Problem;

const NO_STORE: (axum::http::HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// Anything.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    (status, [NO_STORE], Json(value)).into_response()
}

/// One thing with its tag; 304 for who has it already.
pub(super) fn stored<T: Serialize>(
    headers: &HeaderMap,
    found: Option<Stored<T>>,
) -> Result<Response, Problem> {
    let found =
        found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "There is no such thing."))?;
    Ok(tagged(headers, &found.etag.to_string(), &found.value))
}

/// One thing under this tag; 304 for who has it already.
pub(super) fn tagged(headers: &HeaderMap, tag: &str, value: &impl Serialize) -> Response {
    let known = headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let has = |known: &str| {
        known == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
    };
    let headers = [NO_STORE, (ETAG, tag)];
    if known.is_some_and(has) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Json(value)).into_response()
}

/// What became of a change.
#[derive(Serialize)]
struct Done {
    /// The store's version with it.
    version: u64,
    /// Tag of what was changed; none once it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// Whether it happened before, under the same idempotency key.
    replayed: bool,
}

/// A change that happened.
pub(super) fn done(status: StatusCode, applied: &Applied) -> Response {
    let etag = applied.etag.map(|tag| tag.to_string());
    let body = Done { version: applied.version.0, etag: etag.clone(), replayed: applied.replayed };
    let answer = (status, [NO_STORE], Json(body));
    match etag {
        Some(tag) => ([(ETAG, tag)], answer).into_response(),
        None => answer.into_response(),
    }
}

/// The status of a put that happened.
pub(super) fn put(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { StatusCode::OK }
}

/// An entry of a list, with its tag.
#[derive(Serialize)]
pub(super) struct Item<T> {
    #[serde(flatten)]
    value: T,
    etag: String,
}

impl<T> From<Stored<T>> for Item<T> {
    fn from(found: Stored<T>) -> Self {
        Self { value: found.value, etag: found.etag.to_string() }
    }
}
