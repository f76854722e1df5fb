//! `/resources`: what can be asked for.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use claimgate_authz_api::Properties;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Item};
use super::asked::Asked;
use super::page::Wanted;
use super::path::Names;
use crate::entities::Resource;
use crate::store::{Change, Stored};
use crate::wire::problem::Problem;

pub(super) async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::read("resources", &uri, &["type"])?;
    let after = wanted.after()?;
    let from = from(wanted.filter("type"), after.as_ref());
    let mut found = admin.store().all_resources(from, wanted.limit()? + 1).await?;
    if let Some(kind) = wanted.filter("type") {
        found.retain(|resource| resource.value.kind == kind);
    }
    let place = |found: &Stored<Resource>| vec![found.value.kind.clone(), found.value.id.clone()];
    Ok(wanted.page(found, place)?.answer(Item::from))
}

/// After which type and id to read. A type begins before the first of its ids, which are never
/// empty.
pub(super) fn from<'p>(
    kind: Option<&'p str>,
    after: Option<&'p [String; 2]>,
) -> Option<(&'p str, &'p str)> {
    match (after, kind) {
        (Some([kind, id]), _) => Some((kind, id)),
        (None, Some(kind)) => Some((kind, "")),
        (None, None) => None,
    }
}

/// What a body repeats of the path must be the same.
pub(super) fn same(field: &str, said: Option<&str>, path: &str) -> Result<(), Problem> {
    if said.is_none_or(|said| said == path) {
        return Ok(());
    }
    Err(Problem::of_field(StatusCode::UNPROCESSABLE_ENTITY, field, "must be that of the path"))
}

pub(super) async fn one(
    State(admin): State<Arc<Admin>>,
    Names((kind, id)): Names<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    answer::stored(&asked.headers, admin.store().stored_resource(&kind, &id).await?)
}

/// What is put. Type and id are the path's; as they are in what is read they may be here too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourcePut {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    #[serde(default)]
    properties: Properties,
}

pub(super) async fn put(
    State(admin): State<Arc<Admin>>,
    Names((kind, id)): Names<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: ResourcePut = asked.body()?;
    same("type", body.kind.as_deref(), &kind)?;
    same("id", body.id.as_deref(), &id)?;
    let resource = Resource { kind, id, properties: body.properties };
    let applied = asked.apply(&admin, Change::PutResource(resource)).await?;
    Ok(answer::done(answer::put(asked.is_creation()), &applied))
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Names((kind, id)): Names<(String, String)>,
    asked: Asked,
) -> Result<Response, Problem> {
    let applied = asked.apply(&admin, Change::DeleteResource { kind, id }).await?;
    Ok(answer::done(StatusCode::OK, &applied))
}
