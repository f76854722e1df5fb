//! JSON Web Key Sets (RFC 7517): which keys of an issuer's document may verify tokens.
//!
//! A key that cannot be used is left out and the rest of the set stays good: an encryption key
//! beside the signing key is the ordinary case. A document without any usable key is an error, so
//! that it never replaces a good set.

use std::fmt;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;

use super::token::Algorithm;

/// Largest document that is parsed.
pub const MAX_DOCUMENT: usize = 256 * 1024;
/// Most keys that are looked at.
const MAX_KEYS: usize = 64;
const MIN_RSA_BITS: usize = 2048;
const MAX_RSA_BITS: usize = 8192;

/// Names a key for as long as the process lives. A key that leaves the set and returns is a new
/// one, so whatever an old id verified stays gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(u64);

/// A public key that may verify tokens.
#[derive(Debug)]
pub struct Key {
    id: KeyId,
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    rsa: RsaPublicKey,
    spki: Box<[u8]>,
}

impl Key {
    /// Its name here.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The RSA public key.
    pub const fn rsa(&self) -> &RsaPublicKey {
        &self.rsa
    }

    /// The key as a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    pub const fn spki(&self) -> &[u8] {
        &self.spki
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.kid == other.kid && self.algorithm == other.algorithm && self.rsa == other.rsa
    }
}

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

impl KeySet {
    /// The set that follows this one: keys of `document`, those that were here before keep their
    /// ids. An error leaves this set as it is.
    pub fn succeed(&self, document: &[u8]) -> Result<Self, InvalidJwks> {
        let mut next = Self { keys: Vec::new(), next_id: self.next_id };
        for entry in &entries(document)? {
            if let Some((kid, rsa)) = usable(entry) {
                let Ok(spki) = rsa.to_public_key_der() else { continue };
                let spki = spki.into_vec().into();
                let id = KeyId(next.next_id);
                let key = Key { id, kid, algorithm: Algorithm::Rs256, rsa, spki };
                let before = self.keys.iter().find(|known| known.is_same_as(&key));
                next.next_id += u64::from(before.is_none());
                next.keys.push(before.cloned().unwrap_or_else(|| Rc::new(key)));
            }
        }
        if next.keys.is_empty() { Err(InvalidJwks::NoUsableKey) } else { Ok(next) }
    }

    /// Keys that may have signed a token with this header: those with its `kid`, or all when it
    /// names none.
    pub fn candidates<'s>(
        &'s self,
        key_id: Option<&'s str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'s Rc<Key>> {
        self.keys.iter().filter(move |key| {
            key.algorithm == algorithm && key_id.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        })
    }

    /// Whether a key is still in the set.
    pub fn contains(&self, id: KeyId) -> bool {
        self.keys.iter().any(|key| key.id == id)
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

/// The `kid` and key of an entry that may verify RS256: `kty`, `use`, `key_ops` and `alg` all have
/// to agree (RFC 7517 §4).
fn usable(entry: &Value) -> Option<(Option<Box<str>>, RsaPublicKey)> {
    let text = |name: &str| entry.get(name).map(|value| value.as_str());
    let signs = matches!(text("use"), None | Some(Some("sig")));
    let algorithm = matches!(text("alg"), None | Some(Some("RS256")));
    let verifies = entry.get("key_ops").is_none_or(|ops| {
        ops.as_array().is_some_and(|ops| ops.iter().any(|op| op.as_str() == Some("verify")))
    });
    if text("kty") != Some(Some("RSA")) || !signs || !algorithm || !verifies {
        return None;
    }
    let kid = match text("kid") {
        None => None,
        Some(kid) => Some(kid?.into()),
    };
    Some((kid, rsa_key(text("n")??, text("e")??)?))
}

fn rsa_key(modulus: &str, exponent: &str) -> Option<RsaPublicKey> {
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().map(|b| BigUint::from_bytes_be(&b));
    let key = RsaPublicKey::new_with_max_size(number(modulus)?, number(exponent)?, MAX_RSA_BITS);
    key.ok().filter(|key| key.n().bits() >= MIN_RSA_BITS)
}

#[cfg(test)]
mod tests;
