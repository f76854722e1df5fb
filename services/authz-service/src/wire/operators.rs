//! What operators reach, on a port of their own: health and `/metrics`.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::{Service, health, not_found};
use crate::metrics;

/// The routes of the operators' port.
pub fn operators(service: &Arc<Service>) -> Router {
    health::routes()
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .with_state(Arc::clone(service))
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let dependencies = service.decision_point.dependencies().await;
    service.metrics.dependency("store", dependencies.store.is_ok());
    service.metrics.dependency("cache", dependencies.cache.is_ok());
    service.metrics.policies(&service.decision_point.policies().state());
    service.metrics.store_version(service.decision_point.directory().store_version());
    let headers = [(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")];
    (headers, service.metrics.text()).into_response()
}

/// Counts a request under its route's pattern.
pub(crate) async fn count(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let endpoint = path.as_ref().map_or("none", MatchedPath::as_str);
    service.metrics.answered(endpoint, response.status().as_u16(), begun.elapsed());
    response
}
