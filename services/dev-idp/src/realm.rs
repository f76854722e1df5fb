//! The realm's public paths: its page, discovery, the key set, signing in and the token endpoint.
//!
//! Only what is listed here exists; there is no admin API and no way to sign up.
//! Every URL in an answer comes from the issuer.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Serialize;
use serde_json::json;

use crate::{Issuer, KeyRing, REALM, Users, authorize, codes::Codes, grant};

/// Everything the identity provider knows.
pub struct Realm {
    pub(crate) issuer: Issuer,
    pub(crate) keys: KeyRing,
    pub(crate) users: Users,
    pub(crate) token_lifetime: u64,
    pub(crate) stats: Stats,
    pub(crate) codes: Codes,
}

/// How often the interesting endpoints were asked, whatever the answer.
#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) jwks_requests: AtomicU64,
    pub(crate) token_requests: AtomicU64,
}

impl Realm {
    /// A realm whose tokens live for `token_lifetime` seconds.
    pub fn new(issuer: Issuer, keys: KeyRing, users: Users, token_lifetime: u64) -> Self {
        Self {
            issuer,
            keys,
            users,
            token_lifetime,
            stats: Stats::default(),
            codes: Codes::default(),
        }
    }
}

/// The public paths.
pub fn realm_router(realm: Arc<Realm>) -> Router {
    let endpoints = Router::new()
        .route("/", get(page))
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/protocol/openid-connect/certs", get(certs))
        .route("/protocol/openid-connect/auth", get(authorize::page).post(authorize::sign_in))
        .route("/protocol/openid-connect/token", post(grant::token))
        .with_state(realm);
    Router::new()
        .nest(&format!("/realms/{REALM}"), endpoints)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn page(State(realm): State<Arc<Realm>>) -> Response {
    let key = realm.keys.current().await;
    Json(json!({
        "realm": REALM,
        "public_key": key.public_der(),
        "token-service": realm.issuer.endpoint(""),
        "account-service": realm.issuer.account(),
        "tokens-not-before": 0,
    }))
    .into_response()
}

/// Names only what is there.
async fn discovery(State(realm): State<Arc<Realm>>) -> Json<Discovery> {
    Json(Discovery {
        issuer: realm.issuer.to_string(),
        authorization_endpoint: realm.issuer.endpoint("/auth"),
        token_endpoint: realm.issuer.endpoint("/token"),
        jwks_uri: realm.issuer.endpoint("/certs"),
        grant_types_supported: ["password", "authorization_code"],
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
        token_endpoint_auth_methods_supported: ["none"],
        scopes_supported: ["openid", "profile", "email"],
    })
}

async fn certs(State(realm): State<Arc<Realm>>) -> Response {
    realm.stats.jwks_requests.fetch_add(1, Ordering::Relaxed);
    ([(header::CACHE_CONTROL, "no-cache")], Json(realm.keys.published().await)).into_response()
}

async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "HTTP 404 Not Found")
}

/// axum adds `allow` itself.
async fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed")
}

/// An error in Keycloak's short form.
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}

#[derive(Serialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: [&'static str; 2],
    response_types_supported: [&'static str; 1],
    code_challenge_methods_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 1],
    scopes_supported: [&'static str; 3],
}
