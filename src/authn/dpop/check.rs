//! Whether a proof is for this request (RFC 9449 §4.3), and the only place that makes a
//! [`FreshProof`].
//!
//! The order, and why: the **key** first, because the verified token names it and a hash is cheap,
//! so that nobody can have signatures checked with a key of their own choice; then the
//! **signature**, so that nothing an unsigned proof says is answered to; then what it was made
//! for (**method**, **URI**, **token**); then when (**time**, **nonce**), so that only a proof
//! that is otherwise good is told to come again with a nonce.
//!
//! What is compared is no secret to who sent it, so comparisons are ordinary ones. The nonce is
//! the exception; see [`NonceKeeper`].

use std::time::Duration;

use super::{DpopError, NonceKeeper, Proof, PublicOrigin};
use crate::authn::{AlgorithmSet, SignatureVerifier, Thumbprint};
use crate::time::Timestamp;

/// What a proof has to be made for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'r> {
    /// Algorithms that proofs may be signed with, of the asymmetric ones.
    pub algorithms: AlgorithmSet,
    /// The key that the verified token is bound to ([`Confirmation::key`](crate::authn::Confirmation::key)).
    pub key: Thumbprint,
    /// The request's method, as it was sent.
    pub method: &'r str,
    /// Where clients believe they are.
    pub origin: &'r PublicOrigin,
    /// The request's canonical path, without its query.
    pub path: &'r str,
    /// The access token, as it was sent.
    pub token: &'r str,
    /// When proofs are good.
    pub window: Window,
    /// What nonces are for.
    pub nonces: Nonces<'r>,
}

/// When a proof is good: from `clock_skew` before its `iat` to `max_age` after it. A client whose
/// clock is behind ours has that much less of `max_age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How long ago it may have been made.
    pub max_age: Duration,
    /// How far ahead of ours its maker's clock may be.
    pub clock_skew: Duration,
}

impl Window {
    /// The longest time for which one proof can be good.
    pub const fn longest(self) -> Duration {
        self.max_age.saturating_add(self.clock_skew)
    }
}

/// What nonces are for (RFC 9449 §9).
#[derive(Clone, Copy, Debug)]
pub enum Nonces<'k> {
    /// Nothing: no secret is configured, so none was ever given out, and none is looked at.
    Off,
    /// A proof without one is good. A proof that has one is held to it: it ends with its nonce,
    /// now and whenever it is seen again.
    Accepted(&'k NonceKeeper),
    /// Every proof has to have one.
    Required(&'k NonceKeeper),
}

/// A proof that is for this request and would be good, had it not been used before. It proves
/// nothing until [`ReplayCache::admit`](super::ReplayCache::admit) has taken it.
#[derive(Debug)]
#[must_use = "a proof that is not remembered can be used again"]
pub struct FreshProof {
    pub(super) id: [u8; 32],
    /// From then on it is refused whoever sees it.
    pub(super) usable_until: Timestamp,
    /// Whether asking for a nonce would get a proof that is different from this one.
    pub(super) may_ask_nonce: bool,
}

impl Proof<'_> {
    /// Checks it against a request, in the order that this module's page gives. Nothing about the
    /// request may depend on the proof: all of `expected` comes from the request line, the
    /// configuration and the verified token.
    pub fn check(
        &self,
        expected: &Expected<'_>,
        verifier: &dyn SignatureVerifier,
        now: Timestamp,
    ) -> Result<FreshProof, DpopError> {
        self.check_key(expected)?;
        self.check_signature(verifier)?;
        self.check_target(expected)?;
        let by_time = self.usable_until(expected.window, now)?;
        let by_nonce = self.check_nonce(expected.nonces, now)?;
        Ok(FreshProof {
            id: self.id,
            usable_until: by_time.min(by_nonce.unwrap_or(Timestamp::MAX)),
            may_ask_nonce: by_nonce.is_none() && !matches!(expected.nonces, Nonces::Off),
        })
    }

    fn check_key(&self, expected: &Expected<'_>) -> Result<(), DpopError> {
        if !expected.algorithms.contains(self.algorithm) {
            return Err(DpopError::Algorithm);
        }
        if self.thumbprint == expected.key { Ok(()) } else { Err(DpopError::Thumbprint) }
    }

    fn check_signature(&self, verifier: &dyn SignatureVerifier) -> Result<(), DpopError> {
        let (algorithm, key) = (self.algorithm, &self.key);
        let right_length = self.signature.len() == key.signature_len(algorithm);
        if right_length && verifier.verify(algorithm, key, self.signing_input, &self.signature) {
            Ok(())
        } else {
            Err(DpopError::Signature)
        }
    }

    fn check_target(&self, expected: &Expected<'_>) -> Result<(), DpopError> {
        if self.claim("htm") != Some(expected.method) {
            return Err(DpopError::Method);
        }
        if !self.claim("htu").is_some_and(|htu| expected.origin.is_target(htu, expected.path)) {
            return Err(DpopError::Uri);
        }
        let ath = self.claim("ath").and_then(Thumbprint::from_base64url);
        let token = Thumbprint::of(expected.token.as_bytes());
        if ath == Some(token) { Ok(()) } else { Err(DpopError::Token) }
    }

    /// When its time ends.
    fn usable_until(&self, window: Window, now: Timestamp) -> Result<Timestamp, DpopError> {
        let until = self.issued_at.after(window.max_age);
        if self.issued_at > now.after(window.clock_skew) || until <= now {
            return Err(DpopError::Time);
        }
        Ok(until)
    }

    /// When its nonce ends, if it has one that is looked at.
    fn check_nonce(
        &self,
        nonces: Nonces<'_>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, DpopError> {
        let (keeper, required) = match nonces {
            Nonces::Off => return Ok(None),
            Nonces::Accepted(keeper) => (keeper, false),
            Nonces::Required(keeper) => (keeper, true),
        };
        match self.claim("nonce") {
            None if required => Err(DpopError::Nonce),
            None => Ok(None),
            Some(nonce) => keeper.usable_until(nonce, now).map(Some).ok_or(DpopError::Nonce),
        }
    }
}
