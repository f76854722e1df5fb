//! Where an issuer's keys come from, as it is enforced.

use std::fmt;

use super::Endpoint;
use crate::authn::{KeySet, Timing};

/// Where an issuer's keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// They are part of the configuration.
    Fixed(KeySet),
    /// A secret that is shared with the issuer.
    Secret(KeySet),
    /// They are fetched.
    Fetched(KeyLocation, Timing),
}

/// Where keys are fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLocation {
    /// From this URL.
    Jwks(Endpoint),
    /// From where the issuer's discovery document says.
    Discovery(Discovery),
}

/// A discovery document and what it may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// Where it is.
    pub document: Endpoint,
    /// The `issuer` it must name.
    pub issuer: Box<str>,
    /// Cluster and host that keys may also be on.
    pub elsewhere: Option<(Box<str>, Box<str>)>,
}

impl KeyLocation {
    /// What tells it from every other, beside the issuer.
    pub fn name(&self) -> Vec<&str> {
        match self {
            Self::Jwks(endpoint) => of("jwks", endpoint),
            Self::Discovery(discovery) => {
                let mut name = of("discovery", &discovery.document);
                if let Some((cluster, host)) = &discovery.elsewhere {
                    name.extend([&**cluster, host]);
                }
                name
            }
        }
    }
}

fn of<'e>(kind: &'static str, endpoint: &'e Endpoint) -> Vec<&'e str> {
    let Endpoint { cluster, scheme, authority, path, .. } = endpoint;
    vec![kind, cluster, scheme, authority, path]
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(keys) => write!(f, "{} inline", keys.len()),
            Self::Secret(_) => f.write_str("a secret"),
            Self::Fetched(location, timing) => write!(
                f,
                "{location} refresh={:?} max_stale={:?} unknown={}/{:?}",
                timing.refresh, timing.max_stale, timing.misses.burst, timing.misses.interval
            ),
        }
    }
}

impl fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jwks(endpoint) => endpoint.fmt(f),
            Self::Discovery(discovery) => {
                write!(f, "discovery {}", discovery.document)?;
                let mut elsewhere = discovery.elsewhere.iter();
                elsewhere.try_for_each(|(cluster, host)| write!(f, " or {cluster}!{host}"))
            }
        }
    }
}
