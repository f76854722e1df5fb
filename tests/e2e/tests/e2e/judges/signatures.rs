//! The corpus' signatures through Envoy's `verify_signature`, handed over as the filter does it:
//! they are over messages that no token can have, so a module that only asks stands in for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimgate::authn::{Algorithm, KeySet, ecdsa_der};
use claimgate_corpus::vectors::{self, Vector};
use claimgate_e2e::bare::{self, Bare};
use serde_json::json;

use super::statuses_of;

/// What the host verifies for us, and its names for the hashes.
const HASHES: [(&str, &str); 6] = [
    ("RS256", "sha256"),
    ("RS384", "sha384"),
    ("RS512", "sha512"),
    ("ES256", "sha256"),
    ("ES384", "sha384"),
    ("ES512", "sha512"),
];

/// `VerifySignatureArguments` in base64; `None` where the filter refuses the key or the signature
/// and the host is not asked.
fn arguments(hash: &str, vector: &Vector) -> Option<String> {
    let algorithm = Algorithm::named(&vector.algorithm)?;
    let document = json!({"keys": [vector.jwk]}).to_string();
    let keys = KeySet::default().succeed(document.as_bytes()).ok()?;
    let key = keys.candidates(None, algorithm).next()?;
    if key.signature_len(algorithm) != vector.signature.len() {
        return None;
    }
    let signature = if vector.algorithm.starts_with("ES") {
        ecdsa_der(&vector.signature)?
    } else {
        vector.signature.clone()
    };
    let fields = [hash.as_bytes(), key.spki(), &signature, &vector.message];
    let mut arguments = Vec::new();
    for (number, bytes) in (1_u8..).zip(fields) {
        arguments.push(number << 3 | 2);
        push_varint(&mut arguments, bytes.len());
        arguments.extend_from_slice(bytes);
    }
    Some(STANDARD.encode(arguments))
}

fn push_varint(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[test]
fn the_host_says_of_every_signature_what_the_portable_verifier_says() {
    let envoy = Bare::start(&[("probe", bare::probe())]);
    let vectors = vectors::all();
    let of_the_host: Vec<_> = vectors
        .iter()
        .filter_map(|vector| {
            let (_, hash) = HASHES.iter().find(|(name, _)| *name == vector.algorithm)?;
            Some((vector, arguments(hash, vector)))
        })
        .collect();
    let (refused, asked): (Vec<_>, Vec<_>) =
        of_the_host.into_iter().partition(|(_, arguments)| arguments.is_none());
    let good = asked.iter().filter(|(vector, _)| vector.good).count();
    assert!(asked.len() > 2_500 && good > 500, "{good} of {}", asked.len());
    let unasked: Vec<_> = refused.iter().filter(|(vector, _)| vector.good).collect();
    assert!(unasked.is_empty(), "{} good ones are never asked about", unasked.len());

    let arguments: Vec<_> = asked.iter().filter_map(|(_, arguments)| arguments.clone()).collect();
    let statuses = statuses_of(envoy.address("probe"), "x-arguments", &arguments);
    let wrong: Vec<_> = asked
        .iter()
        .zip(statuses)
        .filter(|((vector, _), status)| *status != if vector.good { 200 } else { 401 })
        .map(|((vector, _), status)| format!("{status}: {} (good: {})", vector.name, vector.good))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), asked.len(), wrong.join("\n"));
}
