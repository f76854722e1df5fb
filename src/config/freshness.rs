//! Where to hear of revoked tokens and old decisions.

use serde::Deserialize;

use super::Span;

/// A feed of revocations and epochs: the state document of an authorization service. It needs no
/// entry in `authorization`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// Envoy cluster that the call goes to.
    pub cluster: String,
    /// Path of the state document. Default: `/v1/state`.
    #[serde(default = "path")]
    pub path: String,
    /// Environment variable that holds the bearer secret for the call. Default: none is sent.
    /// A variable that is named but not set is a configuration error.
    #[serde(default)]
    pub credential_env: Option<String>,
    /// How often an Envoy process asks what is new, 100ms to 10s. Default: 400ms. What changes is
    /// in effect on every worker about 200 ms after it was heard.
    #[serde(default = "interval")]
    pub interval: Span,
    /// How long one call may take, 1ms to 10s. Default: 1s. Later the poll has failed, what is known
    /// stays, and the next poll is at most 2s away (or the `interval`, if that is longer).
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// How long the feed may be unreachable, 1s to 24h. Default: 30s. Longer, and requests with a
    /// token get their route's `failure_mode`: 503, or they go on and are counted. What is known to
    /// be revoked is refused all the while; no decision of before is used.
    #[serde(default = "max_age")]
    pub max_age: Span,
    /// Claim that names a token's tenant, nested names joined with dots: what makes the decisions
    /// of one tenant old then leaves those of others alone. Default: none; it makes all of them old.
    #[serde(default)]
    pub tenant_claim: Option<String>,
}

fn path() -> String {
    claimgate_authz_api::STATE_PATH.to_owned()
}

const fn interval() -> Span {
    Span::from_millis(400)
}

const fn timeout() -> Span {
    Span::from_secs(1)
}

const fn max_age() -> Span {
    Span::from_secs(30)
}
