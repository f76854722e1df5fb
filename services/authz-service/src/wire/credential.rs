//! The caller's credential: one bearer secret, compared in constant time.
//!
//! It stands between whoever reaches the port and every answer but health. It is never logged
//! and has no `Debug`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::Service;
use super::problem::Problem;

/// Shortest secret that is accepted, in characters.
const MIN_LENGTH: usize = 16;

/// A secret too weak to stand in front of anything.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {MIN_LENGTH} visible ASCII characters and nothing else")]
pub struct InvalidCredential;

/// The secret that callers present as `Authorization: Bearer …`.
pub struct Credential(String);

impl Credential {
    /// Accepts a secret of sufficient length that fits in a header.
    pub fn parse(secret: String) -> Result<Self, InvalidCredential> {
        let fits = secret.len() >= MIN_LENGTH && secret.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(secret)) } else { Err(InvalidCredential) }
    }

    /// Exactly one `authorization` header, the scheme in any case, the secret exact.
    fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, secret)) = value.to_str().ok().and_then(|text| text.split_once(' '))
        else {
            return false;
        };
        scheme.eq_ignore_ascii_case("bearer")
            && bool::from(secret.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

pub(super) async fn require(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    match &service.credential {
        Some(credential) if !credential.is_in(request.headers()) => {
            Problem::new(StatusCode::UNAUTHORIZED, "The caller's credential is missing or wrong.")
                .into_response()
        }
        _ => next.run(request).await,
    }
}
