//! Routes: which requests, which token, which rules.

use serde::Deserialize;

use super::{Mode, RuleEntry, Streams};

/// One route: which requests, which token, which rules.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name for logs and metrics. Unique.
    pub name: String,
    /// Which requests it is for.
    #[serde(rename = "match")]
    pub matches: Match,
    /// Whether a token is needed.
    pub token: Token,
    /// Take only tokens that are bound to their sender: to a key (`cnf.jkt`, RFC 9449) or to a
    /// client certificate (`cnf.x5t#S256`, RFC 8705). Default: false. Another token is refused
    /// (401). What a bound token needs, it needs on every route.
    #[serde(default)]
    pub require_bound_token: bool,
    /// Rules in order, first match wins; when none matches the request is refused.
    pub rules: Vec<RuleEntry>,
    /// Decision point for this route. Default: the only one configured.
    #[serde(default)]
    pub authorization: Option<String>,
    /// Send a signed statement of who an identified caller is, for this audience: `signed_identity` says
    /// how. Default: none is sent.
    #[serde(default)]
    pub identity_audience: Option<String>,
    /// Whether the access log is told of every request, and not of refused ones alone. Default: false.
    #[serde(default)]
    pub access_log: bool,
    /// `shadow`: a request that the rules refuse is counted, logged and let through, without identity
    /// headers. Default: `enforce`.
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
    /// What becomes of its long-lived streams when their tokens end. Default: as `streams` says for
    /// all routes.
    #[serde(default)]
    pub streams: Option<Streams>,
    /// What a missing answer of the decision point means. Default: deny.
    #[serde(default)]
    pub failure_mode: FailureMode,
    /// What it means where only a roles header needed the answer. Default: `failure_mode`.
    #[serde(default)]
    pub roles_on_failure: RolesOnFailure,
}

/// Which requests a route is for: exactly one of `path` and `prefix`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Hosts, in lower case and without a port: `api.example.com`, or `*.example.com` for all below
    /// it. Default: all. What a client sends is compared without its port and a dot at its end.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// URI template as Envoy has them: literal segments; `*` or `{name}` for one segment or the open
    /// part of one (`/{file}.json`); `{name=a/*}` for several; last `**` or `{name=**}` for whatever
    /// is left, perhaps with an ending (`/**.mpd`).
    #[serde(default)]
    pub path: Option<String>,
    /// A path and everything below it, by path element: `/a` is for `/a` and `/a/b`, not `/ab`.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Methods. Default: all. A path that matches with another method is answered 405.
    #[serde(default)]
    pub methods: Vec<String>,
}

/// Whether a route needs a token.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// No token, no request: 401.
    Required,
    /// A request may come without one; a token that is present must be valid.
    Optional,
    /// The token is neither read nor removed, and nobody is identified.
    None,
}

/// What a missing answer of the decision point means for a route.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureMode {
    /// 503 with `retry-after`.
    #[default]
    Deny,
    /// The bare decision condition counts as true; roles are absent. Counted.
    Allow,
}

/// What a missing answer means where only a roles header needed it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RolesOnFailure {
    /// As the route's `failure_mode` says.
    #[default]
    FailureMode,
    /// Forward without the header.
    Absent,
}
