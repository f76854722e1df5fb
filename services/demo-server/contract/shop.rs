//! The service without a socket: one request in, status, headers and body out.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use claimgate_demo_server::GatewaySecret;
use tower::ServiceExt;

pub(crate) const SECRET: &str = "the-demo's-shared-secret";

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) fn service() -> Router {
    crate::router(GatewaySecret::new(SECRET.to_owned()).unwrap())
}

/// A GET as the gateway forwards it, with these headers.
pub(crate) async fn get(path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("x-gateway-secret", SECRET)];
    all.extend_from_slice(headers);
    ask(&service(), "GET", path, &all).await
}

/// Any request, with these headers only.
pub(crate) async fn ask(
    service: &Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
