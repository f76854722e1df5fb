use p256::elliptic_curve::pkcs8::EncodePublicKey as _;
use p256::pkcs8::{DecodePrivateKey as _, LineEnding};
use serde_json::Value;

use super::*;

const PRIVATE: &str = include_str!("../../../../tests/testdata/keys/p256-1.pem");
const OTHER_CURVE: &str = include_str!("../../../../tests/testdata/keys/p384-1.pem");

fn public(private: &str) -> String {
    let key = p256::SecretKey::from_pkcs8_pem(private).unwrap().public_key();
    key.to_public_key_pem(LineEnding::LF).unwrap()
}

/// Files `0.pem`, `1.pem` … with these texts.
fn load(texts: &[&str]) -> Result<IdentityKeys, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = |(at, text): (usize, &&str)| {
        let file = folder.path().join(format!("{at}.pem"));
        std::fs::write(&file, text).unwrap();
        file
    };
    let files: Vec<_> = texts.iter().enumerate().map(file).collect();
    let folder = format!("{}/", folder.path().display());
    IdentityKeys::load(&files).map_err(|error| error.to_string().replace(&folder, ""))
}

#[test]
fn the_document_has_public_members_and_the_thumbprint_as_kid() {
    let keys = load(&[&format!("a note\n{}", public(PRIVATE))]).unwrap();
    let document: Value = serde_json::from_slice(keys.document().unwrap()).unwrap();
    let key = document["keys"][0].as_object().unwrap();
    let mut members: Vec<_> = key.keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    let jwk: Jwk = Jwk::from_pem(&public(PRIVATE)).unwrap();
    assert_eq!(key["kid"], jwk.kid);
    assert_eq!(jwk.kid.len(), 43);
    assert_eq!((jwk.x.len(), jwk.y.len()), (43, 43));
}

#[test]
fn without_files_there_is_no_document() {
    assert!(load(&[]).unwrap().document().is_none());
}

#[test]
fn what_cannot_be_published_is_refused_naming_the_file() {
    let good = public(PRIVATE);
    let other_curve = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    for (texts, problem) in [
        (&[PRIVATE][..], "0.pem: holds a private key. Give the public one"),
        (&[OTHER_CURVE], "0.pem: holds a private key"),
        (&[&format!("{good}{PRIVATE}")], "0.pem: holds a private key"),
        (&["-----BEGIN EC PRIVATE KEY-----\n"], "0.pem: holds a private key"),
        (&[""], "0.pem: holds no public key: one PEM block"),
        (&["key"], "0.pem: holds no public key: one PEM block"),
        (&[&format!("{good}{good}")], "0.pem: holds more than one PEM block"),
        (&[other_curve], "0.pem: holds no public key on P-256"),
        (&["-----BEGIN PUBLIC KEY-----\nAAAA\n"], "0.pem: holds no public key on P-256"),
        (&[&good, &good], "1.pem: holds the same key as 0.pem"),
        (&[&"x".repeat(17 * 1024)], "0.pem: has more than 16384 bytes"),
    ] {
        let error = load(texts).unwrap_err();
        assert!(error.starts_with(&format!("--identity-key {problem}")), "{error}");
        assert!(!error.contains("MIG"), "{error}");
    }
    let missing = IdentityKeys::load(&["/nowhere.pem".into()]).unwrap_err().to_string();
    assert!(missing.starts_with("--identity-key /nowhere.pem: "), "{missing}");
}
