//! The administrator's paths, on an address of their own: rotate and retire keys, read counts.
//!
//! They ask for no credential, so they must never be reachable by others: the listener is bound to
//! loopback and nothing here is on the public router.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    Realm, SigningKey,
    keys::{RetireError, TooManyKeys},
    realm::error,
};

/// `POST /keys/rotate`, `DELETE /keys/{kid}`, `GET /stats`.
pub fn admin_router(realm: Arc<Realm>) -> Router {
    Router::new()
        .route("/keys/rotate", post(rotate))
        .route("/keys/{kid}", delete(retire))
        .route("/stats", get(stats))
        .with_state(realm)
}

async fn rotate(State(realm): State<Arc<Realm>>) -> Response {
    let Ok(Ok(next)) = spawn_blocking(SigningKey::generate).await else {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "No key could be made");
    };
    let kid = next.kid().to_owned();
    match realm.keys.rotate(next).await {
        Ok(()) => Json(json!({ "kid": kid })).into_response(),
        Err(TooManyKeys) => error(StatusCode::CONFLICT, "Too many keys; retire one first"),
    }
}

async fn retire(State(realm): State<Arc<Realm>>, Path(kid): Path<String>) -> Response {
    match realm.keys.retire(&kid).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(RetireError::Current) => {
            error(StatusCode::CONFLICT, "This key signs; rotate before retiring it")
        }
        Err(RetireError::Unknown) => error(StatusCode::NOT_FOUND, "No such signing key"),
    }
}

async fn stats(State(realm): State<Arc<Realm>>) -> Json<Value> {
    Json(json!({
        "jwks_requests": realm.stats.jwks_requests.load(Ordering::Relaxed),
        "token_requests": realm.stats.token_requests.load(Ordering::Relaxed),
    }))
}
