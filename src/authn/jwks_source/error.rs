//! Why a fetch brought no keys.

use std::fmt;

use super::super::InvalidJwks;

/// Why a fetch brought no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The call could not be made or was not answered.
    Unreachable,
    /// It was answered with another status than 200.
    Status(u16),
    /// The discovery document is none we can follow.
    Discovery(InvalidDiscovery),
    /// The document is no key set we can use.
    Invalid(InvalidJwks),
}

/// Why a discovery document is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDiscovery {
    /// Larger than any sensible one.
    TooLarge,
    /// No JSON object, or without `issuer` or `jwks_uri` as text.
    Malformed,
    /// It speaks for another issuer (OpenID Connect Discovery 1.0 §4.3).
    Issuer,
    /// Its `jwks_uri` is no plain `http` or `https` URL.
    JwksUri,
    /// Its `jwks_uri` is on a host that nobody named.
    ForeignHost,
    /// Its `jwks_uri` is `http`, and it was itself fetched by `https`.
    Downgrade,
}

impl FetchError {
    /// Stable name for metrics: one of a few fixed words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Status(_) => "status",
            Self::Discovery(error) => error.reason(),
            Self::Invalid(error) => error.reason(),
        }
    }
}

impl InvalidDiscovery {
    /// Stable name for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "discovery_too_large",
            Self::Malformed => "discovery_malformed",
            Self::Issuer => "discovery_issuer",
            Self::JwksUri => "jwks_uri",
            Self::ForeignHost => "jwks_uri_foreign_host",
            Self::Downgrade => "jwks_uri_downgrade",
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            other => f.write_str(other.reason()),
        }
    }
}

impl std::error::Error for FetchError {}
