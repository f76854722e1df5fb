//! The first page: what is administered, and how it is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::Console;
use super::door::Visitor;
use super::frame::Frame;
use super::query::moment;
use super::show::{self, Shown};
use crate::admin::info::{self, Info};
use crate::store::Counts;

#[derive(Template)]
#[template(path = "console/overview.html")]
struct OverviewPage {
    frame: Frame,
    info: Info,
    counts: Counts,
    store_is_up: bool,
    cache_is_up: bool,
    policies: usize,
    policies_since: String,
    policies_are_stale: bool,
    /// Whether nobody can sign in yet.
    is_read_only: bool,
}

pub(super) async fn page(State(console): State<Arc<Console>>, visitor: Visitor) -> Shown {
    console.check(&visitor, "read", "info")?;
    let admin = console.admin();
    let point = &admin.service.decision_point;
    let dependencies = point.dependencies().await;
    let loaded = point.policies().state();
    show::page(&OverviewPage {
        frame: Frame::of(&visitor, "", "Overview"),
        info: info::about(admin, &visitor.administrator).await?,
        counts: admin.store().counts().await?,
        store_is_up: dependencies.store.is_ok(),
        cache_is_up: dependencies.cache.is_ok(),
        policies: point.policies().engine().policy_count(),
        policies_since: moment(loaded.since),
        policies_are_stale: loaded.is_stale(),
        is_read_only: console.sign_in.is_none(),
    })
}
