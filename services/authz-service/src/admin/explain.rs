//! `POST /explain`: an AuthZEN evaluation, answered with everything that went into its decision.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};

use super::Admin;
use super::answer;
use super::asked::Asked;
use crate::engine::Explanation;
use crate::wire::decode;
use crate::wire::problem::Problem;

pub(super) async fn explain(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let explanation = explained(&admin, asked.members()?).await?;
    Ok(answer::json(StatusCode::OK, &explanation))
}

/// Why the question of these members is answered the way it is.
pub(crate) async fn explained(
    admin: &Admin,
    members: Map<String, Value>,
) -> Result<Explanation, Problem> {
    let question = decode::evaluation(members)?;
    Ok(admin.service.decision_point.explain(&question).await?)
}
