//! Decision points: where they are, what they are asked, how their answers are kept, and what
//! happens when they do not answer.

mod request;

use serde::Deserialize;

use super::{Mode, Span};

pub use request::{
    ActionMapping, ClaimSource, RequestMapping, ResourceMapping, SubjectMapping, TextOrSource,
    ValueSource,
};

/// An AuthZEN policy decision point.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// What is asked. What a decision may depend on is what is sent, and what is sent is the cache
    /// key. Default: the subject's id, the method and the route's template.
    #[serde(default)]
    pub request: RequestMapping,
    /// What is taken from an answer beside the decision and the roles. Default: nothing.
    #[serde(default)]
    pub response: ResponseMapping,
    /// `shadow`: a request that a yes of this decision point would let through is let through,
    /// counted and logged, without identity headers. Default: `enforce`.
    #[serde(default)]
    pub mode: Mode,
    /// The day on which a shadow ends, `yyyy-mm-dd` in UTC; from then on it is enforced. Needed by
    /// `mode: shadow`.
    #[serde(default)]
    pub until: Option<String>,
    /// For how many of a hundred subjects a shadow is enforced already: 0 to 100, always the same
    /// ones; for callers without a verified subject it then is, too. Default: a shadow is enforced
    /// for nobody.
    #[serde(default)]
    pub percent: Option<u8>,
    /// How answers are kept.
    #[serde(default)]
    pub cache: DecisionCache,
}

/// What is taken from an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResponseMapping {
    /// Members of `context.headers` that go upstream as headers of these names, lower-case. Only
    /// the filter sets them: they are removed from every request on every route. Default: none. A
    /// member that is missing is not sent; one that is no text that a header can carry makes the
    /// answer malformed, and the route's `failure_mode` applies.
    #[serde(default)]
    pub headers: Vec<String>,
}

/// Limits of a decision cache.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
