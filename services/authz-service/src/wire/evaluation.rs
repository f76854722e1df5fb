//! `POST /access/v1/evaluation`, AuthZEN 1.0 section 6. A denial is 200 with `decision: false`;
//! an error status always means that there is no decision.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use claimgate_authz_api::EvaluationRequest;
use serde_json::{Map, Value};

use super::problem::Problem;
use super::{Service, json, origin, question};

/// Answers a request for an evaluation.
pub(super) async fn evaluate(
    service: &Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    one(service, headers, &question::read(headers, body)?).await
}

/// Answers one question.
pub(super) async fn one(
    service: &Service,
    headers: &HeaderMap,
    question: &EvaluationRequest,
) -> Result<Response, Problem> {
    let answer = service.evaluate(question, origin(headers)).await?;
    let keep = service.max_age(&answer);
    Ok(([(CACHE_CONTROL, cache_control(keep))], Json(answer.response)).into_response())
}

/// The members of a request's body.
pub(super) fn members(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Map<String, Value>, Problem> {
    json::members(headers, &body.map_err(|rejection| unreadable(&rejection))?)
}

/// For how many seconds an answer may be kept.
pub(super) fn cache_control(seconds: u32) -> String {
    if seconds == 0 { "no-store".into() } else { format!("max-age={seconds}") }
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => Problem::malformed(json::BODY, "could not be read"),
    }
}
