//! Tokens that have been verified, by the whole token.
//!
//! A hit is good only while the key that verified the token is still published and the time is
//! right; both are looked at every time. Only verified tokens are kept, so a flood of bad ones
//! cannot push good ones out. It lives and dies with the policy it was filled under.

use std::rc::Rc;

use super::{AuthnError, KeySet, RawToken, VerifiedToken};
use crate::bounded::BoundedMap;
use crate::policy::ProviderId;
use crate::time::Timestamp;

/// Most tokens kept per VM; at the longest token that is 64 MiB, at an ordinary one 8.
const MAX_TOKENS: usize = 4096;

/// Verified tokens by the token as it was sent.
#[derive(Debug)]
pub struct TokenCache(BoundedMap<Box<str>, Rc<VerifiedToken>>);

impl Default for TokenCache {
    fn default() -> Self {
        Self(BoundedMap::new(MAX_TOKENS))
    }
}

impl TokenCache {
    /// The verified form of a token, if it is known and its key still published. The error when
    /// it is known and its time is over.
    pub fn find<'k>(
        &mut self,
        token: RawToken<'_>,
        keys: impl Fn(ProviderId) -> Option<&'k KeySet>,
        now: Timestamp,
    ) -> Option<Result<Rc<VerifiedToken>, AuthnError>> {
        let verified = self.0.find(token.as_str())?;
        if !keys(verified.provider()).is_some_and(|keys| keys.contains(verified.key())) {
            self.0.remove(token.as_str());
            return None;
        }
        let checked = verified.check_time(now);
        if checked.is_err() {
            self.0.remove(token.as_str());
        }
        Some(checked.map(|()| verified))
    }

    /// Remembers a token.
    pub fn insert(&mut self, token: RawToken<'_>, verified: Rc<VerifiedToken>) {
        self.0.insert(token.as_str().into(), verified);
    }
}
