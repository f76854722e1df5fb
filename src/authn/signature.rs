//! Checking signatures, behind a port: the portable verifier here, the host's where there is one.
//!
//! A verifier is handed a key that has already been matched to the algorithm, and a signature of
//! the right length. It says yes or no and nothing else; a key it cannot use is a no.

use std::fmt;

use hmac::{Hmac, Mac as _};
use rsa::signature::Verifier;
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

/// Signatures in portable Rust. Works everywhere; for ES* with the feature `portable-curves`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableVerifier;

impl PortableVerifier {
    /// Whether this build can verify signatures with an algorithm by itself.
    pub const fn knows(algorithm: Algorithm) -> bool {
        cfg!(feature = "portable-curves")
            || !matches!(algorithm, Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512)
    }
}

impl SignatureVerifier for PortableVerifier {
    fn verify(&self, algorithm: Algorithm, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        match key.material() {
            Material::Rsa(key) => rsa(algorithm, key, message, signature),
            Material::P256(key) => key.verify(message, signature),
            Material::P384(key) => key.verify(message, signature),
            Material::P521(key) => key.verify(message, signature),
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
/// halves that are not alike, a number that is zero. One that is not below the curve's order is for
/// the verifier to refuse.
pub fn ecdsa_der(signature: &[u8]) -> Option<Vec<u8>> {
    let half = signature.len() / 2;
    let (r, s) = signature.split_at_checked(half).filter(|(r, s)| r.len() == s.len())?;
    let body = [der_integer(r)?, der_integer(s)?].concat();
    Some([&[0x30][..], &der_length(body.len())?, &body].concat())
}

/// An unsigned number as a DER INTEGER: no zeros before it, but for one where its first bit would
/// make it negative (X.690 §8.3).
fn der_integer(number: &[u8]) -> Option<Vec<u8>> {
    let first = number.iter().position(|byte| *byte != 0)?;
    let digits = number.get(first..)?;
    let sign: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
    Some([&[0x02][..], &der_length(sign.len() + digits.len())?, sign, digits].concat())
}

/// A DER length below 256, which every signature's is.
fn der_length(len: usize) -> Option<Vec<u8>> {
    let byte = u8::try_from(len).ok()?;
    Some(if byte < 0x80 { vec![byte] } else { vec![0x81, byte] })
}

#[cfg(test)]
mod tests {
    use super::ecdsa_der;

    fn library_p256(signature: &[u8]) -> Option<Vec<u8>> {
        Some(p256::ecdsa::Signature::from_slice(signature).ok()?.to_der().as_bytes().into())
    }

    #[test]
    fn signatures_get_the_form_that_a_library_gives_them() {
        for at in 0..32 {
            for byte in [1, 0x7f, 0x80, 0xfe] {
                let mut signature = [0; 64];
                signature[at] = byte;
                signature[32 + (at + 7) % 32] = byte;
                assert_eq!(ecdsa_der(&signature), library_p256(&signature), "{at} {byte}");
            }
        }
        let p521 = [0x01; 132];
        let library = p521::ecdsa::Signature::from_slice(&p521).unwrap().to_der();
        assert_eq!(ecdsa_der(&p521).as_deref(), Some(library.as_bytes()));
    }

    #[test]
    fn what_is_no_signature_gets_no_form() {
        let zero_s = [[1; 32], [0; 32]].concat();
        for bad in [&[][..], &[1; 63], &zero_s, &[0; 64], &[1; 600]] {
            assert_eq!(ecdsa_der(bad), None);
        }
    }
}
