//! Decision points: where they are, what they are asked, how their answers are kept.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Span;

/// An AuthZEN policy decision point.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// Name for routes, logs and metrics. Unique.
    pub name: String,
    /// Envoy cluster that the call goes to.
    pub cluster: String,
    /// Path of the evaluation endpoint. Default: `/access/v1/evaluation`.
    #[serde(default = "defaults::evaluation_path")]
    pub path: String,
    /// How long one call may take. Default: 250ms. Later the route's `failure_mode` applies.
    #[serde(default = "defaults::authorization_timeout")]
    pub timeout: Span,
    /// Environment variable that holds the bearer secret for the call. Default: none is sent.
    /// A variable that is named but not set is a configuration error.
    #[serde(default)]
    pub credential_env: Option<String>,
    /// What is sent beside the defaults. What a decision may depend on is what is sent, and what
    /// is sent is the cache key.
    #[serde(default)]
    pub request: RequestMapping,
    /// How answers are kept.
    #[serde(default)]
    pub cache: DecisionCache,
}

/// What an evaluation request carries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestMapping {
    /// The subject. Default: `{type: identity}` with the token's `sub` and no properties.
    #[serde(default)]
    pub subject: SubjectMapping,
}

/// How the subject of an evaluation request is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectMapping {
    /// Subject type. Default: `identity`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Properties taken from claims. A claim the token lacks is left out.
    #[serde(default)]
    pub properties: BTreeMap<String, ClaimSource>,
}

/// A value taken from the verified token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSource {
    /// Claim name, nested names joined with dots.
    pub claim: String,
}

/// Limits of a decision cache.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionCache {
    /// Most answers kept per worker. Default: 10000. 0 keeps none.
    #[serde(default = "defaults::decision_entries")]
    pub max_entries: u32,
    /// Lifetime of an answer without `cache-control`. Default: 0s, so it is not kept.
    #[serde(default)]
    pub default_ttl: Span,
    /// Longest lifetime, whatever the answer allows. Default: 5m.
    #[serde(default = "defaults::decision_max_ttl")]
    pub max_ttl: Span,
}

impl Default for DecisionCache {
    fn default() -> Self {
        Self {
            max_entries: defaults::decision_entries(),
            default_ttl: Span::default(),
            max_ttl: defaults::decision_max_ttl(),
        }
    }
}

mod defaults {
    use super::Span;

    pub(super) fn evaluation_path() -> String {
        claimgate_authz_api::EVALUATION_PATH.to_owned()
    }
    pub(super) fn authorization_timeout() -> Span {
        Span::from_millis(250)
    }
    pub(super) fn decision_entries() -> u32 {
        10_000
    }
    pub(super) fn decision_max_ttl() -> Span {
        Span::from_secs(300)
    }
}
