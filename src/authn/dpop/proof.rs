//! Taking a proof apart (RFC 9449 §4.2). Everything in a [`Proof`] is what the sender claims;
//! nothing of it is believed.

use serde_json::Value;

use super::DpopError;
use crate::authn::claims::date;
use crate::authn::json::Object;
use crate::authn::token::{decode, media_type};
use crate::authn::{Algorithm, AlgorithmSet, Claims, Key, Thumbprint};
use crate::time::Timestamp;

/// Longest proof that is looked at, in bytes: one with the largest RSA key has less than 4 KiB.
const MAX_PROOF: usize = 8 * 1024;
/// Longest `jti`, in bytes.
const MAX_JTI: usize = 256;
/// Members of private and of symmetric keys (RFC 7518 §6.2.2, §6.3.2, §6.4.1). Who sends one has
/// given its key away.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A well-formed proof: decoded, and nothing of it believed.
#[derive(Debug)]
pub struct Proof<'t> {
    pub(super) algorithm: Algorithm,
    /// The key it says it is signed with.
    pub(super) key: Key,
    pub(super) thumbprint: Thumbprint,
    /// Header and claims as they were sent: what the signature is over.
    pub(super) signing_input: &'t [u8],
    pub(super) signature: Vec<u8>,
    /// Names the proof among all proofs of all keys: a hash of the key's thumbprint and `jti`.
    pub(super) id: [u8; 32],
    pub(super) issued_at: Timestamp,
    claims: Claims,
}

impl<'t> Proof<'t> {
    /// Takes the value of a `DPoP` header apart and refuses what no request could make
    /// acceptable. A comma makes it two: Envoy joins repeated headers with one.
    pub fn parse(text: &'t str) -> Result<Self, DpopError> {
        if text.len() > MAX_PROOF {
            return Err(DpopError::TooLong);
        }
        if text.contains(',') {
            return Err(DpopError::Several);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(DpopError::Malformed)?;
        let (header, claims) = signing_input.split_once('.').ok_or(DpopError::Malformed)?;
        let header = Object::from_slice(&bytes(header)?).ok_or(DpopError::Malformed)?;
        let claims = Claims::from_slice(&bytes(claims)?).ok_or(DpopError::Malformed)?;
        let (algorithm, key) = read_header(&header)?;
        let thumbprint = Thumbprint::of_key(&key).ok_or(DpopError::Key)?;
        Ok(Self {
            algorithm,
            key,
            id: id(thumbprint, required(&claims, "jti")?)?,
            thumbprint,
            signing_input: signing_input.as_bytes(),
            signature: bytes(signature)?,
            issued_at: issued_at(&claims)?,
            claims: with_texts(claims)?,
        })
    }

    /// A claim that is a text, where it is there.
    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.claims.named(name)?.as_str()
    }
}

fn bytes(part: &str) -> Result<Vec<u8>, DpopError> {
    decode(part).map_err(|_| DpopError::Malformed)
}

fn read_header(header: &Object) -> Result<(Algorithm, Key), DpopError> {
    if header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(DpopError::Critical);
    }
    let typ = media_type(header).map_err(|_| DpopError::Malformed)?;
    if typ.as_deref() != Some("dpop+jwt") {
        return Err(DpopError::Type);
    }
    let name = header.get("alg").and_then(|name| name.as_str()).ok_or(DpopError::Malformed)?;
    let algorithm = Algorithm::named(name)
        .filter(|algorithm| AlgorithmSet::ASYMMETRIC.contains(*algorithm))
        .ok_or(DpopError::Algorithm)?;
    let key =
        header.get("jwk").and_then(|jwk| public_key(&jwk.to_value())).ok_or(DpopError::Key)?;
    if key.allows(algorithm) { Ok((algorithm, key)) } else { Err(DpopError::Algorithm) }
}

fn public_key(jwk: &Value) -> Option<Key> {
    let members = jwk.as_object()?;
    if members.keys().any(|name| PRIVATE.contains(&name.as_str())) {
        return None;
    }
    Key::of_jwk(jwk)
}

/// The thumbprint is of fixed length, so no other pair of key and `jti` hashes the same bytes.
fn id(thumbprint: Thumbprint, jti: &str) -> Result<[u8; 32], DpopError> {
    if jti.is_empty() || jti.len() > MAX_JTI {
        return Err(DpopError::Malformed);
    }
    Ok(*Thumbprint::of(&[thumbprint.as_bytes(), jti.as_bytes()].concat()).as_bytes())
}

fn issued_at(claims: &Claims) -> Result<Timestamp, DpopError> {
    date(claims, "iat").ok().flatten().ok_or(DpopError::Malformed)
}

/// The claims, when those that are compared with the request are texts.
fn with_texts(claims: Claims) -> Result<Claims, DpopError> {
    let may_lack = |name: &str| matches!(name, "ath" | "nonce");
    for name in ["htm", "htu", "ath", "nonce"] {
        if !claims.named(name).map_or(may_lack(name), |claim| claim.as_str().is_some()) {
            return Err(DpopError::Malformed);
        }
    }
    Ok(claims)
}

fn required<'c>(claims: &'c Claims, name: &str) -> Result<&'c str, DpopError> {
    claims.named(name).and_then(|claim| claim.as_str()).ok_or(DpopError::Malformed)
}
