//! Traces: what a request was made of and how long each part took, for an OpenTelemetry collector. Off
//! unless an address is given; then no span is ever made.
//!
//! A caller's trace is continued, and so is its choice whether it is recorded. Spans go into a bounded
//! queue and from there to the collector in the background: one that is down, slow or frozen costs spans,
//! which are counted, and never a decision. No span has a claim, a property, an address or a path that a
//! client called; a subject is called what the decision log calls it.

mod context;
mod export;
mod post;
mod queue;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use claimgate_authz_api::STATE_PATH;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::{Instrument, Level, Span, Subscriber, field};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;

pub use export::{Exporter, InvalidOtlp, open};
pub use queue::Counts;

/// Target of every span, and of nothing else.
pub const TARGET: &str = "spans";
/// What the service is called in traces, unless `OTEL_SERVICE_NAME` says otherwise.
const NAME: &str = "authz-service";

/// Turns spans of [`TARGET`] into OpenTelemetry's. Must see no other ones.
pub fn layer<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, Tracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(NAME))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
}

/// Has every request in a span, which continues the caller's trace.
pub(crate) async fn trace(request: Request, next: Next) -> Response {
    if is_untraced(&request) {
        return next.run(request).await;
    }
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let span = of_request(request.method(), route, request.headers());
    in_span(span, next.run(request)).await
}

/// Answers a request in its span.
pub(crate) async fn in_span(span: Span, answer: impl Future<Output = Response>) -> Response {
    let response = answer.instrument(span.clone()).await;
    answered(&span, response.status());
    response
}

/// The same for requests that change something.
pub(crate) async fn trace_changes(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::PUT | Method::POST | Method::DELETE => trace(request, next).await,
        _ => next.run(request).await,
    }
}

/// Filters ask for the state twice a second; nobody looks at that in a trace.
fn is_untraced(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>();
    route.is_some_and(|route| route.as_str() == STATE_PATH)
}

/// The span of a request to the route with the pattern `route`.
pub(crate) fn of_request(method: &Method, route: &str, headers: &HeaderMap) -> Span {
    let method = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    };
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = field::Empty,
    );
    if let Some(caller) = context::of(headers) {
        // Fails only where spans are off.
        let _ = span.set_parent(caller);
    }
    span
}

fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// One question, from its look-ups to its decision.
pub(crate) fn evaluation() -> Span {
    part(|| {
        tracing::info_span!(
            target: TARGET,
            "evaluate",
            authz.decision = field::Empty,
            authz.reason = field::Empty,
            authz.policy = field::Empty,
            authz.policy_version = field::Empty,
            authz.subject = field::Empty,
        )
    })
}

/// The engine's part of a question.
pub(crate) fn engine() -> Span {
    part(|| tracing::info_span!(target: TARGET, "engine"))
}

/// A call of the store, `read` or `write`.
pub(crate) fn store(what: &'static str) -> Span {
    let name = if what == "read" { "store read" } else { "store write" };
    part(|| tracing::info_span!(target: TARGET, "store", otel.name = name, otel.kind = "client"))
}

/// A command to Redis.
pub(crate) fn redis() -> Span {
    part(|| {
        tracing::info_span!(
            target: TARGET, "redis", otel.kind = "client", db.system.name = "redis"
        )
    })
}

/// Part of a request. What the service does by itself, such as looking whether the store has changed, is
/// no trace of its own.
fn part(span: impl FnOnce() -> Span) -> Span {
    let is_traced = tracing::span_enabled!(target: TARGET, Level::INFO);
    if is_traced && !Span::current().is_disabled() { span() } else { Span::none() }
}
