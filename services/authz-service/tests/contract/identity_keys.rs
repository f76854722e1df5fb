//! The published keys of the gateway's signed identity.

use std::path::{Path, PathBuf};
use std::process::Command;

use p256::SecretKey;
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding};

use crate::process::refused;
use crate::service::{ENTITIES, Service, command};

const PATH: &str = "/.well-known/claimgate-identity/jwks.json";
const PRIVATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/testdata/keys/p256-1.pem");
const TOKEN: &str = "a-secret-of-the-tests";

fn first() -> SecretKey {
    SecretKey::from_pkcs8_pem(&std::fs::read_to_string(PRIVATE).unwrap()).unwrap()
}

/// A file with the public half of `key`.
fn public(folder: &Path, name: &str, key: &SecretKey) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, key.public_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    file
}

fn on_demo() -> Command {
    let mut command = command();
    command.args(["--entities", ENTITIES]);
    command
}

#[test]
fn both_keys_of_a_rollover_are_published_to_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let second = SecretKey::from_slice(&[7; 32]).unwrap();
    let files = [public(folder.path(), "1.pem", &first()), public(folder.path(), "2.pem", &second)];
    let mut command = on_demo();
    command.env("AUTHZ_SERVICE_TOKEN", TOKEN).arg("--identity-key").arg(&files[0]);
    command.arg("--identity-key").arg(&files[1]);
    let service = Service::spawn(&mut command);
    let reply = service.send("GET", PATH, &[]);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    let document = reply.json();
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
    for key in keys {
        assert_eq!((&key["kty"], &key["crv"]), (&"EC".into(), &"P-256".into()));
        assert_eq!((&key["use"], &key["alg"]), (&"sig".into(), &"ES256".into()));
        assert_eq!(key.as_object().unwrap().len(), 7, "public members only: {key}");
    }
    assert_eq!(service.send("POST", PATH, &[]).status, 405);
    assert_eq!(service.send("GET", "/.well-known/claimgate-identity", &[]).status, 401);
}

#[test]
fn without_keys_there_is_nothing_to_find() {
    let service = Service::spawn(on_demo().env("AUTHZ_SERVICE_TOKEN", TOKEN));
    let reply = service.send("GET", PATH, &[]);
    assert_eq!(reply.status, 404);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
}

#[test]
fn a_file_or_a_variable_can_name_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let second = SecretKey::from_slice(&[7; 32]).unwrap();
    let first = public(folder.path(), "1.pem", &first()).display().to_string();
    let second = public(folder.path(), "2.pem", &second).display().to_string();
    let service =
        Service::spawn(on_demo().env("AUTHZ_SERVICE_IDENTITY_KEY", format!("{first},{second}")));
    assert_eq!(service.send("GET", PATH, &[]).json()["keys"].as_array().unwrap().len(), 2);
    let file = folder.path().join("authz.yaml");
    std::fs::write(&file, format!("identity-key: [{first}, {second}]\n")).unwrap();
    let service = Service::spawn(on_demo().arg("--config").arg(&file));
    let document = service.send("GET", PATH, &[]).json();
    assert_eq!(document["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn what_signs_is_refused_by_its_file_s_name() {
    let text = refused(on_demo().args(["--identity-key", PRIVATE]));
    let start = format!("authz-service: --identity-key {PRIVATE}: holds a private key");
    assert!(text.contains(&start), "{text}");
    let secret = std::fs::read_to_string(PRIVATE).unwrap();
    let lines = secret.lines().filter(|line| !line.starts_with('-') && !line.is_empty());
    assert!(lines.into_iter().all(|line| !text.contains(line)), "{text}");
    let text = refused(on_demo().args(["--identity-key", "/nowhere.pem"]));
    assert!(text.contains("authz-service: --identity-key /nowhere.pem: "), "{text}");
}
