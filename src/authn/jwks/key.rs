//! One key: what it is, and which algorithms it may verify. The key decides the algorithm; a
//! token's header can only choose among what the key allows (RFC 8725 §3.1).

use ed25519_dalek as ed25519;
use rsa::RsaPublicKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::traits::PublicKeyParts as _;

use super::curve::{P256Key, P384Key, P521Key};
use crate::authn::algorithm::{Algorithm, AlgorithmSet};

/// Names a key for as long as the process lives. A key that leaves the set and returns is a new
/// one, so whatever an old id verified stays gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) u64);

impl KeyId {
    /// Of keys that are in no set: a proof brings its own.
    pub(super) const IN_NO_SET: Self = Self(u64::MAX);
}

/// A key that may verify tokens.
#[derive(Debug)]
pub struct Key {
    pub(super) id: KeyId,
    pub(super) kid: Option<Box<str>>,
    pub(super) algorithms: AlgorithmSet,
    material: Material,
    spki: Box<[u8]>,
}

/// What a key is made of.
#[derive(PartialEq, Eq)]
pub enum Material {
    /// RSA.
    Rsa(RsaPublicKey),
    /// A point on P-256.
    P256(P256Key),
    /// A point on P-384.
    P384(P384Key),
    /// A point on P-521.
    P521(P521Key),
    /// A point on Ed25519.
    Ed25519(ed25519::VerifyingKey),
    /// A secret shared with the issuer.
    Secret(Box<[u8]>),
}

/// Key material reaches no log, so that no secret can.
impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "RSA",
            Self::P256(_) => "P-256",
            Self::P384(_) => "P-384",
            Self::P521(_) => "P-521",
            Self::Ed25519(_) => "Ed25519",
            Self::Secret(_) => "secret",
        })
    }
}

impl Material {
    /// The algorithms that keys of this kind can verify.
    pub const fn algorithms(&self) -> AlgorithmSet {
        match self {
            Self::Rsa(_) => AlgorithmSet::RSA,
            Self::P256(_) => AlgorithmSet::of(&[Algorithm::Es256]),
            Self::P384(_) => AlgorithmSet::of(&[Algorithm::Es384]),
            Self::P521(_) => AlgorithmSet::of(&[Algorithm::Es512]),
            Self::Ed25519(_) => AlgorithmSet::of(&[Algorithm::EdDsa]),
            Self::Secret(_) => AlgorithmSet::SECRET,
        }
    }

    /// DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), empty where no host verifier takes the key.
    fn spki(&self) -> Option<Box<[u8]>> {
        match self {
            Self::Rsa(key) => der(key),
            Self::P256(key) => key.spki(),
            Self::P384(key) => key.spki(),
            Self::P521(key) => key.spki(),
            Self::Ed25519(_) | Self::Secret(_) => Some(Box::default()),
        }
    }
}

fn der(key: &impl EncodePublicKey) -> Option<Box<[u8]>> {
    key.to_public_key_der().ok().map(|der| der.into_vec().into())
}

impl Key {
    /// A key of this material for those of `algorithms` that it can verify; `None` when that is
    /// none of them.
    pub(super) fn new(
        id: KeyId,
        kid: Option<Box<str>>,
        material: Material,
        algorithms: AlgorithmSet,
    ) -> Option<Self> {
        let algorithms = algorithms.and(material.algorithms());
        let spki = material.spki().filter(|_| !algorithms.is_empty())?;
        Some(Self { id, kid, algorithms, material, spki })
    }

    /// Its name here.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Whether it may verify signatures with this algorithm.
    pub(in crate::authn) const fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(algorithm)
    }

    /// What it is made of.
    pub const fn material(&self) -> &Material {
        &self.material
    }

    /// The key as a DER SubjectPublicKeyInfo; empty for kinds that no host verifier takes.
    pub const fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The one length, in bytes, that its signatures with this algorithm have. Anything shorter or
    /// longer is refused before a verifier sees it, so that none has to be strict about it
    /// (RFC 8017 §8.2.2, RFC 7518 §3.4).
    pub fn signature_len(&self, algorithm: Algorithm) -> usize {
        match (&self.material, algorithm) {
            (Material::Rsa(key), _) => key.size(),
            (Material::P256(_) | Material::Ed25519(_), _) => 64,
            (Material::P384(_), _) => 96,
            (Material::P521(_), _) => 132,
            (Material::Secret(_), Algorithm::Hs384) => 48,
            (Material::Secret(_), Algorithm::Hs512) => 64,
            (Material::Secret(_), _) => 32,
        }
    }

    /// Whether a token that names this key, or none, may be its. A secret has no name: the
    /// configuration says whose it is.
    pub(super) fn answers_to(&self, key_id: Option<&str>) -> bool {
        let secret = matches!(self.material, Material::Secret(_));
        secret || key_id.is_none_or(|kid| self.kid.as_deref() == Some(kid))
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.algorithms == other.algorithms
            && self.material == other.material
    }
}
