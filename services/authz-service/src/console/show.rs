//! Pages on their way out, refusals among them, and the headers that keep a page what it is.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::frame::Frame;
use crate::store::StoreError;
use crate::wire::problem::Problem;

/// No script, no style but our own, no frame around us, no form that leads elsewhere. Signing in
/// begins with a link for that reason: browsers count a redirect after a form as its target.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // With no referrer at all browsers would not say either where a form comes from.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What a page is answered with.
pub(super) type Shown = Result<Response, Refused>;

/// A refusal that still needs its page.
pub(super) struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.0.status().into_response();
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

/// The refusal that a response still is.
pub(super) fn problem(response: &Response) -> Option<Arc<Problem>> {
    response.extensions().get().cloned()
}

#[derive(Template)]
#[template(path = "console/refused.html")]
struct RefusalPage<'p> {
    frame: Frame,
    detail: &'p str,
}

/// The page of a refusal.
pub(super) fn refusal(frame: Frame, problem: &Problem) -> Response {
    let status = problem.status();
    let mut response = match html(status, &RefusalPage { frame, detail: problem.detail() }) {
        Ok(response) => response,
        Err(_) => status.into_response(),
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A page.
pub(super) fn page(page: &impl Template) -> Shown {
    html(StatusCode::OK, page)
}

/// A page with another status than 200.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Shown {
    match page.render() {
        Ok(text) => Ok((status, Html(text)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            let detail = "The page cannot be written.";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail).into())
        }
    }
}

/// Has every answer carry the headers. What a page shows is not kept by anybody.
pub(super) async fn protected(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
