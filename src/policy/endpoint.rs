//! Where a callout goes.

use std::fmt;
use std::time::Duration;

/// What a callout needs: cluster, authority, path, time limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Envoy cluster.
    pub cluster: Box<str>,
    /// `:scheme`.
    pub scheme: &'static str,
    /// `:authority`.
    pub authority: Box<str>,
    /// `:path`.
    pub path: Box<str>,
    /// Time limit, at least a millisecond (a zero would mean none to the host).
    pub timeout: Duration,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}!{}://{}{} within {:?}",
            self.cluster, self.scheme, self.authority, self.path, self.timeout
        )
    }
}

/// Scheme, authority and path of an absolute `http` or `https` URL. `None` for any other, and for
/// one with a user, a fragment or what no URL has.
pub fn split_url(url: &str) -> Option<(&'static str, &str, &str)> {
    let (scheme, rest) = ["https", "http"]
        .into_iter()
        .find_map(|scheme| Some((scheme, url.strip_prefix(scheme)?.strip_prefix("://")?)))?;
    let clean = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"');
    let (authority, path) = match rest.find(['/', '?']) {
        Some(end) => rest.split_at_checked(end)?,
        None => (rest, "/"),
    };
    let good = !authority.is_empty() && !authority.contains('@') && path.starts_with('/');
    (good && url.bytes().all(clean)).then_some((scheme, authority, path))
}
