//! `/roles`: which roles inherit from which. A role that inherits from none need not be here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::Admin;
use super::answer::{self, Item};
use super::asked::{Asked, role_name};
use super::page::Wanted;
use super::path::Names;
use super::resources::same;
use crate::entities::Role;
use crate::roles::RoleName;
use crate::store::Change;
use crate::wire::problem::Problem;

pub(super) async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::read("roles", &uri, &[])?;
    let after = wanted.after::<1>()?;
    // A hierarchy is small, and read as a whole wherever it is used.
    let mut found = admin.store().roles().await?;
    if let Some([after]) = &after {
        found.retain(|role| role.value.name.as_str() > after.as_str());
    }
    found.sort_by(|a, b| a.value.name.as_str().cmp(b.value.name.as_str()));
    let page = wanted.page(found, |found| vec![found.value.name.as_str().to_owned()])?;
    Ok(page.answer(Item::from))
}

pub(super) async fn one(
    State(admin): State<Arc<Admin>>,
    Names(name): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    // What cannot be a role's name is the name of no role.
    let found = match RoleName::parse(name) {
        Ok(name) => admin.store().role(&name).await?,
        Err(_) => None,
    };
    answer::stored(&asked.headers, found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RolePut {
    name: Option<String>,
    parents: Vec<RoleName>,
}

pub(super) async fn put(
    State(admin): State<Arc<Admin>>,
    Names(name): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let body: RolePut = asked.body()?;
    same("name", body.name.as_deref(), &name)?;
    let role = Role { name: role_name(name)?, parents: body.parents };
    let applied = asked.apply(&admin, Change::PutRole(role)).await?;
    Ok(answer::done(answer::put(asked.is_creation()), &applied))
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Names(name): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let applied = asked.apply(&admin, Change::DeleteRole(role_name(name)?)).await?;
    Ok(answer::done(StatusCode::OK, &applied))
}
