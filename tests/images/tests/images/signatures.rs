//! Signatures, as their readers verify them.

use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::package;
use xtask::tools;

use crate::registry::{Local, one, refused, said};

const PASSWORD: &str = "for-tests-only";

/// A pair of keys in a folder: the private one.
fn keys(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let mut cosign = Command::new(tools::cosign().unwrap());
    let cosign = cosign.arg("generate-key-pair").current_dir(folder);
    let output = cosign.env("COSIGN_PASSWORD", PASSWORD).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join("cosign.key")
}

fn verify<'a>(public: &'a str, reference: &'a str) -> [&'a str; 6] {
    ["verify", "--key", public, "--insecure-ignore-tlog=true", "--allow-http-registry", reference]
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn what_is_signed_verifies_with_that_key_and_nothing_else_does() {
    let local = Local::full();
    let [ours, theirs] = ["ours", "theirs"].map(|name| keys(&local.folder.path().join(name)));
    let signed = [one("filter"), one("authz-service")];
    package::sign_with_password(&local.registry(), &signed, &ours, Some(PASSWORD)).unwrap();
    let cosign = tools::cosign().unwrap();
    let [ours, theirs] = [ours, theirs].map(|key| key.with_extension("pub").display().to_string());
    for packaged in &signed {
        let reference = local.registry().reference(packaged);
        said(&cosign, &verify(&ours, &reference));
        refused(&cosign, &verify(&theirs, &reference));
    }
    // Whoever may push to the registry cannot put another module under the signature.
    let other = local.registry().reference(&one("filter-full"));
    refused(&cosign, &verify(&ours, &other));
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn without_a_key_nothing_is_signed() {
    let local = Local::start();
    let missing = local.folder.path().join("missing.key");
    let error = package::sign(&local.registry(), &[], &missing).unwrap_err().to_string();
    assert!(error.contains("missing.key") && error.contains("cosign generate-key-pair"), "{error}");
}
