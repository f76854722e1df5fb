//! Who asks, from the identity headers alone.
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

use crate::customers::Customer;

const MANAGER: &str = "customer-manager";
const GUEST: &str = "guest";

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
        let mut roles = only_value(headers, "x-user-roles").unwrap_or_default().split(',');
        if roles.clone().any(|role| role == GUEST) {
            return None;
        }
        if roles.clone().any(|role| role == MANAGER) {
            return Some(Self::Manager);
        }
        if email.is_empty() && roles.all(str::is_empty) {
            return None;
        }
        let email_verified = only_value(headers, "x-email-verified") == Some("true");
        Some(Self::Person { email: email.to_owned(), email_verified })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Guest;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Guest> {
        Self::from_headers(&parts.headers).ok_or(Guest)
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
