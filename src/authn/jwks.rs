//! JSON Web Key Sets (RFC 7517): which keys of an issuer's document may verify tokens.
//!
//! A key that cannot be used is left out and the rest of the set stays good: an encryption key
//! beside the signing key is the ordinary case. A document without any usable key is an error, so
//! that it never replaces a good set.

mod curve;
mod jwk;
mod key;

use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use super::algorithm::{Algorithm, AlgorithmSet};
use jwk::Jwk;

pub use curve::{P256Key, P384Key, P521Key};
pub use key::{Key, KeyId, Material};

/// Largest document that is parsed.
pub const MAX_DOCUMENT: usize = 256 * 1024;
/// Most keys that are looked at.
const MAX_KEYS: usize = 64;

/// The usable keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Rc<Key>>,
    next_id: u64,
}

/// Why a document is no key set we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidJwks {
    /// Larger than any sensible set.
    TooLarge,
    /// Not a JSON object with an array `keys`.
    NotAKeySet,
    /// More keys than are looked at.
    TooManyKeys,
    /// No key in it can verify a token.
    NoUsableKey,
}

impl InvalidJwks {
    /// Stable name for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotAKeySet => "not_a_key_set",
            Self::TooManyKeys => "too_many_keys",
            Self::NoUsableKey => "no_usable_key",
        }
    }
}

impl fmt::Display for InvalidJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for InvalidJwks {}

impl Key {
    /// The one key of a JWK that stands by itself (RFC 7515 §4.1.3), held to what a published key
    /// is held to. It belongs to no set and proves nothing but that its holder signed.
    pub(crate) fn of_jwk(jwk: &Value) -> Option<Self> {
        let Jwk { kid, algorithms, material } = Jwk::read(jwk)?;
        Self::new(KeyId::IN_NO_SET, kid, material, algorithms)
    }
}

impl KeySet {
    /// The set that follows this one: keys of `document`, those that were here before keep their
    /// ids. An error leaves this set as it is.
    pub fn succeed(&self, document: &[u8]) -> Result<Self, InvalidJwks> {
        let mut next = Self { keys: Vec::new(), next_id: self.next_id };
        for entry in &entries(document)? {
            let Some(Jwk { kid, algorithms, material }) = Jwk::read(entry) else { continue };
            let Some(key) = Key::new(KeyId(next.next_id), kid, material, algorithms) else {
                continue;
            };
            let before = self.keys.iter().find(|known| known.is_same_as(&key));
            next.next_id += u64::from(before.is_none());
            next.keys.push(before.cloned().unwrap_or_else(|| Rc::new(key)));
        }
        if next.keys.is_empty() { Err(InvalidJwks::NoUsableKey) } else { Ok(next) }
    }

    /// The set of one secret that is shared with the issuer, good for those of the symmetric
    /// algorithms that it is long enough for (RFC 7518 §3.2: as long as the hash).
    pub fn of_secret(secret: &[u8]) -> Self {
        let fits = |algorithm: &Algorithm| secret.len() >= secret_len(*algorithm);
        let algorithms = AlgorithmSet::SECRET.iter().filter(fits).collect();
        let key = Key::new(KeyId(0), None, Material::Secret(secret.into()), algorithms);
        Self { keys: key.map(Rc::new).into_iter().collect(), next_id: 1 }
    }

    /// Keys that may have signed a token with this header: those with its `kid`, or all when it
    /// names none.
    pub fn candidates<'s>(
        &'s self,
        key_id: Option<&'s str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'s Rc<Key>> {
        self.keys
            .iter()
            .filter(move |key| key.algorithms.contains(algorithm) && key.answers_to(key_id))
    }

    /// What its keys can verify, taken together.
    pub fn algorithms(&self) -> AlgorithmSet {
        self.keys.iter().flat_map(|key| key.algorithms.iter()).collect()
    }

    /// Whether a key answers to this name, whatever it can verify.
    pub fn has(&self, key_id: Option<&str>) -> bool {
        key_id.is_some() && self.keys.iter().any(|key| key.answers_to(key_id))
    }

    /// Whether a key is still in the set.
    pub fn contains(&self, id: KeyId) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// Grows with every key that was in none of the sets before: what no key of a set has signed,
    /// none of a later set of the same generation has.
    pub const fn generation(&self) -> u64 {
        self.next_id
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn entries(document: &[u8]) -> Result<Vec<Value>, InvalidJwks> {
    if document.len() > MAX_DOCUMENT {
        return Err(InvalidJwks::TooLarge);
    }
    let mut set: Value = serde_json::from_slice(document).map_err(|_| InvalidJwks::NotAKeySet)?;
    let keys = set.get_mut("keys").and_then(Value::as_array_mut).map(std::mem::take);
    let keys = keys.ok_or(InvalidJwks::NotAKeySet)?;
    if keys.len() > MAX_KEYS { Err(InvalidJwks::TooManyKeys) } else { Ok(keys) }
}

/// Bytes that a secret must have at least.
const fn secret_len(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Hs512 => 64,
        Algorithm::Hs384 => 48,
        _ => 32,
    }
}

#[cfg(test)]
mod tests;
