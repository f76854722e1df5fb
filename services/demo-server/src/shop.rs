//! The frame around a shop service's routes: health, the two refusals every service gives, and
//! the gateway's secret.
//!
//! Everything but health is behind the secret, unknown paths and wrong methods included: without
//! it nobody learns what there is.

use std::sync::Arc;

use axum::{Json, Router, http::StatusCode, middleware, response::Response, routing::get};
use serde::Serialize;

use crate::{
    GatewaySecret,
    gateway::require_gateway,
    reply::{now, refusal},
};

/// The complete service `name`: `routes` behind the gateway's `secret`, with whatever else `guard`
/// puts around them, and its health at `health_path`.
pub fn shop_service(
    name: &'static str,
    health_path: &str,
    routes: Router,
    guard: impl FnOnce(Router) -> Router,
    secret: GatewaySecret,
) -> Router {
    let routes = routes.fallback(not_found).method_not_allowed_fallback(method_not_allowed);
    let behind_gateway =
        guard(routes).layer(middleware::from_fn_with_state(Arc::new(secret), require_gateway));
    Router::new()
        .route(health_path, get(move || async move { Json(Health::of(name)) }))
        .method_not_allowed_fallback(method_not_allowed)
        .merge(behind_gateway)
}

async fn not_found() -> Response {
    refusal(StatusCode::NOT_FOUND, "Not Found")
}

/// axum adds `allow` itself.
async fn method_not_allowed() -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    timestamp: String,
    version: &'static str,
}

impl Health {
    /// The version is the contract's, not the package's.
    fn of(service: &'static str) -> Self {
        Self { status: "healthy", service, timestamp: now(), version: "1.0.0" }
    }
}
