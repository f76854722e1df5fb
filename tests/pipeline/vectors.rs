//! The corpus through the portable verifier. `tests/e2e` shows the same to the host's.

use claimgate::authn::{Algorithm, KeySet, PortableVerifier, SignatureVerifier as _};
use claimgate_corpus::vectors::{self, Vector};
use claimgate_corpus::{file, hostile};
use serde_json::{Value, json};

use crate::jose::Gateway;

/// As a token's signature is checked: with a key that its document has, for its algorithm, at the
/// one length that the algorithm has.
fn is_accepted(vector: &Vector) -> bool {
    let algorithm = Algorithm::named(&vector.algorithm).unwrap();
    let Ok(keys) = KeySet::default().succeed(json!({"keys": [vector.jwk]}).to_string().as_bytes())
    else {
        return false;
    };
    keys.candidates(None, algorithm).any(|key| {
        key.signature_len(algorithm) == vector.signature.len()
            && PortableVerifier.verify(algorithm, key, &vector.message, &vector.signature)
    })
}

#[test]
fn every_signature_of_the_corpus_is_what_it_is_said_to_be() {
    // Secrets are configured, never published.
    let vectors: Vec<_> =
        vectors::all().into_iter().filter(|vector| vector.jwk["kty"] != "oct").collect();
    let good = vectors.iter().filter(|vector| vector.good).count();
    assert!(vectors.len() > 4_500 && good > 1_000, "{} of {}", good, vectors.len());
    let wrong: Vec<_> = vectors.iter().filter(|v| is_accepted(v) != v.good).collect();
    let names: Vec<_> = wrong.iter().map(|v| format!("{} (good: {})", v.name, v.good)).collect();
    assert!(names.is_empty(), "{} of {}:\n{}", names.len(), vectors.len(), names.join("\n"));
}

#[test]
fn a_published_secret_is_no_key() {
    let secrets = vectors::rfc().into_iter().filter(|vector| vector.jwk["kty"] == "oct");
    assert_eq!(secrets.inspect(|secret| assert!(!is_accepted(secret))).count(), 2);
}

fn world(file: &Value) -> hostile::World {
    hostile::World {
        issuer: file["issuer"].as_str().unwrap().to_owned(),
        audience: file["audience"].as_str().unwrap().to_owned(),
        now: file["now"].as_u64().unwrap(),
        signer: claimgate_corpus::sign::Signer::new(),
    }
}

#[test]
fn every_hostile_token_is_refused() {
    let file = file("signed.json");
    let world = world(&file);
    let mut gateway = Gateway::of(&file);
    for (name, token) in hostile::good(&world) {
        assert_eq!(gateway.take(&token), Ok(()), "{name}");
    }
    let table = hostile::all(&world);
    assert!(table.len() > 500, "only {}", table.len());
    let taken = table.iter().filter(|hostile| gateway.take(&hostile.token).is_ok());
    let names: Vec<_> =
        taken.map(|hostile| format!("{} ({})", hostile.name, hostile.why)).collect();
    assert!(names.is_empty(), "{} of {}:\n{}", names.len(), table.len(), names.join("\n"));
}
