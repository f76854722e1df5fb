//! Who signs, behind a port: the host where it can, portable Rust in tests and on other hosts.

use std::cell::Cell;
use std::fmt;

use super::SigningKey;
use crate::authn::{Algorithm, SignatureVerifier};

/// What is signed to see whether signing works.
const TRIAL: &[u8] = b"claimgate";

/// Makes ES256 signatures.
pub trait Signer: fmt::Debug {
    /// The key's signature of `message`, as JOSE has it (RFC 7518 §3.4: r and s, 32 bytes each).
    fn sign(&self, key: &SigningKey, message: &[u8]) -> Option<[u8; 64]>;
}

/// Signs nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoSigner;

impl Signer for NoSigner {
    fn sign(&self, _: &SigningKey, _: &[u8]) -> Option<[u8; 64]> {
        None
    }
}

/// Signs in portable Rust (RFC 6979). Not in the shipped module, which leaves it to Envoy.
#[cfg(feature = "portable-curves")]
#[derive(Clone, Copy, Debug)]
pub struct PortableSigner;

#[cfg(feature = "portable-curves")]
impl Signer for PortableSigner {
    fn sign(&self, key: &SigningKey, message: &[u8]) -> Option<[u8; 64]> {
        use p256::ecdsa::signature::Signer as _;
        let key = p256::ecdsa::SigningKey::from_slice(key.reveal_number()).ok()?;
        let signature: p256::ecdsa::Signature = key.try_sign(message).ok()?;
        Some(signature.to_bytes().into())
    }
}

/// Who signs for one engine, and what tells its statements from all others.
#[derive(Debug)]
pub struct Notary {
    signer: Box<dyn Signer>,
    seed: u64,
    made: Cell<u64>,
}

impl Notary {
    /// With a seed that no other engine has.
    pub fn new(seed: u64) -> Self {
        #[cfg(feature = "portable-curves")]
        let signer = Box::new(PortableSigner);
        #[cfg(not(feature = "portable-curves"))]
        let signer = Box::new(NoSigner);
        Self { signer, seed, made: Cell::new(0) }
    }

    /// Leaves signing to another.
    pub fn employ(&mut self, signer: Box<dyn Signer>) {
        self.signer = signer;
    }

    /// Whether what is signed can be verified: the signer works, and the key's halves are of one key.
    pub fn passes_self_test(&self, key: &SigningKey, verifier: &dyn SignatureVerifier) -> bool {
        let signature = self.signer.sign(key, TRIAL);
        signature.is_some_and(|signature| {
            verifier.verify(Algorithm::Es256, key.public(), TRIAL, &signature)
        })
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// A name for the next statement (`jti`), unlike all before and unlike those of other engines.
    pub(super) fn next_id(&self) -> String {
        let number = self.made.get().wrapping_add(1);
        self.made.set(number);
        format!("{:016x}-{number:x}", self.seed)
    }
}

/// JOSE's form of an ECDSA signature on a curve of 256 bits, from the DER that others know (RFC 3279
/// §2.2.3); `None` when it is none, or has a number that is too long.
pub fn ecdsa_raw(der: &[u8]) -> Option<[u8; 64]> {
    let (tag, rest) = der.split_first()?;
    let (len, body) = rest.split_first()?;
    if *tag != 0x30 || usize::from(*len) != body.len() {
        return None;
    }
    let (r, rest) = integer(body)?;
    let (s, rest) = integer(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let mut raw = [0; 64];
    for (number, end) in [(r, 32), (s, 64)] {
        let from = end - number.len();
        raw.get_mut(from..end)?.copy_from_slice(number);
    }
    Some(raw)
}

/// The digits of an unsigned INTEGER, at most 32, and what follows it.
fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (len, rest) = rest.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(*len))?;
    let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
    (*tag == 0x02 && digits.len() <= 32).then_some((digits, rest))
}
