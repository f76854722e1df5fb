//! The order in which a token is checked, and the only place that makes a [`VerifiedToken`].
//!
//! Signature first, then the claims: nothing an unverified token says about itself but its issuer
//! and its key's name is ever acted on.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use super::claims::{check_texts, date};
use super::token::Signed;
use super::{
    AuthnError, ClaimPath, Claims, Confirmation, Json, KeyId, KeySet, ParsedToken,
    SignatureVerifier,
};
use crate::authz::DecisionMemo;
use crate::freshness::Marks;
use crate::policy::{Provider, ProviderId};
use crate::time::Timestamp;

/// A token whose signature, issuer, audience, type and time have been checked.
#[derive(Debug)]
pub struct VerifiedToken {
    provider: ProviderId,
    key: KeyId,
    expires_at: Timestamp,
    not_before: Timestamp,
    claims: Claims,
    confirmation: Confirmation,
    /// Where the subject is, if not in `sub`.
    subject_claim: Option<ClaimPath>,
    headers: OnceCell<HeaderValues>,
    decisions: DecisionMemo,
    marks: Marks,
}

/// Header values made from a token's claims, in the order of the policy's identity headers.
pub type HeaderValues = Box<[Option<Rc<str>>]>;

impl VerifiedToken {
    /// Whose token it is.
    pub const fn provider(&self) -> ProviderId {
        self.provider
    }

    /// The key that verified it.
    pub const fn key(&self) -> KeyId {
        self.key
    }

    /// When it ends, the tolerated clock difference included.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Who it is about: the claim its provider names, when that is a text and not empty.
    pub fn subject(&self) -> Option<&str> {
        let subject = match &self.subject_claim {
            None => self.claims.named("sub"),
            Some(path) => self.claims.at(path),
        };
        subject?.as_str().filter(|subject| !subject.is_empty())
    }

    /// What its sender has to show with each request.
    pub const fn confirmation(&self) -> &Confirmation {
        &self.confirmation
    }

    /// Its claims.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The header values made from its claims; `make` makes them the first time. A verified token
    /// is kept under one policy only, so they never have to be made again.
    pub fn header_values(&self, make: impl FnOnce() -> HeaderValues) -> &[Option<Rc<str>>] {
        self.headers.get_or_init(make)
    }

    /// Decisions that it has been given.
    pub const fn decisions(&self) -> &DecisionMemo {
        &self.decisions
    }

    /// What is remembered of looking for revocations of it.
    pub const fn marks(&self) -> &Marks {
        &self.marks
    }

    /// When it was issued, if it says.
    pub fn issued_at(&self) -> Option<Timestamp> {
        date(&self.claims, "iat").ok()?
    }

    /// Whether it may be used now. Everything else about a verified token stays true.
    pub fn check_time(&self, now: Timestamp) -> Result<(), AuthnError> {
        if now >= self.expires_at {
            return Err(AuthnError::Expired);
        }
        if now < self.not_before {
            return Err(AuthnError::NotYetValid);
        }
        Ok(())
    }
}

/// What a provider demands of its tokens.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'p> {
    /// Its place in the policy.
    pub id: ProviderId,
    /// Its settings.
    pub provider: &'p Provider,
    /// Its keys.
    pub keys: &'p KeySet,
}

/// Verifies a token that claims to be of this provider. [`AuthnError::UnknownKey`] when no key
/// answers to its `kid`, so that the caller can decide whether fetching keys might help.
pub fn verify(
    token: ParsedToken<'_>,
    checks: Checks<'_>,
    verifier: &dyn SignatureVerifier,
    now: Timestamp,
) -> Result<Rc<VerifiedToken>, AuthnError> {
    if !checks.provider.algorithms.contains(token.signed.algorithm) {
        return Err(AuthnError::Algorithm);
    }
    let key = check_signature(&token.signed, checks.keys, verifier)?;
    if !token.claimed_issuer().is_some_and(|issuer| checks.provider.issuer.is(issuer)) {
        return Err(AuthnError::Issuer);
    }
    checks.provider.demands.check_type(&token.claims, token.says_access)?;
    check_audience(&token.claims, checks.provider)?;
    check_texts(&token.claims)?;
    checks.provider.demands.check_claims(&token.claims)?;
    let times = times(&token.claims, checks.provider.clock_skew, now)?;
    let confirmation = Confirmation::read(&token.claims)?;
    let verified = VerifiedToken {
        confirmation,
        provider: checks.id,
        key,
        expires_at: times.0,
        not_before: times.1,
        claims: token.claims,
        subject_claim: checks.provider.subject_claim.clone(),
        headers: OnceCell::new(),
        decisions: DecisionMemo::default(),
        marks: Marks::default(),
    };
    verified.check_time(now)?;
    Ok(Rc::new(verified))
}

/// The key of these that the signature is of.
pub(super) fn check_signature(
    signed: &Signed<'_>,
    keys: &KeySet,
    verifier: &dyn SignatureVerifier,
) -> Result<KeyId, AuthnError> {
    let key_id = signed.key_id.as_deref();
    let mut error = if keys.has(key_id) { AuthnError::Algorithm } else { AuthnError::UnknownKey };
    for key in keys.candidates(key_id, signed.algorithm) {
        error = AuthnError::Signature;
        if key.signature_len(signed.algorithm) == signed.signature.len()
            && verifier.verify(signed.algorithm, key, signed.signing_input, &signed.signature)
        {
            return Ok(key.id());
        }
    }
    Err(error)
}

fn check_audience(claims: &Claims, provider: &Provider) -> Result<(), AuthnError> {
    let Some(accepted) = &provider.audiences else { return Ok(()) };
    let found = is_for(claims, |aud| accepted.iter().any(|one| **one == *aud));
    if found { Ok(()) } else { Err(AuthnError::Audience) }
}

/// Whether an audience of the claims is accepted: `aud`, one text or an array (RFC 7519 §4.1.3).
pub(super) fn is_for(claims: &Claims, accepts: impl Fn(&str) -> bool) -> bool {
    let is_accepted = |one: Json<'_>| one.as_str().is_some_and(&accepts);
    match claims.named("aud") {
        Some(Json::Array(list)) => list.values().any(is_accepted),
        Some(one) => is_accepted(one),
        None => false,
    }
}

/// When the token may be used, the tolerated difference included. A token without expiry is
/// never good: nothing could be cached for it, and nothing would ever end it.
fn times(
    claims: &Claims,
    skew: Duration,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), AuthnError> {
    let expires_at = date(claims, "exp")?.ok_or(AuthnError::Expired)?.after(skew);
    let not_before = date(claims, "nbf")?.unwrap_or_default().before(skew);
    let issued_at = date(claims, "iat")?.unwrap_or_default().before(skew);
    if issued_at > now {
        return Err(AuthnError::NotYetValid);
    }
    Ok((expires_at, not_before))
}
