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

const EMAIL: &str = "x-user-email";
const VERIFIED: &str = "x-email-verified";

#[derive(Serialize)]
struct Me<'a> {
    email: &'a str,
    roles: Vec<String>,
}

pub(super) async fn me(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let email = single(&headers, EMAIL)?;
    let verified = single(&headers, VERIFIED)? == "true";
    let identity =
        if email.is_empty() { Identity::Anonymous } else { Identity::of_email(email, verified) };
    let known = service.decision_point.find(&identity).await?;
    let body = Json(Me { email, roles: names(known.roles) });
    Ok(([(CACHE_CONTROL, "no-store")], body).into_response())
}

/// The value of a header, empty when it is absent. Two values are two identities: refused.
fn single<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(""),
        (Some(value), None) => std::str::from_utf8(value.as_bytes())
            .map_err(|_| Problem::malformed(name, "must be UTF-8")),
        (Some(_), Some(_)) => Err(Problem::malformed(name, "must be given once")),
    }
}
