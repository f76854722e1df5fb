//! Proofs of possession.

use serde::Deserialize;

use super::Span;

/// How proofs of possession (DPoP, RFC 9449) are checked. Needs `public_origin`. A token that is
/// bound to a key (`cnf.jkt`) always needs a proof; without this section such tokens are refused.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dpop {
    /// Algorithms that proofs may be signed with. Default: every asymmetric one.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// How long ago a proof may have been made, 1s to 1h. Default: 60s. An older one is refused
    /// (401). It bounds what a thief who can read a proof may do with it elsewhere.
    #[serde(default = "max_age")]
    pub max_age: Span,
    /// How far ahead of ours a client's clock may be, at most 5m. Default: 5s.
    #[serde(default = "clock_skew")]
    pub clock_skew: Span,
    /// Most proofs that one worker remembers, each at most 80 bytes, 1 to 1000000. Default: 50000.
    /// When half of it is taken, only proofs with a nonce are; when all of it is, none (503).
    #[serde(default = "max_proofs")]
    pub max_proofs: u32,
    /// Environment variable with a secret of at least 32 bytes, the same at every gateway, that
    /// nonces are made with. Default: none; no nonces are given out. A variable that is named but
    /// not set is a configuration error.
    #[serde(default)]
    pub nonce_secret_env: Option<String>,
    /// Whether every proof needs a nonce. Default: false. A proof without one is answered 401 with
    /// `use_dpop_nonce` and the nonce to use.
    #[serde(default)]
    pub require_nonce: bool,
}

const fn max_age() -> Span {
    Span::from_secs(60)
}

const fn clock_skew() -> Span {
    Span::from_secs(5)
}

const fn max_proofs() -> u32 {
    50_000
}
