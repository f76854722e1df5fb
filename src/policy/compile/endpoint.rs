//! What a callout is sent to, from a URL or from a cluster and a path.

use std::time::Duration;

use super::{Result, needs};
use crate::config::{self, Span};
use crate::policy::Endpoint;

pub(super) fn of_jwks(jwks: &config::Jwks, at: &str) -> Result<Endpoint> {
    let url = jwks.url.as_str();
    let scheme = if url.starts_with("https://") { "https" } else { "http" };
    let rest = url.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    let parts = rest.map(|rest| match rest.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (rest, "/".to_owned()),
    });
    let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    match parts {
        Some((authority, path))
            if !authority.is_empty() && clean(url) && !authority.contains('@') =>
        {
            Ok(Endpoint {
                cluster: cluster(&jwks.cluster, at)?,
                scheme,
                authority: authority.into(),
                path: path.into(),
                timeout: timeout(jwks.timeout, at)?,
            })
        }
        _ => Err(needs(format!("{at}.url"), "an absolute `http` or `https` URL")),
    }
}

pub(super) fn of_service(service: &config::Authorization, at: &str) -> Result<Endpoint> {
    let path = service.path.as_str();
    if !path.starts_with('/') || path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(needs(format!("{at}.path"), "a path that starts with `/`"));
    }
    Ok(Endpoint {
        cluster: cluster(&service.cluster, at)?,
        scheme: "http",
        authority: service.cluster.as_str().into(),
        path: path.into(),
        timeout: timeout(service.timeout, at)?,
    })
}

fn cluster(name: &str, at: &str) -> Result<Box<str>> {
    if name.is_empty() {
        return Err(needs(format!("{at}.cluster"), "the name of an Envoy cluster"));
    }
    Ok(name.into())
}

/// The host takes a zero for "wait for ever", and no request may wait for ever.
fn timeout(span: Span, at: &str) -> Result<Duration> {
    let span = span.as_duration();
    if span.is_zero() || span > Duration::from_secs(10) {
        return Err(needs(format!("{at}.timeout"), "a time from 1ms to 10s"));
    }
    Ok(span)
}
