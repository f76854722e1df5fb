//! Statements about callers that services can check.

use serde::Deserialize;

use super::{RoleSource, Span};

/// A statement, signed by the gateway, of who a request is for: a short-lived JWT in a header of ours. A
/// route with `identity_audience` sends one with every request of an identified caller.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedIdentity {
    /// Who makes the statements: their `iss`, which services compare as it stands.
    pub issuer: String,
    /// Environment variable of the host with the key: ECDSA on P-256 in PKCS#8 as PEM, as `openssl
    /// genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it. One that is not set is a
    /// configuration error. A request that cannot be signed is not forwarded (500).
    pub key_env: String,
    /// The header. It is removed from every request on every route before any is set. Default:
    /// `x-claimgate-identity`.
    #[serde(default = "default_header")]
    pub header: String,
    /// How long a statement is good, 2s to 10m, and never longer than the caller's token. It is used
    /// again until half of that is over. Default: 30s.
    #[serde(default = "default_ttl")]
    pub ttl: Span,
    /// What a statement is bound to. Default: `route`.
    #[serde(default)]
    pub bind: Bind,
    /// What it says of the caller.
    #[serde(default)]
    pub include: Include,
}

/// What a statement is bound to.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// The method and the route's template.
    #[default]
    Route,
    /// These and the path; each request gets a statement of its own, and costs a signature.
    Request,
}

/// What a statement says of the caller, beside whose token it was.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Include {
    /// Who it is: `sub`. Default: true. Left out for a token that does not say.
    #[serde(default = "yes")]
    pub subject: bool,
    /// The caller's roles, as a list. Default: none. On failure of the decision point as for a roles
    /// header.
    #[serde(default)]
    pub roles: Option<RoleSource>,
    /// Claims of the caller's token, nested names joined with dots, which become members of `claims`
    /// under these names. One that the token lacks is left out. Default: none.
    #[serde(default)]
    pub claims: Vec<String>,
}

impl Default for Include {
    fn default() -> Self {
        Self { subject: true, roles: None, claims: Vec::new() }
    }
}

fn default_header() -> String {
    "x-claimgate-identity".to_owned()
}

fn default_ttl() -> Span {
    Span::from_secs(30)
}

const fn yes() -> bool {
    true
}
