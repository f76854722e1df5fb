//! Refusals as RFC 9457 problem details, and the one table from errors to statuses.
//!
//! A detail may name a field and what is wrong with it; it never repeats a value, and for a fault
//! of ours it says nothing of what failed.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::MAX_BODY_BYTES;
use crate::store::StoreError;

/// A refusal on its way out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<String>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None }
    }

    /// 400 for a member of the request: `field` is its path, such as `subject.id`.
    pub(crate) fn malformed(field: impl Into<String>, detail: &str) -> Self {
        let field = field.into();
        let detail = format!("{field} {detail}");
        Self { status: StatusCode::BAD_REQUEST, detail, field: Some(field) }
    }

    /// A refusal with another status for a member of the request.
    pub(crate) fn of_field(status: StatusCode, field: impl Into<String>, detail: &str) -> Self {
        Self { status, ..Self::malformed(field, detail) }
    }

    /// 413 for a body.
    pub(super) fn too_large() -> Self {
        let detail = format!("The body must not exceed {MAX_BODY_BYTES} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// The same fault, found below the place `at` of the request.
    pub(super) fn below(self, at: &str) -> Self {
        let Some(field) = self.field else { return self };
        Self {
            detail: format!("{at}.{}", self.detail),
            field: Some(format!("{at}.{field}")),
            ..self
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// 503 that asks to come back.
    pub(crate) fn busy(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The same fault where every failure has to be a 503.
    pub(super) fn unavailable(self) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..self }
    }

    fn extra_header(&self) -> Option<(HeaderName, &'static str)> {
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer realm=\"authz-service\"")),
            _ => None,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let transient = error.transient;
        tracing::error!(transient, source = %error.source, "no answer from the store");
        if transient {
            Self::busy("The store gave no answer in time.")
        } else {
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The store failed.")
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let (Some(field), Some(members)) = (&self.field, body.as_object_mut()) {
            members.insert("field".into(), json!(field));
        }
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let extra = self.extra_header().map(|header| [header]);
        let response = (self.status, headers, body.to_string());
        match extra {
            Some(extra) => (extra, response).into_response(),
            None => response.into_response(),
        }
    }
}
