//! Routes: which requests, which token, which rules.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RoleSource;

/// One route: which requests, which token, which rules.
#[derive(Clone, Debug, Deserialize)]
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
    pub rules: Vec<Rule>,
    /// Decision point for this route. Default: the only one configured.
    #[serde(default)]
    pub authorization: Option<String>,
    /// What a missing answer of the decision point means. Default: deny.
    #[serde(default)]
    pub failure_mode: FailureMode,
    /// What it means where only a roles header needed the answer. Default: `failure_mode`.
    #[serde(default)]
    pub roles_on_failure: RolesOnFailure,
}

/// Which requests a route is for: exactly one of `path` and `prefix`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// URI template: literal segments, `{name}` for one segment, and last `{name=**}` for any
    /// number of them.
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
#[serde(rename_all = "snake_case")]
pub enum Token {
    /// No token, no request: 401.
    Required,
    /// A request may come without one; a token that is present must be valid.
    Optional,
    /// The token is neither read nor removed, and nobody is identified.
    None,
}

/// One rule: a name and exactly one of `allow` and `deny`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Name for logs and metrics. Unique in its route.
    pub name: String,
    /// Let the request through when the condition is true.
    #[serde(default)]
    pub allow: Option<Condition>,
    /// Refuse the request when the condition is true or cannot be told.
    #[serde(default)]
    pub deny: Option<Condition>,
}

/// A condition. All that is given must hold; at least one must be given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Holds for every request. Only `true` can be written.
    #[serde(default)]
    pub always: Option<bool>,
    /// Claims that must equal one of the values given (an array claim: contain one). A request
    /// without a token, or a token without the claim, does not hold.
    #[serde(default)]
    pub claims: BTreeMap<String, Vec<String>>,
    /// Scopes that the token must grant, all of them: in `scope`, or in `scp` where there is no
    /// `scope`. Where only they are missing, the answer is 403 with `insufficient_scope` and names
    /// them (RFC 6750 §3.1). Default: none.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Roles of the caller.
    #[serde(default)]
    pub roles: Option<Roles>,
    /// What the decision point must say. Unknown when it cannot be asked.
    #[serde(default)]
    pub decision: Option<bool>,
}

/// A condition on roles.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Holds when the caller has one of these.
    pub any_of: Vec<String>,
    /// Where the caller's roles are found.
    pub from: RoleSource,
}

/// What a missing answer of the decision point means for a route.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
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
#[serde(rename_all = "snake_case")]
pub enum RolesOnFailure {
    /// As the route's `failure_mode` says.
    #[default]
    FailureMode,
    /// Forward without the header.
    Absent,
}
