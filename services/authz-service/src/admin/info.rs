//! `GET /info`: what is administered, how far it has come, and who is asking.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Admin;
use super::answer;
use super::asked::Asked;
use crate::wire::problem::Problem;

#[derive(Serialize)]
struct Info {
    /// Of the service.
    release: &'static str,
    store_id: String,
    /// How many changes the store has seen.
    version: u64,
    /// The last of them that decisions can depend on.
    decisions_version: u64,
    policy_version: String,
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
    let store = admin.store();
    let who = &asked.administrator;
    let info = Info {
        release: env!("CARGO_PKG_VERSION"),
        store_id: store.store_id().await?,
        version: store.version().await?.0,
        decisions_version: store.decisions_version().await?.0,
        policy_version: admin.service.decision_point.policies().state().version.to_string(),
        administrator: Who {
            actor: who.actor.as_str().to_owned(),
            roles: crate::decision_point::names(&who.roles),
        },
    };
    Ok(answer::json(StatusCode::OK, &info))
}
