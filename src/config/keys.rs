//! Where an issuer's keys are: fetched from a JWKS URL, found by OIDC discovery, or written here.

use serde::Deserialize;

use super::Span;

/// A JSON Web Key Set: either `cluster` and `url`, or `inline`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// Envoy cluster that the call goes to.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Absolute `http` or `https` URL; its authority and path are what the cluster is sent.
    #[serde(default)]
    pub url: Option<String>,
    /// The set itself, as JSON text. For tests: such keys change only with the configuration.
    /// Nothing else can be given beside it. A set without a usable key is a configuration error.
    #[serde(default)]
    pub inline: Option<String>,
    /// How long one call may take, 1ms to 10s. Default: 2s. Later the fetch counts as failed and
    /// is repeated with growing pauses; requests that wait for first keys are answered 503.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// Lifetime of keys, if the answer names no `max-age`; they are fetched again when 80 to 95 %
    /// of it have passed. At least 1s, default: 5m. A `max-age` counts within 30s and 24h.
    #[serde(default)]
    pub refresh: Option<Span>,
    /// How long the last good keys stay in use after their lifetime while fetching fails.
    /// Default: 24h. After that tokens cannot be verified and requests that need one are
    /// answered 503.
    #[serde(default)]
    pub max_stale: Option<Span>,
    /// What tokens that name an unknown key may cost. Default: as its fields say.
    #[serde(default)]
    pub unknown_key_fetches: UnknownKeyFetches,
}

/// OpenID Connect Discovery 1.0: the issuer's own document says where its keys are. The document
/// is fetched with the keys each time; what it must not do is send the filter to a host that
/// nobody named.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// Envoy cluster that the document is fetched through, and the keys too when their
    /// `jwks_uri` has the document's own host and port.
    pub cluster: String,
    /// Absolute `http` or `https` URL of the document. Default: the issuer followed by
    /// `/.well-known/openid-configuration`. Its `issuer` must equal the provider's, or the fetch
    /// fails.
    #[serde(default)]
    pub url: Option<String>,
    /// Envoy cluster for a `jwks_uri` on `jwks_host`. Default: none; a `jwks_uri` on any host but
    /// the document's then fails the fetch.
    #[serde(default)]
    pub jwks_cluster: Option<String>,
    /// The one other host, with its port unless that is the scheme's own, on which the
    /// `jwks_uri` may be. Needs `jwks_cluster`. Default: none.
    #[serde(default)]
    pub jwks_host: Option<String>,
    /// As for `jwks`, for each of the two calls.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// As for `jwks`.
    #[serde(default)]
    pub refresh: Option<Span>,
    /// As for `jwks`.
    #[serde(default)]
    pub max_stale: Option<Span>,
    /// As for `jwks`.
    #[serde(default)]
    pub unknown_key_fetches: UnknownKeyFetches,
}

/// A token bucket, one for each process and source: how many fetches unknown keys may cause.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnknownKeyFetches {
    /// Fetches in a burst, at most 1000. Default: 5. When they are spent, a token whose key is
    /// unknown is refused (401) without a fetch. 0: always; a new key is then found at the next
    /// refresh.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// How long until one more, at least 100ms. Default: 5s.
    #[serde(default = "fill_interval")]
    pub fill_interval: Span,
}

impl Default for UnknownKeyFetches {
    fn default() -> Self {
        Self { max_tokens: max_tokens(), fill_interval: fill_interval() }
    }
}

const fn max_tokens() -> u32 {
    5
}

const fn fill_interval() -> Span {
    Span::from_secs(5)
}
