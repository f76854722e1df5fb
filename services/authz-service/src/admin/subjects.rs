//! `/subjects`: who can ask, with the roles they were given.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use claimgate_authz_api::Properties;
use jiff::Timestamp;
use serde::Deserialize;

use super::answer::{self, Item};
use super::asked::{Asked, role_name};
use super::page::{Page, Wanted};
use super::path::Names;
use super::{Admin, resources};
use crate::entities::{Grant, Subject};
use crate::store::{Change, Stored};
use crate::wire::problem::Problem;

/// What the list is called in its cursors, and its filters.
pub(crate) const LIST: (&str, &[&str]) = ("subjects", &["type"]);

pub(super) async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::read(LIST.0, &uri, LIST.1)?;
    Ok(page(&admin, &wanted).await?.answer(Item::from))
}

/// A page of the list.
pub(crate) async fn page(admin: &Admin, wanted: &Wanted) -> Result<Page<Stored<Subject>>, Problem> {
    let after = wanted.after()?;
    let from = resources::from(wanted.filter("type"), after.as_ref());
    let mut found = admin.store().all_subjects(from, wanted.limit()? + 1).await?;
    if let Some(kind) = wanted.filter("type") {
        found.retain(|subject| subject.value.kind == kind);
    }
    wanted.page(found, |found| vec![found.value.kind.clone(), found.value.id.clone()])
}

pub(super) async fn one(
    State(admin): State<Arc<Admin>>,
    Names((kind, id)): Names<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    answer::stored(&asked.headers, admin.store().stored_subject(&kind, &id).await?)
}

/// What is put. Type and id are the path's; as they are in what is read they may be here too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectPut {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    roles: Vec<Grant>,
}

pub(super) async fn put(
    State(admin): State<Arc<Admin>>,
    Names((kind, id)): Names<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: SubjectPut = asked.body()?;
    resources::same("type", body.kind.as_deref(), &kind)?;
    resources::same("id", body.id.as_deref(), &id)?;
    let subject = Subject { kind, id, properties: body.properties, roles: body.roles };
    let applied = asked.apply(&admin, Change::PutSubject(subject)).await?;
    Ok(answer::done(answer::put(asked.is_creation()), &applied))
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Names((kind, id)): Names<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let applied = asked.apply(&admin, Change::DeleteSubject { kind, id }).await?;
    Ok(answer::done(StatusCode::OK, &applied))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantPut {
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

pub(super) async fn grant(
    State(admin): State<Arc<Admin>>,
    Names((kind, id, role)): Names<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let GrantPut { expires_at } = asked.optional_body()?;
    let change = Change::Grant { kind, id, role: role_name(role)?, expires_at };
    Ok(answer::done(StatusCode::OK, &asked.apply(&admin, change).await?))
}

pub(super) async fn withdraw(
    State(admin): State<Arc<Admin>>,
    Names((kind, id, role)): Names<(String, String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let change = Change::Withdraw { kind, id, role: role_name(role)? };
    Ok(answer::done(StatusCode::OK, &asked.apply(&admin, change).await?))
}
