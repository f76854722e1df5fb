//! Tokens that have been verified, by the whole token.
//!
//! A token is found by its end, the end of its signature: who could make two tokens with the same end
//! could sign. Then it is compared in full; another token with that end is not known. So a request
//! pays for hashing a few bytes, not the 1.3 kB that a token usually has.
//!
//! A hit is good only while the key that verified the token is still published and the time is
//! right; both are looked at every time. Only verified tokens are kept, so a flood of bad ones
//! cannot push good ones out. It lives and dies with the policy it was filled under.

use std::fmt;
use std::rc::Rc;

use super::{AuthnError, KeySet, RawToken, VerifiedToken};
use crate::bounded::BoundedMap;
use crate::policy::ProviderId;
use crate::time::Timestamp;

/// Most tokens kept per VM; at the longest token that is 64 MiB, at an ordinary one 8.
const MAX_TOKENS: usize = 4096;

/// How many bytes of a token's end find it: more than 190 bits of its signature.
const END: usize = 32;

/// Verified tokens by the token as it was sent.
#[derive(Debug)]
pub struct TokenCache(BoundedMap<[u8; END], Known>);

/// A token as it was sent, and verified.
#[derive(Clone)]
struct Known {
    text: Rc<str>,
    verified: Rc<VerifiedToken>,
}

/// Tokens reach no log, and so have no debug form.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verified.fmt(f)
    }
}

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
        let end = end(token)?;
        let known = self
            .0
            .find(end)
            .filter(|known| is_same(known.text.as_bytes(), token.as_str().as_bytes()))?;
        let verified = known.verified;
        if !keys(verified.provider()).is_some_and(|keys| keys.contains(verified.key())) {
            self.0.remove(end);
            return None;
        }
        let checked = verified.check_time(now);
        if checked.is_err() {
            self.0.remove(end);
        }
        Some(checked.map(|()| verified))
    }

    /// Remembers a token.
    pub fn insert(&mut self, token: RawToken<'_>, verified: Rc<VerifiedToken>) {
        if let Some(end) = end(token) {
            self.0.insert(*end, Known { text: token.as_str().into(), verified });
        }
    }
}

/// `None` for what is too short to be a signed token.
fn end(token: RawToken<'_>) -> Option<&[u8; END]> {
    token.as_str().as_bytes().last_chunk()
}

/// Compares eight bytes at a time; what compares texts in Wasm otherwise takes them one by one.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (ones, rest) = one.as_chunks();
    let (others, other_rest) = other.as_chunks();
    let words = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
    ones.len() == others.len()
        && ones.iter().map(words).eq(others.iter().map(words))
        && rest == other_rest
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn texts_are_the_same_when_every_byte_is() {
        let text = "abcdefgh".repeat(3).into_bytes();
        for len in 0..text.len() {
            let (one, longer) = (&text[..len], &text[..=len]);
            assert!(is_same(one, one));
            assert!(!is_same(one, longer) && !is_same(longer, one));
            for at in 0..len {
                let mut other = one.to_vec();
                other[at] ^= 1;
                assert!(!is_same(one, &other), "{len} {at}");
            }
        }
    }
}
