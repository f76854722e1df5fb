//! `/quotas`: how much of something is allowed to whom.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

use super::Admin;
use super::answer::{self, Item};
use super::asked::Asked;
use super::page::Wanted;
use super::path::Names;
use super::resources::same;
use crate::store::{Change, Quota, QuotaKey};
use crate::wire::problem::Problem;

pub(super) async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::read("quotas", &uri, &[])?;
    let after = wanted.after::<1>()?;
    let after = after.as_ref().map(|[name]| name.as_str());
    let found = admin.store().quotas(after, wanted.limit()? + 1).await?;
    let page = wanted.page(found, |found| vec![found.value.name.clone()])?;
    Ok(page.answer(Item::from))
}

pub(super) async fn one(
    State(admin): State<Arc<Admin>>,
    Names(name): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    answer::stored(&asked.headers, admin.store().quota(&name).await?)
}

/// Largest number of a quota.
const MAX: f64 = u32::MAX as f64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaPut {
    name: Option<String>,
    key: QuotaKey,
    #[serde(deserialize_with = "whole")]
    requests: u32,
    #[serde(deserialize_with = "whole")]
    per_seconds: u32,
    #[serde(deserialize_with = "whole")]
    burst: u32,
}

/// To JSON Schema, and to languages with one kind of number, `5.0` is a whole number too.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let whole = number.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=MAX).contains(n));
    // Exact: what is left is a whole number in the range.
    whole.map(|n| n as u32).ok_or_else(|| {
        Error::invalid_value(Unexpected::Other("number"), &"a whole number up to 4294967295")
    })
}

pub(super) async fn put(
    State(admin): State<Arc<Admin>>,
    Names(name): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let QuotaPut { name: said, key, requests, per_seconds, burst } = asked.body()?;
    same("name", said.as_deref(), &name)?;
    let quota = Quota { name, key, requests, per_seconds, burst };
    let applied = asked.apply(&admin, Change::PutQuota(quota)).await?;
    Ok(answer::done(answer::put(asked.is_creation()), &applied))
}

pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Names(name): Names<String>,
    asked: Asked,
) -> Result<Response, Problem> {
    let applied = asked.apply(&admin, Change::DeleteQuota(name)).await?;
    Ok(answer::done(StatusCode::OK, &applied))
}
