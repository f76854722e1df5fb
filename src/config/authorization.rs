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
    /// How long one call may take, 1ms to 10s. Default: 250ms. Later the route's `failure_mode`
    /// applies. Where no connection can be had the call is made once more, in the time that is left.
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
    /// When it is no longer asked, because it does not answer.
    #[serde(default)]
    pub breaker: BreakerSettings,
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

/// Limits of a decision cache. Each worker has one of its own. An answer is kept as its
/// `cache-control` says, within these bounds, and never beyond the token that it was asked for.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionCache {
    /// Most answers kept per worker. Default: 10000. 0 keeps none.
    #[serde(default = "defaults::decision_entries")]
    pub max_entries: u32,
    /// Most bytes that they take per worker, questions included. Default: 16777216. An answer that
    /// would take more than half of it is not kept.
    #[serde(default = "defaults::decision_bytes")]
    pub max_bytes: u32,
    /// Lifetime of an answer without `max-age`. Default: 0s, so it is not kept.
    #[serde(default)]
    pub default_ttl: Span,
    /// Longest lifetime, whatever the answer allows. Default: 5m.
    #[serde(default = "defaults::decision_max_ttl")]
    pub max_ttl: Span,
    /// Lifetime of a denial without `max-age`, and the longest of any denial; at most `max_ttl`.
    /// Default: as for an answer that allows.
    #[serde(default)]
    pub deny_ttl: Option<Span>,
    /// How long after its lifetime an answer may serve while a newer one is asked for in the
    /// background: the longest, and what applies where the answer has no `stale-while-revalidate`.
    /// Default: 0s.
    #[serde(default)]
    pub stale_while_revalidate: Span,
    /// How long after its lifetime an answer may stand in while no newer one can be had, for a
    /// reason that `failure_mode` covers: the longest, and what applies where the answer has no
    /// `stale-if-error`. Default: 0s.
    #[serde(default)]
    pub max_stale: Span,
}

/// When a decision point is no longer asked. Each worker finds out for itself. Only what no client
/// can bring about counts: a connection that fails, a timeout, 5xx, an answer that is no decision.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BreakerSettings {
    /// After so many questions in a row without an answer, at most 1000. Default: 5. 0: never.
    #[serde(default = "defaults::breaker_failures")]
    pub failures: u32,
    /// All of them within this time. Default: 10s.
    #[serde(default = "defaults::breaker_window")]
    pub window: Span,
    /// For how long; then one question is asked, and its answer ends it. Default: 5s. Meanwhile
    /// the route's `failure_mode` applies at once.
    #[serde(default = "defaults::breaker_open")]
    pub open: Span,
}

impl Default for DecisionCache {
    fn default() -> Self {
        Self {
            max_entries: defaults::decision_entries(),
            max_bytes: defaults::decision_bytes(),
            default_ttl: Span::default(),
            max_ttl: defaults::decision_max_ttl(),
            deny_ttl: None,
            stale_while_revalidate: Span::default(),
            max_stale: Span::default(),
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: defaults::breaker_failures(),
            window: defaults::breaker_window(),
            open: defaults::breaker_open(),
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
    pub(super) fn decision_bytes() -> u32 {
        16 * 1024 * 1024
    }
    pub(super) fn breaker_failures() -> u32 {
        5
    }
    pub(super) fn breaker_window() -> Span {
        Span::from_secs(10)
    }
    pub(super) fn breaker_open() -> Span {
        Span::from_secs(5)
    }
    pub(super) fn decision_max_ttl() -> Span {
        Span::from_secs(300)
    }
}
