//! `GET /info`: what is administered, how far it has come, and who is asking.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Admin;
use super::access::Administrator;
use super::answer;
use super::asked::Asked;
use crate::wire::problem::Problem;

#[derive(Serialize)]
pub(crate) struct Info {
    /// Of the service.
    pub(crate) release: &'static str,
    pub(crate) store_id: String,
    /// How many changes the store has seen.
    pub(crate) version: u64,
    /// The last of them that decisions can depend on.
    pub(crate) decisions_version: u64,
    pub(crate) policy_version: String,
    administrator: Who,
}

#[derive(Serialize)]
struct Who {
    actor: String,
    roles: Vec<String>,
}

pub(super) async fn info(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    Ok(answer::json(StatusCode::OK, &about(&admin, &asked.administrator).await?))
}

/// What is administered, as `who` is told.
pub(crate) async fn about(admin: &Admin, who: &Administrator) -> Result<Info, Problem> {
    let store = admin.store();
    Ok(Info {
        release: env!("CARGO_PKG_VERSION"),
        store_id: store.store_id().await?,
        version: store.version().await?.0,
        decisions_version: store.decisions_version().await?.0,
        policy_version: admin.service.decision_point.policies().state().version.to_string(),
        administrator: Who {
            actor: who.actor.as_str().to_owned(),
            roles: crate::decision_point::names(&who.roles),
        },
    })
}
