//! Path parameters, with the demo's answer to one that is not an integer.
//!
//! Never answers with axum's own plain-text rejections: the contract's error bodies are JSON.

use std::{convert::Infallible, num::IntErrorKind};

use axum::{
    Json,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::reply::Detail;

/// The one parameter of a route's path, percent-decoded; as it was sent when it does not decode
/// to UTF-8, which makes it a text like any other that names nothing.
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        if let Ok(Path(text)) = Path::from_request_parts(parts, state).await {
            return Ok(Self(text));
        }
        let raw = parts.uri.path().rsplit('/').next().unwrap_or_default();
        Ok(Self(raw.to_owned()))
    }
}

/// The integer in `text`. One beyond 64 bits is still an integer: it becomes the nearest `i64`,
/// which no record has.
///
/// # Errors
/// [`InvalidId`], naming `parameter`, when `text` is not an integer.
pub fn parse_id(parameter: &'static str, text: &str) -> Result<i64, InvalidId> {
    text.parse::<i64>().or_else(|error| match error.kind() {
        IntErrorKind::PosOverflow => Ok(i64::MAX),
        IntErrorKind::NegOverflow => Ok(i64::MIN),
        _ => Err(InvalidId { parameter, input: text.to_owned() }),
    })
}

/// A path parameter that should have been an integer. Answers 422 in the form the demo's first
/// version had from its web framework, which clients may parse.
#[derive(Debug)]
pub struct InvalidId {
    parameter: &'static str,
    input: String,
}

impl IntoResponse for InvalidId {
    fn into_response(self) -> Response {
        let complaint = Complaint {
            kind: "int_parsing",
            loc: ["path", self.parameter],
            msg: "Input should be a valid integer, unable to parse string as an integer",
            input: &self.input,
        };
        (StatusCode::UNPROCESSABLE_ENTITY, Json(Detail { detail: [complaint] })).into_response()
    }
}

#[derive(Serialize)]
struct Complaint<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    loc: [&'a str; 2],
    msg: &'a str,
    input: &'a str,
}
