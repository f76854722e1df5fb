//! The curves in portable Rust.

use rsa::pkcs8::EncodePublicKey as _;
use rsa::signature::Verifier as _;

/// A point on P-256.
#[derive(PartialEq, Eq)]
pub struct P256Key(p256::ecdsa::VerifyingKey);

/// A point on P-384.
#[derive(PartialEq, Eq)]
pub struct P384Key(p384::ecdsa::VerifyingKey);

/// A point on P-521.
#[derive(PartialEq, Eq)]
pub struct P521Key(Box<p521::PublicKey>);

impl P256Key {
    /// A key from an uncompressed point; `None` when it is not on the curve.
    pub fn from_sec1(point: &[u8]) -> Option<Self> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// The key as a DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> Option<Box<[u8]>> {
        let der = p256::PublicKey::from(&self.0).to_public_key_der().ok()?;
        Some(der.into_vec().into())
    }

    /// Whether it has signed a message.
    #[inline(never)]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = p256::ecdsa::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl P384Key {
    /// A key from an uncompressed point; `None` when it is not on the curve.
    pub fn from_sec1(point: &[u8]) -> Option<Self> {
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// The key as a DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> Option<Box<[u8]>> {
        let der = p384::PublicKey::from(&self.0).to_public_key_der().ok()?;
        Some(der.into_vec().into())
    }

    /// Whether it has signed a message.
    #[inline(never)]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = p384::ecdsa::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl P521Key {
    /// A key from an uncompressed point; `None` when it is not on the curve.
    pub fn from_sec1(point: &[u8]) -> Option<Self> {
        p521::PublicKey::from_sec1_bytes(point).ok().map(Box::new).map(Self)
    }

    /// The key as a DER SubjectPublicKeyInfo.
    pub fn spki(&self) -> Option<Box<[u8]>> {
        self.0.to_public_key_der().ok().map(|der| der.into_vec().into())
    }

    /// Whether it has signed a message.
    #[inline(never)]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = p521::ecdsa::VerifyingKey::from_affine(*self.0.as_affine());
        let signature = p521::ecdsa::Signature::from_slice(signature);
        key.is_ok_and(|key| signature.is_ok_and(|s| key.verify(message, &s).is_ok()))
    }
}
