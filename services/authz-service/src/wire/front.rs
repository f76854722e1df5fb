//! The way in: `POST /access/v1/evaluation`, which gateways ask with every request of theirs, is
//! answered from here; everything else goes through the router.
//!
//! Around either stand the same five: what operators count, the request's id, the caller's
//! credential, the trace, the load limits. For the router they are layers; here they are plain
//! calls, because layers, routes and extractors make about two fifths of a request's allocations.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use claimgate_authz_api::EVALUATION_PATH;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Body;
use tower::ServiceExt;

use super::limits::Limits;
use super::problem::Problem;
use super::{MAX_BODY_BYTES, Service, credential, echo, evaluation, json};
use crate::spans;

/// The routes of one listener.
#[derive(Clone)]
pub struct Front {
    router: Router,
    direct: Option<Direct>,
}

/// Routes without a short cut.
impl From<Router> for Front {
    fn from(router: Router) -> Self {
        Self { router, direct: None }
    }
}

#[derive(Clone)]
struct Direct {
    service: Arc<Service>,
    limits: Limits,
}

impl Front {
    /// `router` with a way around it for evaluations; `limits` are the router's own.
    pub(super) fn new(router: Router, service: &Arc<Service>, limits: Limits) -> Self {
        Self { router, direct: Some(Direct { service: Arc::clone(service), limits }) }
    }

    /// Answers one request.
    pub async fn answer<B>(self, request: Request<B>) -> Result<Response, Infallible>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        match self.direct {
            Some(direct) if is_evaluation(&request) => Ok(direct.answer(request).await),
            // On the heap: this future is moved, and would be as large as the router's.
            _ => Box::pin(self.router.oneshot(request)).await,
        }
    }
}

fn is_evaluation<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == EVALUATION_PATH
}

impl Direct {
    async fn answer<B>(&self, request: Request<B>) -> Response
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let service = &self.service;
        let response = match credential::check(service, &head.headers, &head.extensions) {
            Ok(()) => {
                let answer = async {
                    evaluation::evaluate(service, &head.headers, &whole(body).await?).await
                };
                let answer = self.limits.within(async { answer.await.into_response() });
                self.traced(&head.headers, answer).await
            }
            Err(refused) => refused.into_response(),
        };
        let response = echo(head.headers.get(super::REQUEST_ID), response);
        service.metrics.answered(EVALUATION_PATH, response.status().as_u16(), begun.elapsed());
        response
    }

    async fn traced(
        &self,
        headers: &HeaderMap,
        answer: impl Future<Output = Response>,
    ) -> Response {
        if !self.service.is_traced {
            return answer.await;
        }
        let span = spans::of_request(&Method::POST, EVALUATION_PATH, headers);
        // On the heap, as above: it would be there twice.
        Box::pin(spans::in_span(span, answer)).await
    }
}

async fn whole<B>(body: B) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large()),
        Err(_) => Err(Problem::malformed(json::BODY, "could not be read")),
    }
}
