//! HTTP in, HTTP out: AuthZEN evaluation and discovery, Envoy's ext_authz, `/authz/me`, health.
//!
//! Only translation lives here. Every route but health is behind the caller's credential and the
//! load limits; refusals are problem details. Nothing here logs a request's content.

mod credential;
mod decode;
mod evaluation;
mod health;
mod limits;
mod me;
mod problem;
mod roles;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get, post};
use claimgate_authz_api::EVALUATION_PATH;
use serde_json::json;

pub use credential::{Credential, InvalidCredential};

use crate::decision_point::DecisionPoint;
use problem::Problem;

/// Largest request body in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes share.
pub struct Service {
    /// Who decides.
    pub decision_point: DecisionPoint,
    /// What a caller must present; nothing when `None`.
    pub credential: Option<Credential>,
    /// Seconds a decision may be kept; 0 for not at all.
    pub decision_max_age: u32,
    /// Base URL that discovery names.
    pub public_url: String,
}

/// The routes of `service`.
pub fn router(service: Service) -> Router {
    let service = Arc::new(service);
    let guarded = Router::new()
        .route(EVALUATION_PATH, post(evaluation::evaluate))
        .route("/.well-known/authzen-configuration", get(discovery))
        .route("/authz/me", get(me::me))
        .route(roles::PATH, any(roles::roles))
        .route(&format!("{}/{{*path}}", roles::PATH), any(roles::roles))
        .route(&format!("{}/", roles::PATH), any(roles::roles))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(limits::Limits::new(), limits::limit))
        .layer(from_fn_with_state(Arc::clone(&service), credential::require));
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .merge(guarded)
        .layer(from_fn(echo_request_id))
        .with_state(service)
}

/// AuthZEN 1.0, section 9: what this decision point offers and where.
async fn discovery(State(service): State<Arc<Service>>) -> Response {
    let base = service.public_url.trim_end_matches('/');
    Json(json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}{EVALUATION_PATH}"),
    }))
    .into_response()
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "No such resource.")
}

/// AuthZEN 1.0, section 10.1.3: the answer carries the request's X-Request-ID.
async fn echo_request_id(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
