//! Signatures of ours by the host: Envoy's `sign`, BoringSSL behind a foreign function. The key is handed
//! over with every call, and goes nowhere else.

use super::host;
use super::host_verifier::message_of;
use crate::upstream::signed::{Signer, SigningKey, ecdsa_raw};

const FUNCTION: &str = "sign";
/// `SignResult {result = 1: true, signature = 2}` up to the signature's length.
const SIGNED: [u8; 3] = [0x08, 0x01, 0x12];

/// The host, which signs where it has the function.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostSigner;

impl Signer for HostSigner {
    fn sign(&self, key: &SigningKey, message: &[u8]) -> Option<[u8; 64]> {
        let arguments = message_of(&[(1, b"sha256"), (2, key.reveal()), (3, message)]);
        let result = host::call_foreign(FUNCTION, &arguments)?;
        let (len, signature) = result.strip_prefix(&SIGNED)?.split_first()?;
        // On P-256 a signature has at most 72 bytes, so its length is one.
        (usize::from(*len) == signature.len()).then(|| ecdsa_raw(signature))?
    }
}
