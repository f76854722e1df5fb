//! Checking signatures, behind a port: the portable verifier here, the host's where there is one.
//!
//! A verifier is handed a key that has already been matched to the algorithm. It says yes or no
//! and nothing else; a key it cannot use is a no.

use std::fmt;

use rsa::pkcs1v15;
use rsa::signature::Verifier as _;
use sha2::Sha256;

use super::Key;

/// Checks signatures.
pub trait SignatureVerifier: fmt::Debug {
    /// Whether `signature` is the key's RSASSA-PKCS1-v1_5 SHA-256 signature of `message`.
    fn rs256(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool;
}

/// Signatures in portable Rust. Works everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortableVerifier;

impl SignatureVerifier for PortableVerifier {
    fn rs256(&self, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let verifier = pkcs1v15::VerifyingKey::<Sha256>::new(key.rsa().clone());
        pkcs1v15::Signature::try_from(signature)
            .is_ok_and(|signature| verifier.verify(message, &signature).is_ok())
    }
}
