//! The caller's credential: a bearer secret, compared in constant time, or a client certificate
//! that the listener has verified.
//!
//! It stands between whoever reaches the port and every answer but health. Secrets are never
//! logged and have no `Debug`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::{Choice, ConstantTimeEq};

use super::Service;
use super::problem::Problem;
use crate::serve::Peer;

/// Shortest secret that is accepted, in characters.
const MIN_LENGTH: usize = 16;

/// A secret too weak to stand in front of anything.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {MIN_LENGTH} visible ASCII characters and nothing else")]
pub struct InvalidCredential;

/// The secrets that callers may present as `Authorization: Bearer …`. More than one, so that a
/// new one can be handed out before the old one is taken away.
#[derive(Default)]
pub struct Credentials(Vec<String>);

impl Credentials {
    /// Accepts secrets of sufficient length that fit in a header, one a line. None at all is not
    /// the same as an empty one.
    pub fn parse(secrets: Option<&str>) -> Result<Self, InvalidCredential> {
        let Some(secrets) = secrets else { return Ok(Self::default()) };
        let fits = |secret: &str| {
            secret.len() >= MIN_LENGTH && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let secrets: Vec<String> = secrets.split('\n').map(str::to_owned).collect();
        if secrets.iter().all(|secret| fits(secret)) {
            Ok(Self(secrets))
        } else {
            Err(InvalidCredential)
        }
    }

    /// Whether no secret is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Exactly one `authorization` header, the scheme in any case, the secret exact.
    fn are_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, secret)) = value.to_str().ok().and_then(|text| text.split_once(' '))
        else {
            return false;
        };
        // Every secret is compared, so that the time does not tell which one was close.
        let mut known = Choice::from(0);
        for expected in &self.0 {
            known |= secret.as_bytes().ct_eq(expected.as_bytes());
        }
        scheme.eq_ignore_ascii_case("bearer") && bool::from(known)
    }
}

/// Lets a request pass that carries a secret or came over a connection with a certificate.
pub(super) async fn require(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&service, request.headers(), request.extensions()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Whether a request with this head may pass.
pub(super) fn check(
    service: &Service,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<(), Problem> {
    if service.is_open || is_certified(extensions) || service.credentials.are_in(headers) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNAUTHORIZED, "The caller's credential is missing or wrong."))
}

fn is_certified(extensions: &Extensions) -> bool {
    extensions.get::<Peer>().is_some_and(|peer| peer.has_certificate)
}
