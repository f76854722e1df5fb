//! The demo's error bodies and its one way to write a time.
//!
//! Texts are given by the callers; a reply never quotes a header or anything else of the
//! request but the path parameter that [`crate::InvalidId`] complains about.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;

/// A refusal in the demo's form: `{"detail":"<text>"}` with `status`.
pub fn refusal(status: StatusCode, detail: &str) -> Response {
    (status, Json(Detail { detail })).into_response()
}

/// Now, as ISO 8601 in UTC with microseconds: `2026-01-31T12:00:00.000000Z`.
pub fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[derive(Serialize)]
pub(crate) struct Detail<T> {
    pub(crate) detail: T,
}
