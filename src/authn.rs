//! Who is asking. From a request's credentials to a [`Caller`], in one order that the types keep:
//! [`RawToken`] (found), [`ParsedToken`] (well formed, nothing believed), [`VerifiedToken`]
//! (signature, issuer, audience and time checked), [`Principal`].
//!
//! Nothing here knows routes, rules or replies; a refusal is an [`AuthnError`].

mod algorithm;
mod claims;
mod confirmation;
mod cross_site;
mod demands;
pub mod dpop;
mod extract;
mod failed_tokens;
mod json;
mod jwks;
mod jwks_source;
mod places;
mod principal;
mod signature;
mod statement;
mod thumbprint;
mod token;
mod token_cache;
mod verify;

use std::fmt;

pub use algorithm::{Algorithm, AlgorithmSet};
pub use claims::{ClaimPath, Claims};
pub use confirmation::Confirmation;
pub use cross_site::may_use_cookie;
pub use demands::Demands;
use dpop::DpopError;
pub use extract::{Presented, RawToken, find_token};
pub use failed_tokens::FailedTokens;
pub(crate) use json::object_with_list;
pub use json::{Json, Members};
pub use jwks::{
    InvalidJwks, Key, KeyId, KeySet, MAX_DOCUMENT as JWKS_MAX_DOCUMENT, Material, P256Key, P384Key,
    P521Key,
};
pub use jwks_source::{
    FetchError, Health, InvalidDiscovery, JwksSource, KeyState, MissBudget, Over, Progress, Timing,
};
pub use places::{AUTHORIZATION, Place, PlaceId, PlaceSet, Places};
pub use principal::{Caller, Principal};
pub use signature::{PortableVerifier, SignatureVerifier, ecdsa_der};
pub use statement::{Expected, Statement, verify_statement};
pub use thumbprint::Thumbprint;
pub(crate) use thumbprint::hex_digit;
pub(crate) use token::HeaderMemo;
pub use token::ParsedToken;
pub use token_cache::TokenCache;
pub use verify::{Checks, HeaderValues, VerifiedToken, verify};

/// Why a credential is not accepted. Clients are told one of two things (RFC 6750 §3.1:
/// `invalid_request` or `invalid_token`); which of these it was goes to logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthnError {
    /// The route needs a token and there is none.
    Missing,
    /// More than one credential in one request.
    Several,
    /// A place where a token is expected has something else in it.
    NotBearer,
    /// Longer than any token we take.
    TooLong,
    /// Not three base64url parts, or header or claims are no JSON object.
    Malformed,
    /// Signed with an algorithm that is not accepted, `none` among them.
    Algorithm,
    /// Has a critical header that nobody here understands (RFC 7515 §4.1.11).
    Critical,
    /// Not an access token: an ID token, a logout token and others of their kind.
    TokenType,
    /// Of no issuer that is configured.
    Issuer,
    /// Names a key the issuer does not publish.
    UnknownKey,
    /// The signature is not the key's.
    Signature,
    /// For none of the configured audiences.
    Audience,
    /// Has no expiry, or is past it.
    Expired,
    /// Not valid yet.
    NotYetValid,
    /// A registered claim is not of its type.
    Claim,
    /// Issued to a client that is not accepted.
    Party,
    /// Lacks a claim that is required, or has another value in it.
    RequiredClaim,
    /// Lives longer than is accepted.
    Lifetime,
    /// Was in a place where its issuer's tokens are not taken from.
    Place,
    /// Is bound to its sender in a way that nobody here can check (RFC 7800 §3.1).
    Confirmation,
    /// Is not bound to its sender, where it has to be.
    Unbound,
    /// Is bound to a key, and sent as if whoever has it might use it (RFC 9449 §7.2).
    BoundToKey,
    /// Its sender has not proved to have the key (RFC 9449).
    Proof(DpopError),
    /// Is bound to a client certificate that the connection has not shown (RFC 8705 §3).
    Certificate,
    /// Has been revoked, by itself or with its session, its subject's others or everybody's.
    Revoked,
}

impl AuthnError {
    /// Stable name for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Several => "credentials_several",
            Self::NotBearer => "not_bearer",
            Self::TooLong => "token_too_long",
            Self::Malformed => "token_malformed",
            Self::Algorithm => "algorithm",
            Self::Critical => "critical_header",
            Self::TokenType => "token_type",
            Self::Issuer => "issuer",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Claim => "claim",
            Self::Party => "authorized_party",
            Self::RequiredClaim => "required_claim",
            Self::Lifetime => "lifetime",
            Self::Place => "place",
            Self::Confirmation => "confirmation",
            Self::Unbound => "unbound",
            Self::BoundToKey => "bound_to_key",
            Self::Proof(error) => error.reason(),
            Self::Certificate => "certificate",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for AuthnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for AuthnError {}

impl From<DpopError> for AuthnError {
    fn from(error: DpopError) -> Self {
        Self::Proof(error)
    }
}
