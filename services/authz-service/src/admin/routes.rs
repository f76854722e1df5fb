//! The table of endpoints: what each needs and, for the document, what it takes and answers. The
//! guard and the OpenAPI document are made from it; a test holds the router to it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};

use super::guard::{Guard, guard};
use super::permission::Permission;
use super::{Admin, PREFIX};
use super::{
    audit, explain, info, openapi, policies, quotas, resources, revocations, roles, subjects,
};
use crate::spans;
use crate::wire::operators;
use crate::wire::problem::Problem;

/// Largest body in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Largest body with a set of policies.
const MAX_POLICIES_BYTES: usize = 16 * 1024 * 1024;

/// One method of one path.
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    /// Below the prefix.
    pub(super) path: &'static str,
    pub(super) permission: Permission,
    pub(super) summary: &'static str,
    /// Name of the schema of its body.
    pub(super) takes: Option<&'static str>,
    /// Name of the schema of its ordinary answer.
    pub(super) answers: &'static str,
    /// Its query parameters.
    pub(super) query: &'static [&'static str],
}

impl Endpoint {
    const fn new(
        method: &'static str,
        path: &'static str,
        (action, area): (&'static str, &'static str),
        answers: &'static str,
        summary: &'static str,
    ) -> Self {
        let permission = Permission { action, area };
        Self { method, path, permission, summary, takes: None, answers, query: &[] }
    }

    const fn takes(self, schema: &'static str) -> Self {
        Self { takes: Some(schema), ..self }
    }

    const fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }
}

const PAGE: &[&str] = &["limit", "after"];
const OF_TYPE: &[&str] = &["limit", "after", "type"];
const OF_AUDIT: &[&str] = &["limit", "after", "actor", "target", "since", "until"];

/// Every endpoint.
#[rustfmt::skip]
pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("GET", "/info", ("read", "info"), "Info", "The store, its version, and who asks"),
    Endpoint::new("GET", "/openapi.json", ("read", "info"), "Any", "This document"),
    Endpoint::new("GET", "/subjects", ("read", "subjects"), "SubjectPage", "Subjects, of one type or all").query(OF_TYPE),
    Endpoint::new("GET", "/subjects/{type}/{id}", ("read", "subjects"), "Subject", "One subject"),
    Endpoint::new("PUT", "/subjects/{type}/{id}", ("change", "subjects"), "Done", "Make or replace a subject").takes("SubjectPut"),
    Endpoint::new("DELETE", "/subjects/{type}/{id}", ("change", "subjects"), "Done", "Remove a subject with its grants"),
    Endpoint::new("PUT", "/subjects/{type}/{id}/roles/{role}", ("change", "grants"), "Done", "Give a subject a role, for good or until an instant").takes("GrantPut"),
    Endpoint::new("DELETE", "/subjects/{type}/{id}/roles/{role}", ("change", "grants"), "Done", "Take a role from a subject"),
    Endpoint::new("GET", "/roles", ("read", "roles"), "RolePage", "Roles that inherit from others").query(PAGE),
    Endpoint::new("GET", "/roles/{name}", ("read", "roles"), "Role", "One role"),
    Endpoint::new("PUT", "/roles/{name}", ("change", "roles"), "Done", "Make or replace a role").takes("RolePut"),
    Endpoint::new("DELETE", "/roles/{name}", ("change", "roles"), "Done", "Remove a role from the hierarchy"),
    Endpoint::new("GET", "/resources", ("read", "resources"), "ResourcePage", "Resources, of one type or all").query(OF_TYPE),
    Endpoint::new("GET", "/resources/{type}/{id}", ("read", "resources"), "Resource", "One resource"),
    Endpoint::new("PUT", "/resources/{type}/{id}", ("change", "resources"), "Done", "Make or replace a resource").takes("ResourcePut"),
    Endpoint::new("DELETE", "/resources/{type}/{id}", ("change", "resources"), "Done", "Remove a resource"),
    Endpoint::new("GET", "/policies", ("read", "policies"), "Policies", "The policies that decide"),
    Endpoint::new("PUT", "/policies", ("change", "policies"), "Done", "Replace the policies, where the store keeps them").takes("PolicySet"),
    Endpoint::new("POST", "/policies/check", ("check", "policies"), "Checked", "Validate policies without using them").takes("PolicySet"),
    Endpoint::new("POST", "/policies/reload", ("change", "policies"), "Reloaded", "Read the policies again now"),
    Endpoint::new("GET", "/policies/versions", ("read", "policies"), "PolicyVersions", "Sets of policies that the store keeps"),
    Endpoint::new("GET", "/revocations", ("read", "revocations"), "RevocationPage", "Revocations in force").query(PAGE),
    Endpoint::new("POST", "/revocations", ("change", "revocations"), "Revoked", "Revoke a token, a session, or older tokens").takes("RevocationPost"),
    Endpoint::new("DELETE", "/revocations/{id}", ("change", "revocations"), "Done", "Take a revocation back"),
    Endpoint::new("POST", "/invalidations", ("change", "invalidations"), "Done", "Make decisions made before count as old").takes("Invalidation"),
    Endpoint::new("GET", "/quotas", ("read", "quotas"), "QuotaPage", "Definitions of quotas").query(PAGE),
    Endpoint::new("GET", "/quotas/{name}", ("read", "quotas"), "Quota", "One quota"),
    Endpoint::new("PUT", "/quotas/{name}", ("change", "quotas"), "Done", "Make or replace a quota").takes("QuotaPut"),
    Endpoint::new("DELETE", "/quotas/{name}", ("change", "quotas"), "Done", "Remove a quota"),
    Endpoint::new("GET", "/audit", ("read", "audit"), "AuditPage", "Changes, newest first").query(OF_AUDIT),
    Endpoint::new("POST", "/explain", ("check", "subjects"), "Explanation", "Why a question is answered the way it is").takes("Question"),
];

/// What the endpoint needs; `None` when there is none.
pub(super) fn permission(method: &str, path: &str) -> Option<Permission> {
    let of_path = |endpoint: &&Endpoint| endpoint.method == method && is_at(endpoint, path);
    ENDPOINTS.iter().find(of_path).map(|endpoint| endpoint.permission)
}

/// What some method of the path needs.
pub(super) fn any(path: &str) -> Option<Permission> {
    let found = ENDPOINTS.iter().find(|endpoint| is_at(endpoint, path));
    found.map(|endpoint| endpoint.permission)
}

fn is_at(endpoint: &Endpoint, path: &str) -> bool {
    path.strip_prefix(PREFIX) == Some(endpoint.path)
}

/// The routes of the API.
pub fn router(before: &Guard) -> Router {
    let admin = Arc::clone(before.admin());
    let service = Arc::clone(&admin.service);
    let guarded = from_fn_with_state(before.clone(), guard);
    let routes = entities().merge(policy_sets()).merge(state());
    let routes = routes.method_not_allowed_fallback(not_allowed);
    let routes =
        if service.is_traced { routes.layer(from_fn(spans::trace_changes)) } else { routes };
    let routes = routes
        .layer(guarded)
        .layer(from_fn_with_state(service, operators::count))
        .with_state(admin);
    Router::new().nest(PREFIX, routes)
}

fn entities() -> Router<Arc<Admin>> {
    let one_subject = get(subjects::one).put(subjects::put).delete(subjects::delete);
    let one_role = get(roles::one).put(roles::put).delete(roles::delete);
    let one_resource = get(resources::one).put(resources::put).delete(resources::delete);
    let one_quota = get(quotas::one).put(quotas::put).delete(quotas::delete);
    Router::new()
        .route("/subjects", get(subjects::list))
        .route("/subjects/{type}/{id}", one_subject)
        .route(
            "/subjects/{type}/{id}/roles/{role}",
            put(subjects::grant).delete(subjects::withdraw),
        )
        .route("/roles", get(roles::list))
        .route("/roles/{name}", one_role)
        .route("/resources", get(resources::list))
        .route("/resources/{type}/{id}", one_resource)
        .route("/quotas", get(quotas::list))
        .route("/quotas/{name}", one_quota)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

fn policy_sets() -> Router<Arc<Admin>> {
    Router::new()
        .route("/policies", get(policies::active).put(policies::put))
        .route("/policies/check", post(policies::check))
        .route("/policies/reload", post(policies::reload))
        .route("/policies/versions", get(policies::versions))
        .layer(DefaultBodyLimit::max(MAX_POLICIES_BYTES))
}

fn state() -> Router<Arc<Admin>> {
    Router::new()
        .route("/info", get(info::info))
        .route("/openapi.json", get(openapi::document))
        .route("/revocations", get(revocations::list).post(revocations::revoke))
        .route("/revocations/{id}", delete(revocations::unrevoke))
        .route("/invalidations", post(revocations::invalidate))
        .route("/audit", get(audit::list))
        .route("/explain", post(explain::explain))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

async fn not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "The path does not have this method.")
}
