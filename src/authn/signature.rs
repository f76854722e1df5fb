//! Checking signatures, behind a port: the portable verifier here, the host's where there is one.
//!
//! A verifier is handed a key that has already been matched to the algorithm, and a signature of
//! the right length. It says yes or no and nothing else; a key it cannot use is a no.

use std::fmt;

use hmac::{Hmac, Mac as _};
use p256::ecdsa::signature::Verifier;
use rsa::{RsaPublicKey, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};

use super::algorithm::Algorithm;
use super::jwks::{Key, Material};

/// Checks signatures.
pub trait SignatureVerifier: fmt::Debug {
    /// Whether `signature`, in the form JOSE gives it (RFC 7518 §3), is the key's signature of
    /// `message` with this algorithm.
    fn verify(&self, algorithm: Algorithm, key: &Key, message: &[u8], signature: &[u8]) -> bool;
}

/// Signatures in portable Rust. Works everywhere, for every algorithm.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableVerifier;

impl SignatureVerifier for PortableVerifier {
    fn verify(&self, algorithm: Algorithm, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key.material() {
            Material::Rsa(key) => rsa(algorithm, key, message, signature),
            Material::P256(key) => p256(key, message, signature),
            Material::P384(key) => p384(key, message, signature),
            Material::P521(key) => p521(key, message, signature),
            Material::Ed25519(key) => ed25519(key, message, signature),
            Material::Secret(secret) => hmac(algorithm, secret, message, signature),
        }
    }
}

// None of these is inlined into the others: a host compiles a function at a time, and the largest
// one says how much memory that takes.

#[inline(never)]
fn rsa(algorithm: Algorithm, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
    let pkcs1 = |verifier: &dyn Verifier<pkcs1v15::Signature>| {
        pkcs1v15::Signature::try_from(signature)
            .is_ok_and(|signature| verifier.verify(message, &signature).is_ok())
    };
    let pss = |verifier: &dyn Verifier<pss::Signature>| {
        pss::Signature::try_from(signature)
            .is_ok_and(|signature| verifier.verify(message, &signature).is_ok())
    };
    let key = key.clone();
    match algorithm {
        Algorithm::Rs256 => pkcs1(&pkcs1v15::VerifyingKey::<Sha256>::new(key)),
        Algorithm::Rs384 => pkcs1(&pkcs1v15::VerifyingKey::<Sha384>::new(key)),
        Algorithm::Rs512 => pkcs1(&pkcs1v15::VerifyingKey::<Sha512>::new(key)),
        Algorithm::Ps256 => pss(&pss::VerifyingKey::<Sha256>::new(key)),
        Algorithm::Ps384 => pss(&pss::VerifyingKey::<Sha384>::new(key)),
        Algorithm::Ps512 => pss(&pss::VerifyingKey::<Sha512>::new(key)),
        _ => false,
    }
}

#[inline(never)]
fn p256(key: &p256::ecdsa::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    let signature = p256::ecdsa::Signature::from_slice(signature);
    signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

#[inline(never)]
fn p384(key: &p384::ecdsa::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    let signature = p384::ecdsa::Signature::from_slice(signature);
    signature.is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

#[inline(never)]
fn p521(key: &p521::PublicKey, message: &[u8], signature: &[u8]) -> bool {
    let key = p521::ecdsa::VerifyingKey::from_affine(*key.as_affine());
    let signature = p521::ecdsa::Signature::from_slice(signature);
    key.is_ok_and(|key| signature.is_ok_and(|s| key.verify(message, &s).is_ok()))
}

/// Strict: a key or commitment of small order would sign for anybody.
#[inline(never)]
fn ed25519(key: &ed25519_dalek::VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    let signature = ed25519_dalek::Signature::from_slice(signature);
    signature.is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}

#[inline(never)]
fn hmac(algorithm: Algorithm, secret: &[u8], message: &[u8], tag: &[u8]) -> bool {
    macro_rules! verify {
        ($hash:ty) => {
            Hmac::<$hash>::new_from_slice(secret)
                .is_ok_and(|mac| mac.chain_update(message).verify_slice(tag).is_ok())
        };
    }
    match algorithm {
        Algorithm::Hs256 => verify!(Sha256),
        Algorithm::Hs384 => verify!(Sha384),
        Algorithm::Hs512 => verify!(Sha512),
        _ => false,
    }
}

/// An ECDSA signature in the form that X.509 and TLS know (RFC 3279 §2.2.3: a DER sequence of r
/// and s), made from JOSE's, which is both at full length (RFC 7518 §3.4). `None` when it is none:
/// a wrong length, or a number that is zero or not below the curve's order.
pub fn ecdsa_der(key: &Key, signature: &[u8]) -> Option<Vec<u8>> {
    match key.material() {
        Material::P256(_) => {
            Some(p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().into())
        }
        Material::P384(_) => {
            Some(p384::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().into())
        }
        Material::P521(_) => {
            Some(p521::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().into())
        }
        Material::Rsa(_) | Material::Ed25519(_) | Material::Secret(_) => None,
    }
}
