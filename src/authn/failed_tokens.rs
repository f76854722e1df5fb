//! Tokens whose signature was found wrong a moment ago, so that somebody who sends the same bad one
//! again and again does not make us check it each time.
//!
//! Nothing but a wrong signature is remembered: everything else about a token is cheap to find, or
//! may change. It is kept apart from the good tokens, and small, so that no amount of garbage can
//! push one of those out.

use std::time::Duration;

use super::{KeySet, RawToken};
use crate::bounded::BoundedMap;
use crate::policy::ProviderId;
use crate::time::Timestamp;

/// Most tokens; each holds its text.
const MAX_TOKENS: usize = 256;
/// Longest token that is worth remembering: a million bytes in all.
const MAX_LEN: usize = 4096;
/// How long one is believed to be bad.
const KEPT: Duration = Duration::from_secs(10);

/// Bad tokens by their text.
#[derive(Debug)]
pub struct FailedTokens(BoundedMap<Box<str>, Failed>);

#[derive(Clone, Copy, Debug)]
struct Failed {
    provider: ProviderId,
    /// The keys it was checked with: with others it may be good.
    generation: u64,
    until: Timestamp,
}

impl Default for FailedTokens {
    fn default() -> Self {
        Self(BoundedMap::new(MAX_TOKENS))
    }
}

impl FailedTokens {
    /// Whether no key of its provider made this signature, as far as those keys are still the ones.
    pub fn has<'k>(
        &mut self,
        token: RawToken<'_>,
        keys: impl Fn(ProviderId) -> Option<&'k KeySet>,
        now: Timestamp,
    ) -> bool {
        // Hashing a token for an empty map is waste.
        if self.0.is_empty() {
            return false;
        }
        let Some(failed) = self.0.find(token.as_str()) else { return false };
        let same = keys(failed.provider).is_some_and(|k| k.generation() == failed.generation);
        if same && now < failed.until {
            return true;
        }
        self.0.remove(token.as_str());
        false
    }

    /// Remembers a token that none of these keys has signed.
    pub fn insert(
        &mut self,
        token: RawToken<'_>,
        provider: ProviderId,
        keys: &KeySet,
        now: Timestamp,
    ) {
        if token.as_str().len() <= MAX_LEN {
            let generation = keys.generation();
            let failed = Failed { provider, generation, until: now.after(KEPT) };
            self.0.insert(token.as_str().into(), failed);
        }
    }
}
