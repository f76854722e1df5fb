//! Who asks, from the identity headers alone, or from the gateway's signed statement alone. Which of
//! the two is for the router to say, never for a request: without its word everybody is a guest.
//!
//! Every doubt narrows what the caller sees: a header that is missing, repeated or not UTF-8
//! counts as absent, and only the exact value `true` means a verified address. Never fails open:
//! absent roles are not a role, and with an absent e-mail besides the caller is a guest.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use claimgate_demo_server::refusal;
use claimgate_signed_identity::Identity;

use crate::customers::Customer;

const MANAGER: &str = "customer-manager";
const GUEST: &str = "guest";

/// Among a request's extensions: its identity headers are believed.
#[derive(Clone, Copy)]
pub(crate) struct ByHeaders;

/// Somebody who is not a guest.
pub(crate) enum Caller {
    /// Sees every record.
    Manager,
    /// Sees the records of their own address. `email` may be empty, which owns nothing.
    Person { email: String, email_verified: bool },
}

impl Caller {
    pub(crate) fn is_manager(&self) -> bool {
        matches!(self, Self::Manager)
    }

    pub(crate) fn may_see(&self, customer: &Customer) -> bool {
        match self {
            Self::Manager => true,
            Self::Person { email, email_verified } => customer.belongs_to(email, *email_verified),
        }
    }

    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let email = only_value(headers, "x-user-email").unwrap_or_default();
        let roles = only_value(headers, "x-user-roles").unwrap_or_default().split(',');
        Self::of(email, only_value(headers, "x-email-verified") == Some("true"), roles)
    }

    fn from_statement(identity: &Identity) -> Option<Self> {
        let email = identity.claims.get("email").and_then(|email| email.as_str());
        // The truth value, not the text `true`.
        let verified = identity.claims.get("email_verified").is_some_and(|said| said == true);
        let roles = identity.roles.iter().map(String::as_str);
        Self::of(email.unwrap_or_default(), verified, roles)
    }

    fn of<'r>(
        email: &str,
        email_verified: bool,
        mut roles: impl Iterator<Item = &'r str> + Clone,
    ) -> Option<Self> {
        if roles.clone().any(|role| role == GUEST) {
            return None;
        }
        if roles.clone().any(|role| role == MANAGER) {
            return Some(Self::Manager);
        }
        if email.is_empty() && roles.all(str::is_empty) {
            return None;
        }
        Some(Self::Person { email: email.to_owned(), email_verified })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Guest;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Guest> {
        let caller = match (parts.extensions.get::<Identity>(), parts.extensions.get()) {
            (Some(identity), _) => Self::from_statement(identity),
            (None, Some(ByHeaders)) => Self::from_headers(&parts.headers),
            (None, None) => None,
        };
        caller.ok_or(Guest)
    }
}

/// A guest, or somebody the gateway could say nothing about.
pub(crate) struct Guest;

impl IntoResponse for Guest {
    fn into_response(self) -> Response {
        refusal(
            StatusCode::FORBIDDEN,
            "Access denied: Guests are not allowed to access customer data.",
        )
    }
}

fn only_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).ok(),
        _ => None,
    }
}
