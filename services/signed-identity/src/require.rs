//! The check around a service's routes: a request goes on with the [`Identity`] that its statement
//! gives it, or ends here.
//!
//! 401 whatever is wrong with a statement, with the one word of [`Refused`]; 503 while nobody can
//! tell. Never decides what a caller may do.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use claimgate_demo_server::refusal;

use crate::keys::{Answer, Keys};
use crate::statement::{Asked, Expected, Identity, Refused, Unverified};

/// What is asked of the statements of a service's callers, and the keys that verify them.
pub struct SignedIdentity {
    pub(crate) header: HeaderName,
    pub(crate) expected: Expected,
    pub(crate) keys: Keys,
}

impl SignedIdentity {
    /// Who sends the request with this head, by the one statement in its header.
    ///
    /// # Errors
    /// [`Refused`], for whatever is not exactly as expected.
    pub async fn of(&self, head: &Parts) -> Result<Identity, Refused> {
        let text = only_value(&head.headers, &self.header)?;
        let statement = Unverified::read(text)?;
        let key = match self.keys.key(statement.kid()?).await {
            Answer::Key(key) => key,
            Answer::Unknown => return Err(Refused::UnknownKey),
            Answer::Unavailable | Answer::Ask => return Err(Refused::NoKeys),
        };
        let (method, path) = (head.method.as_str(), head.uri.path());
        statement.verified(&key, &self.expected, &Asked { method, path, at: Utc::now() })
    }
}

/// Middleware: only requests with a good statement go on, with an [`Identity`] among their
/// extensions.
pub async fn require(
    State(required): State<Arc<SignedIdentity>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    match required.of(&head).await {
        Ok(identity) => {
            head.extensions.insert(identity);
            next.run(Request::from_parts(head, body)).await
        }
        Err(refused) => refused.into_response(),
    }
}

/// Two would mean that somebody beside the gateway could add one of them.
fn only_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<&'h str, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refused::Missing),
        (Some(value), None) => value.to_str().map_err(|_| Refused::Malformed),
        (Some(_), Some(_)) => Err(Refused::Repeated),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let detail = format!("A signed identity is required: {self}.");
        // RFC 9110 §15.5.2 wants a challenge with every 401; nothing of a client's answers this one.
        match self {
            Self::NoKeys => {
                let response = refusal(StatusCode::SERVICE_UNAVAILABLE, &detail);
                ([(RETRY_AFTER, "2")], response).into_response()
            }
            _ => {
                let response = refusal(StatusCode::UNAUTHORIZED, &detail);
                ([(WWW_AUTHENTICATE, "Signed-Identity")], response).into_response()
            }
        }
    }
}
