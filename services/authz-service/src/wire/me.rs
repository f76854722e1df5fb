//! `GET /authz/me`: who the gateway says is calling, and their roles.
//!
//! Identity comes from the gateway's headers and is as good as the guard in front: the caller's
//! credential, or a bind to loopback. `x-email-verified` counts only when it is exactly `true`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;

use super::Service;
use super::problem::Problem;
use crate::decision_point::names;
use crate::directory::Identity;

pub(super) const EMAIL: &str = "x-user-email";
pub(super) const VERIFIED: &str = "x-email-verified";
pub(super) const ROLES: &str = "x-user-roles";

#[derive(Serialize)]
struct Me<'a> {
    email: &'a str,
    roles: Vec<String>,
}

pub(super) async fn me(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let email = single(&headers, EMAIL)?.unwrap_or_default();
    let verified = single(&headers, VERIFIED)? == Some("true");
    // A caller whose token names no usable address is still a caller: the gateway says `guest` of
    // those without a token, and of nobody else.
    let guest = email.is_empty() && matches!(single(&headers, ROLES)?, None | Some("guest"));
    let identity = if guest { Identity::Anonymous } else { Identity::of_email(email, verified) };
    let known = service.decision_point.find(&identity).await?;
    let body = Json(Me { email, roles: names(&known.roles) });
    Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
}

/// The value of a header, if it is there. Two values are two identities: refused.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => std::str::from_utf8(value.as_bytes())
            .map(Some)
            .map_err(|_| Problem::malformed(name, "must be UTF-8")),
        (Some(_), Some(_)) => Err(Problem::malformed(name, "must be given once")),
    }
}
