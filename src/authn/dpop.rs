//! Proofs of possession (DPoP, RFC 9449): whether who sends a token has the key it is bound to.
//!
//! In one order that the types keep: [`Proof`] (well formed, nothing believed), [`FreshProof`]
//! (signed with the token's key, for this request and token, made just now), and then
//! [`ReplayCache::admit`], after which it has been used. Until then a proof proves nothing.
//!
//! Nothing here knows headers, routes or replies. It must never take a proof for good because
//! something about it could not be checked: every doubt is a [`DpopError`].

mod check;
mod htu;
mod nonce;
mod proof;
mod replay;

use std::fmt;

pub use check::{Expected, FreshProof, Nonces, Window};
pub use htu::PublicOrigin;
pub use nonce::NonceKeeper;
pub use proof::Proof;
pub use replay::ReplayCache;

/// Why a proof is not accepted. Clients are told [`DpopError::code`]; which of these it was goes
/// to logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopError {
    /// The token needs a proof and there is none.
    Missing,
    /// More than one proof in one request.
    Several,
    /// Longer than any proof we take.
    TooLong,
    /// Not three base64url parts, no JSON objects, or a claim is missing or not of its type.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// Has a critical header that nobody here understands (RFC 7515 §4.1.11).
    Critical,
    /// Signed with an algorithm that is not accepted, or not its key's.
    Algorithm,
    /// `jwk` is no public key that we take.
    Key,
    /// The key is not the one that the token is bound to.
    Thumbprint,
    /// The signature is not the key's.
    Signature,
    /// Made for another method.
    Method,
    /// Made for another URI.
    Uri,
    /// Made for another access token, or for none.
    Token,
    /// Made too long ago, or later than now.
    Time,
    /// Has no nonce where one is needed, or one that is not good any more.
    Nonce,
    /// Has been used before.
    Replayed,
    /// Nothing more can be remembered, so nothing more is taken.
    Full,
}

impl DpopError {
    /// Stable name for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "dpop_missing",
            Self::Several => "dpop_several",
            Self::TooLong => "dpop_too_long",
            Self::Malformed => "dpop_malformed",
            Self::Type => "dpop_type",
            Self::Critical => "dpop_critical_header",
            Self::Algorithm => "dpop_algorithm",
            Self::Key => "dpop_key",
            Self::Thumbprint => "dpop_thumbprint",
            Self::Signature => "dpop_signature",
            Self::Method => "dpop_method",
            Self::Uri => "dpop_uri",
            Self::Token => "dpop_token",
            Self::Time => "dpop_time",
            Self::Nonce => "dpop_nonce",
            Self::Replayed => "dpop_replayed",
            Self::Full => "dpop_full",
        }
    }

    /// The error code of the `DPoP` challenge (RFC 9449 §7.1, §9). `None` where it is not the
    /// client's fault: nothing about another proof would be better, so the answer is a 503.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Nonce => Some("use_dpop_nonce"),
            Self::Thumbprint => Some("invalid_token"),
            Self::Full => None,
            _ => Some("invalid_dpop_proof"),
        }
    }
}

impl fmt::Display for DpopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for DpopError {}

#[cfg(test)]
mod tests;
