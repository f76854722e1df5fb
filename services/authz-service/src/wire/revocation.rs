//! What identity providers call: `POST /backchannel-logout` (OpenID Connect Back-Channel Logout 1.0
//! §2.5, §2.8) and `POST /security-events` (RFC 8935).
//!
//! Neither wants the callers' credential: a provider has none, its statement is signed. Refusals
//! name what is wrong in the words of those standards and never repeat what was sent.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use axum::{Form, Router};
use serde::Deserialize;
use serde_json::json;

use super::Service;
use crate::revoke::RevokeError;

/// What became of a statement that was acted upon.
const TAKEN: &str = "taken";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/backchannel-logout", post(logout)).route("/security-events", post(event))
}

#[derive(Deserialize)]
struct LogoutForm {
    logout_token: String,
}

async fn logout(
    State(service): State<Arc<Service>>,
    form: Result<Form<LogoutForm>, axum::extract::rejection::FormRejection>,
) -> Response {
    let outcome = match form {
        Ok(Form(form)) => service.revoker.logout(form.logout_token.trim()).await,
        Err(_) => Err(RevokeError::Invalid("a form with logout_token is expected".into())),
    };
    service
        .metrics
        .statement("logout", outcome.as_ref().map_or_else(RevokeError::kind, |()| TAKEN));
    if let Err(error) = outcome {
        note("logout", &error);
        return refused(
            &error,
            json!({"error": "invalid_request", "error_description": error.to_string()}),
        );
    }
    tracing::info!("a session was logged out by its identity provider");
    (StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response()
}

async fn event(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let outcome = match text(&headers, body.as_deref().ok()) {
        Some(token) => service.revoker.event(token.trim()).await,
        None => Err(RevokeError::Invalid("a body of application/secevent+jwt is expected".into())),
    };
    let taken = |changed: &bool| if *changed { TAKEN } else { "ignored" };
    let counted = outcome.as_ref().map_or_else(RevokeError::kind, taken);
    service.metrics.statement("security_event", counted);
    if let Err(error) = outcome {
        note("security event", &error);
        let err = match &error {
            RevokeError::Issuer => "invalid_issuer",
            _ => "invalid_request",
        };
        return refused(&error, json!({"err": err, "description": error.to_string()}));
    }
    (StatusCode::ACCEPTED, [(CACHE_CONTROL, "no-store")]).into_response()
}

fn text<'b>(headers: &HeaderMap, body: Option<&'b [u8]>) -> Option<&'b str> {
    let is_event = headers.get(CONTENT_TYPE)?.to_str().ok().is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/secevent+jwt")
    });
    if is_event { std::str::from_utf8(body?).ok() } else { None }
}

fn note(kind: &str, error: &RevokeError) {
    match error {
        RevokeError::Store(source) => {
            tracing::error!(kind, source = %source.source, "a statement could not be stored");
        }
        error => tracing::warn!(kind, %error, "a statement was refused"),
    }
}

/// A used statement was acted upon: its sender did not get our answer, or someone plays it back.
fn refused(error: &RevokeError, body: serde_json::Value) -> Response {
    let status = match error {
        RevokeError::Invalid(_) | RevokeError::Issuer | RevokeError::Replayed => {
            StatusCode::BAD_REQUEST
        }
        RevokeError::Busy => StatusCode::TOO_MANY_REQUESTS,
        RevokeError::Keys | RevokeError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let response = (status, [(CACHE_CONTROL, "no-store")], Json(body));
    match status {
        StatusCode::BAD_REQUEST => response.into_response(),
        _ => ([(RETRY_AFTER, "1")], response).into_response(),
    }
}
