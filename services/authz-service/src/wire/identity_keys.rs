//! `GET /.well-known/claimgate-identity/jwks.json`: the keys by which services know what the gateway
//! says of a caller (RFC 7517). Public, so no credential is asked for; 404 where there are none.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Service;
use super::problem::Problem;

const PATH: &str = "/.well-known/claimgate-identity/jwks.json";
/// RFC 7517, section 8.5.2.
const MEDIA_TYPE: &str = "application/jwk-set+json";

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route(PATH, get(keys))
}

async fn keys(State(service): State<Arc<Service>>) -> Response {
    let Some(document) = service.identity_keys.document() else {
        return Problem::new(StatusCode::NOT_FOUND, "No keys are published.").into_response();
    };
    let headers = [(CONTENT_TYPE, MEDIA_TYPE), (CACHE_CONTROL, "public, max-age=300")];
    (headers, document.clone()).into_response()
}
