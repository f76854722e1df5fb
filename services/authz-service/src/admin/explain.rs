//! `POST /explain`: an AuthZEN evaluation, answered with everything that went into its decision.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::Admin;
use super::answer;
use super::asked::Asked;
use crate::wire::decode;
use crate::wire::problem::Problem;

pub(super) async fn explain(
    State(admin): State<Arc<Admin>>,
    asked: Asked,
) -> Result<Response, Problem> {
    let question = decode::evaluation(asked.members()?)?;
    let explanation = admin.service.decision_point.explain(&question).await?;
    Ok(answer::json(StatusCode::OK, &explanation))
}
