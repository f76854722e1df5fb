//! Signatures by the host: Envoy's `verify_signature`, BoringSSL behind a foreign function.
//!
//! Many times as fast as portable Rust in Wasm, and not there on every host. So it is used only
//! for the algorithms for which it has told a good signature from a bad one; a host that answers
//! anything else, or nothing, leaves us the portable verifier.

use super::host;
use crate::authn::{Algorithm, AlgorithmSet, Key, PortableVerifier, SignatureVerifier, ecdsa_der};

const FUNCTION: &str = "verify_signature";
/// `VerifySignatureResult {result: true}`; a failure has no first field.
const VERIFIED: [u8; 2] = [0x08, 0x01];

/// The host's verifier where it works, and the portable one where it does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostVerifier {
    works: AlgorithmSet,
}

impl HostVerifier {
    /// Finds out what this host can do.
    pub(super) fn after_self_test() -> Self {
        let passed = |(algorithm, key, signature): &Sample| {
            let mut bad = signature.to_vec();
            *bad.last_mut()? ^= 1;
            let hash = hash(*algorithm)?;
            let good = verified(hash, key, SAMPLE_MESSAGE, signature);
            let works = good && !verified(hash, key, SAMPLE_MESSAGE, &bad);
            works.then_some(*algorithm)
        };
        Self { works: SAMPLES.iter().filter_map(passed).collect() }
    }

    /// The algorithms that are left to the host.
    pub(super) const fn works(self) -> AlgorithmSet {
        self.works
    }
}

impl SignatureVerifier for HostVerifier {
    fn verify(&self, algorithm: Algorithm, key: &Key, message: &[u8], signature: &[u8]) -> bool {
        let Some(hash) = hash(algorithm).filter(|_| self.works.contains(algorithm)) else {
            return PortableVerifier.verify(algorithm, key, message, signature);
        };
        match algorithm {
            Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 => ecdsa_der(signature)
                .is_some_and(|signature| verified(hash, key.spki(), message, &signature)),
            _ => verified(hash, key.spki(), message, signature),
        }
    }
}

/// The host's name for an algorithm's hash; `None` where the host cannot do the algorithm.
const fn hash(algorithm: Algorithm) -> Option<&'static [u8]> {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => Some(b"sha256"),
        Algorithm::Rs384 | Algorithm::Es384 => Some(b"sha384"),
        Algorithm::Rs512 | Algorithm::Es512 => Some(b"sha512"),
        _ => None,
    }
}

/// `VerifySignatureArguments {hash_function = 1, public_key = 2, signature = 3, text = 4}`
fn verified(hash: &[u8], spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let arguments = message_of(&[(1, hash), (2, spki), (3, signature), (4, message)]);
    host::call_foreign(FUNCTION, &arguments).is_some_and(|result| result == VERIFIED)
}

/// A protobuf message of fields that are texts or bytes, by their numbers.
pub(super) fn message_of(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let len = fields.iter().map(|(_, bytes)| bytes.len() + 4).sum();
    let mut message = Vec::with_capacity(len);
    for (number, bytes) in fields {
        message.push(number << 3 | 2);
        push_varint(&mut message, bytes.len());
        message.extend_from_slice(bytes);
    }
    message
}

fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        // The low seven bits and the sign to go on: never more than a byte.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An algorithm, a public key (DER) and its signature of [`SAMPLE_MESSAGE`] in the host's form.
/// The keys are the public halves of those in `tests/testdata/keys`; here they verify this one
/// message and nothing else.
type Sample = (Algorithm, &'static [u8], &'static [u8]);

const SAMPLE_MESSAGE: &[u8] = include_bytes!("host_verifier/message.bin");
const RSA: &[u8] = include_bytes!("host_verifier/rsa.spki");
const SAMPLES: [Sample; 6] = [
    (Algorithm::Rs256, RSA, include_bytes!("host_verifier/rs256.sig")),
    (Algorithm::Rs384, RSA, include_bytes!("host_verifier/rs384.sig")),
    (Algorithm::Rs512, RSA, include_bytes!("host_verifier/rs512.sig")),
    (
        Algorithm::Es256,
        include_bytes!("host_verifier/p256.spki"),
        include_bytes!("host_verifier/es256.sig"),
    ),
    (
        Algorithm::Es384,
        include_bytes!("host_verifier/p384.spki"),
        include_bytes!("host_verifier/es384.sig"),
    ),
    (
        Algorithm::Es512,
        include_bytes!("host_verifier/p521.spki"),
        include_bytes!("host_verifier/es512.sig"),
    ),
];
