//! The shared secret by which a service knows that a request came through the gateway.
//!
//! The services believe the identity headers, so a request that did not pass the gateway must
//! never reach a route. The secret itself never appears in a reply, a log or a debug print.

use std::{env, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::Response,
};
use subtle::ConstantTimeEq;

use crate::reply::refusal;

/// The environment variable that holds the secret.
pub const SECRET_VARIABLE: &str = "GATEWAY_SECRET";

const HEADER: &str = "x-gateway-secret";
const MIN_LENGTH: usize = 16;

/// A secret that is long enough and can be sent as a header's value.
pub struct GatewaySecret(String);

/// Why a service has no usable secret.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidSecret {
    /// The variable is not set, or not UTF-8.
    #[error(
        "{SECRET_VARIABLE} is not set. Set it to the value that the gateway sends as {HEADER} \
         (at least {MIN_LENGTH} characters)"
    )]
    Missing,
    /// Short enough to guess.
    #[error(
        "{SECRET_VARIABLE} is too short. Use at least {MIN_LENGTH} characters, the same here and \
         in the gateway"
    )]
    Short,
    /// Has a character that no header value can carry as it is.
    #[error("{SECRET_VARIABLE} may only hold visible ASCII characters: it travels as a header")]
    NotVisibleAscii,
}

impl GatewaySecret {
    /// The secret in the environment.
    ///
    /// # Errors
    /// When there is none, or it is not usable as one; the text says what to do.
    pub fn from_env() -> Result<Self, InvalidSecret> {
        Self::new(env::var(SECRET_VARIABLE).map_err(|_| InvalidSecret::Missing)?)
    }

    /// `secret`, if it is usable as one.
    ///
    /// # Errors
    /// When it is too short, or has other characters than visible ASCII.
    pub fn new(secret: String) -> Result<Self, InvalidSecret> {
        if secret.len() < MIN_LENGTH {
            return Err(InvalidSecret::Short);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidSecret::NotVisibleAscii);
        }
        Ok(Self(secret))
    }

    /// Exactly one header, equal to the secret. Two would mean that somebody before the gateway
    /// could add one of them.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(HEADER).iter();
        match (sent.next(), sent.next()) {
            (Some(value), None) => value.as_bytes().ct_eq(self.0.as_bytes()).into(),
            _ => false,
        }
    }
}

/// Middleware: only what came through the gateway goes on.
pub(crate) async fn require_gateway(
    State(secret): State<Arc<GatewaySecret>>,
    request: Request,
    next: Next,
) -> Response {
    if secret.admits(request.headers()) {
        return next.run(request).await;
    }
    refusal(StatusCode::FORBIDDEN, "Requests must come through the gateway.")
}
