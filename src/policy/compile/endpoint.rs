//! What a callout is sent to, from a URL or from a cluster and a path.

use std::time::Duration;

use super::{Result, needs};
use crate::config::{self, Span};
use crate::policy::{Endpoint, split_url};

/// From the URL of what is fetched through a cluster.
pub(super) fn of_url(cluster: &str, url: &str, timeout: Span, at: &str) -> Result<Endpoint> {
    let Some((scheme, authority, path)) = split_url(url) else {
        return Err(needs(format!("{at}.url"), "an absolute `http` or `https` URL"));
    };
    Ok(Endpoint {
        cluster: self::cluster(cluster, &format!("{at}.cluster"))?,
        scheme,
        authority: authority.into(),
        path: path.into(),
        timeout: self::timeout(timeout, at)?,
    })
}

/// A host and perhaps a port, as a URL has it.
pub(super) fn host(host: &str, at: &str) -> Result<Box<str>> {
    match split_url(&format!("https://{host}")) {
        Some((_, authority, "/")) if authority == host => Ok(host.into()),
        _ => Err(needs(at, "a host, with a port unless it is the scheme's own")),
    }
}

pub(super) fn of_service(service: &config::Authorization, at: &str) -> Result<Endpoint> {
    of_path(&service.cluster, &service.path, service.timeout, at)
}

/// From a cluster and a path there.
pub(super) fn of_path(to: &str, path: &str, timeout: Span, at: &str) -> Result<Endpoint> {
    if !path.starts_with('/') || path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(needs(format!("{at}.path"), "a path that starts with `/`"));
    }
    Ok(Endpoint {
        cluster: cluster(to, &format!("{at}.cluster"))?,
        scheme: "http",
        authority: to.into(),
        path: path.into(),
        timeout: self::timeout(timeout, at)?,
    })
}

pub(super) fn cluster(name: &str, at: &str) -> Result<Box<str>> {
    if name.is_empty() {
        return Err(needs(at, "the name of an Envoy cluster"));
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
