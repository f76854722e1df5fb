//! Health. Live: the process answers. Ready: it can decide, with the state of each dependency.
//!
//! A cache that is down only makes answers slower, so it is `degraded` and still ready: taking
//! every replica out of service because Redis is gone would turn a small fault into an outage. So are
//! policies of which a newer version cannot be used: `stale`, and decided by as before.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::json;

use super::Service;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready))
}

async fn live() -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(json!({"status": "live"}))).into_response()
}

async fn ready(State(service): State<Arc<Service>>) -> Response {
    let dependencies = service.decision_point.dependencies().await;
    let draining = *service.draining.borrow();
    let (status, overall) = match (&dependencies.store, &dependencies.cache) {
        _ if draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (Ok(()), Ok(())) => (StatusCode::OK, "ready"),
        (Ok(()), Err(_)) => (StatusCode::OK, "degraded"),
        (Err(_), _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let state = |up: bool| if up { "up" } else { "down" };
    let policies = service.decision_point.policies().state();
    let body = Json(json!({
        "status": overall,
        "policies": {
            "state": if policies.is_stale() { "stale" } else { "current" },
            "version": policies.version,
            "since": policies.since,
        },
        "dependencies": {
            "store": {"state": state(dependencies.store.is_ok())},
            "cache": {"state": state(dependencies.cache.is_ok())},
        },
    }));
    (status, [(CACHE_CONTROL, "no-store")], body).into_response()
}
