//! `/audit`: who changed what, newest first. Nothing removes an entry.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Admin;
use super::page::{Page, Wanted};
use crate::store::{Actor, AuditEntry, AuditFilter, Target, Version};
use crate::wire::problem::Problem;

/// What the list is called in its cursors, and its filters.
pub(crate) const LIST: (&str, &[&str]) = ("audit", &["actor", "target", "since", "until"]);

pub(super) async fn list(State(admin): State<Arc<Admin>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::read(LIST.0, &uri, LIST.1)?;
    Ok(page(&admin, &wanted).await?.answer(Entry::from))
}

/// A page of the list.
pub(crate) async fn page(admin: &Admin, wanted: &Wanted) -> Result<Page<AuditEntry>, Problem> {
    let filter = AuditFilter {
        actor: wanted.filter("actor").map(actor).transpose()?,
        target: wanted.filter("target").map(target).transpose()?,
        since: wanted.instant("since")?,
        until: wanted.instant("until")?,
    };
    let before = wanted.after_number()?.map(Version);
    let found = admin.store().audit(&filter, before, wanted.limit()? + 1).await?;
    wanted.page(found, |entry| vec![entry.version.to_string()])
}

fn actor(name: &str) -> Result<Actor, Problem> {
    Actor::parse(name).ok_or_else(|| Problem::malformed("actor", "must have 1 to 256 bytes"))
}

/// `subject:user/alice`, as `kind` and `id` of an entry's target are.
fn target(text: &str) -> Result<Target, Problem> {
    let (kind, id) = text
        .split_once(':')
        .ok_or_else(|| Problem::malformed("target", "must be a kind and an id with `:` between"))?;
    Ok(Target { kind: kind.to_owned(), id: id.to_owned() })
}

#[derive(Serialize)]
struct Entry {
    version: u64,
    at: Timestamp,
    actor: String,
    action: String,
    target: Of,
    detail: Map<String, Value>,
}

#[derive(Serialize)]
struct Of {
    kind: String,
    id: String,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            version: entry.version.0,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            target: Of { kind: entry.target.kind, id: entry.target.id },
            detail: entry.detail,
        }
    }
}
