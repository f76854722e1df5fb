//! A signature verified by the host and nothing else: what no filter that verifies can be cheaper than.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proxy_wasm::traits::Context;

const VERIFIED: [u8; 2] = [0x08, 0x01];
const P256_SIGNATURE: usize = 64;

/// One key and the hash that it signs.
pub(crate) struct Verify {
    hash: String,
    key: Vec<u8>,
}

impl Verify {
    /// `key` is base64 of a SubjectPublicKeyInfo.
    pub(crate) fn new(hash: &str, key: &str) -> Option<Self> {
        Some(Self { hash: hash.to_owned(), key: STANDARD.decode(key).ok()? })
    }

    /// Whether the host finds the signature of this bearer token good.
    pub(crate) fn accepts(&self, host: &dyn Context, bearer: &str) -> bool {
        self.arguments(bearer)
            .and_then(|arguments| {
                host.call_foreign_function("verify_signature", Some(&arguments)).ok()?
            })
            .is_some_and(|result| result == VERIFIED)
    }

    /// `VerifySignatureArguments {hash_function = 1, public_key = 2, signature = 3, text = 4}`
    fn arguments(&self, bearer: &str) -> Option<Vec<u8>> {
        let (input, signature) = bearer.strip_prefix("Bearer ")?.rsplit_once('.')?;
        let mut signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if signature.len() == P256_SIGNATURE {
            signature = der(&signature);
        }
        let fields = [self.hash.as_bytes(), &self.key, &signature, input.as_bytes()];
        let mut arguments = Vec::with_capacity(fields.iter().map(|bytes| bytes.len() + 4).sum());
        for (bytes, number) in fields.into_iter().zip(1_u8..) {
            arguments.push(number << 3 | 2);
            push_varint(&mut arguments, bytes.len());
            arguments.extend_from_slice(bytes);
        }
        Some(arguments)
    }
}

/// JOSE's r and s, side by side, as a `SEQUENCE` of two `INTEGER`s.
fn der(raw: &[u8]) -> Vec<u8> {
    let mut inner = Vec::with_capacity(72);
    for half in raw.chunks(P256_SIGNATURE / 2) {
        let zeros = half.iter().take_while(|byte| **byte == 0).count().min(half.len() - 1);
        let number = half.get(zeros..).unwrap_or_default();
        let sign = number.first().is_some_and(|byte| *byte >= 0x80);
        inner.extend([2, (number.len() + usize::from(sign)) as u8]);
        inner.extend(sign.then_some(0));
        inner.extend_from_slice(number);
    }
    let mut der = vec![0x30, inner.len() as u8];
    der.append(&mut inner);
    der
}

fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
