//! `/authz/roles`: the form of Envoy's HTTP ext_authz. 200 with the caller's roles in `x-user-roles`
//! when the policies permit the request, 403 when they do not, 503 when nobody can tell.
//!
//! The question is the one that the filter would ask over AuthZEN, and so is who decides it. It is
//! read from the head alone, as Envoy sends it:
//!
//! - action: the request's method.
//! - resource: a `route`. With `path_prefix: /authz/roles` it is the path that the client asked for,
//!   without its query. With `path_override: /authz/roles` it is what the gateway says in
//!   `x-authz-route`, a template such as `/customers/{customer_id}`. Never both: a client's path
//!   and a client's header cannot contradict each other.
//! - subject: the gateway's `x-user-id`, `x-user-email` and `x-email-verified`, set from verified
//!   claims. With neither of the first two it is `anonymous`.
//!
//! The headers are as good as the guard in front: the caller's credential, or a bind to loopback.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use claimgate_authz_api::{ANONYMOUS, Action, EvaluationRequest, Properties, Resource, Subject};
use serde_json::Value;

use super::Service;
use super::me::{EMAIL, ROLES, VERIFIED, single};
use super::problem::Problem;
use crate::decisions::Origin;
use crate::store::StoreError;

/// The path, which Envoy puts before the client's or in its place.
pub(super) const PATH: &str = "/authz/roles";

const ID: &str = "x-user-id";
const ROUTE: &str = "x-authz-route";
const ROLES_HEADER: HeaderName = HeaderName::from_static(ROLES);

pub(super) async fn roles(
    State(service): State<Arc<Service>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let request = EvaluationRequest {
        subject: subject(&headers)?,
        action: Action { name: method.as_str().to_owned(), properties: Properties::new() },
        resource: route(&uri, &headers)?,
        context: Properties::new(),
    };
    let origin = Origin { is_path: path(&uri).is_some(), ..super::origin(&headers) };
    let answer = service.evaluate(&request, origin).await.map_err(undecided)?.response;
    if !answer.decision {
        return Err(Problem::new(StatusCode::FORBIDDEN, "The policies do not permit this."));
    }
    let roles = answer.context.roles.unwrap_or_default().join(",");
    Ok(([(ROLES_HEADER, roles), (CACHE_CONTROL, "no-store".to_owned())], ()).into_response())
}

fn subject(headers: &HeaderMap) -> Result<Subject, Problem> {
    let (id, email) = (given(headers, ID)?, given(headers, EMAIL)?);
    let Some(name) = id.or(email) else {
        let anonymous = || ANONYMOUS.to_owned();
        return Ok(Subject { kind: anonymous(), id: anonymous(), properties: Properties::new() });
    };
    let verified = single(headers, VERIFIED)? == Some("true");
    let mut properties = Properties::new();
    if let Some(email) = email {
        properties.insert("email".into(), Value::from(email));
        properties.insert("email_verified".into(), Value::from(verified));
    }
    Ok(Subject { kind: "identity".into(), id: name.to_owned(), properties })
}

fn route(uri: &Uri, headers: &HeaderMap) -> Result<Resource, Problem> {
    let id = match path(uri) {
        Some(path) => path,
        None => given(headers, ROUTE)?.ok_or_else(|| Problem::malformed(ROUTE, "is required"))?,
    };
    Ok(Resource { kind: "route".into(), id: id.to_owned(), properties: Properties::new() })
}

/// What the client called, where Envoy puts it behind ours.
fn path(uri: &Uri) -> Option<&str> {
    uri.path().strip_prefix(PATH).filter(|path| !path.is_empty())
}

/// An empty value is as good as none.
fn given<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Problem> {
    Ok(single(headers, name)?.filter(|value| !value.is_empty()))
}

/// Envoy tells a denial from a failure by the status alone, so every failure is one and the same.
fn undecided(error: StoreError) -> Problem {
    Problem::from(error).unavailable()
}
