//! Signed statements that are no access tokens: logout tokens (OpenID Connect Back-Channel Logout
//! 1.0), security events (RFC 8417), ID tokens, tokens of administrators. They are verified like
//! access tokens are, and can never pass for one: whoever asks says which `typ` it takes.
//!
//! The filter takes none of these. Services that speak with an identity provider do.

use std::time::Duration;

use super::claims::{check_texts, date};
use super::json::Object;
use super::token::{Signed, decode, key_id, media_type};
use super::verify::{check_signature, is_for};
use super::{Algorithm, AlgorithmSet, AuthnError, Claims, KeySet, SignatureVerifier};
use crate::time::Timestamp;

/// Longest statement that is looked at, in bytes.
const MAX_STATEMENT: usize = 32 * 1024;

/// What a statement must say to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// Media types that its header may name, in lower case and without `application/`; an empty one
    /// for a header that names none.
    pub types: &'e [&'e str],
    /// Its `iss`, exactly.
    pub issuer: &'e str,
    /// One of these is in its `aud`.
    pub audiences: &'e [String],
    /// How far clocks may differ.
    pub clock_skew: Duration,
}

/// A statement whose signature, type, issuer, audience and time have been checked. When it must
/// have been made at the latest is for its reader to say.
#[derive(Debug)]
pub struct Statement {
    /// When it was made (`iat`).
    pub issued_at: Timestamp,
    /// When it ends (`exp`), where it does.
    pub expires_at: Option<Timestamp>,
    /// What it says.
    pub claims: Claims,
}

/// A well-formed statement: decoded, and nothing of it believed.
struct Parsed<'t> {
    signed: Signed<'t>,
    media_type: String,
    claims: Claims,
}

/// Verifies a compact JWS as `expected`, with keys that its issuer publishes.
/// [`AuthnError::UnknownKey`] when none of them answers to its `kid`.
pub fn verify_statement(
    text: &str,
    expected: &Expected<'_>,
    keys: &KeySet,
    verifier: &dyn SignatureVerifier,
    now: Timestamp,
) -> Result<Statement, AuthnError> {
    let parsed = Parsed::read(text)?;
    if !AlgorithmSet::ASYMMETRIC.contains(parsed.signed.algorithm) {
        return Err(AuthnError::Algorithm);
    }
    check_signature(&parsed.signed, keys, verifier)?;
    if !expected.types.contains(&parsed.media_type.as_str()) {
        return Err(AuthnError::TokenType);
    }
    let claims = parsed.claims;
    if claims.named("iss").and_then(|issuer| issuer.as_str()) != Some(expected.issuer) {
        return Err(AuthnError::Issuer);
    }
    if !is_for(&claims, |aud| expected.audiences.iter().any(|one| one == aud)) {
        return Err(AuthnError::Audience);
    }
    check_texts(&claims)?;
    let (issued_at, expires_at) = times(&claims, expected.clock_skew, now)?;
    Ok(Statement { issued_at, expires_at, claims })
}

impl<'t> Parsed<'t> {
    fn read(text: &'t str) -> Result<Self, AuthnError> {
        if text.len() > MAX_STATEMENT {
            return Err(AuthnError::TooLong);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(AuthnError::Malformed)?;
        let (header, claims) = signing_input.split_once('.').ok_or(AuthnError::Malformed)?;
        let header = Object::from_slice(&decode(header)?).ok_or(AuthnError::Malformed)?;
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(AuthnError::Critical);
        }
        let name = header.get("alg").and_then(|name| name.as_str()).ok_or(AuthnError::Malformed)?;
        Ok(Self {
            signed: Signed {
                algorithm: Algorithm::named(name).ok_or(AuthnError::Algorithm)?,
                key_id: key_id(&header)?,
                signing_input: signing_input.as_bytes(),
                signature: decode(signature)?,
            },
            media_type: media_type(&header)?.unwrap_or_default(),
            claims: Claims::from_slice(&decode(claims)?).ok_or(AuthnError::Malformed)?,
        })
    }
}

/// When it was made, which it must say, and when it ends, if it does.
fn times(
    claims: &Claims,
    skew: Duration,
    now: Timestamp,
) -> Result<(Timestamp, Option<Timestamp>), AuthnError> {
    let issued_at = date(claims, "iat")?.ok_or(AuthnError::Claim)?;
    let not_before = date(claims, "nbf")?.unwrap_or_default();
    let expires_at = date(claims, "exp")?;
    if issued_at.before(skew) > now || not_before.before(skew) > now {
        return Err(AuthnError::NotYetValid);
    }
    if expires_at.is_some_and(|end| now >= end.after(skew)) {
        return Err(AuthnError::Expired);
    }
    Ok((issued_at, expires_at))
}
