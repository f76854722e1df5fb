//! What is said about an image, as whoever looks for it finds it.

use serde_json::Value;

use crate::registry::{Local, crane, listed, manifest, one};

/// The content of the artifact beside `name`, by way of the registry.
fn beside(local: &Local, name: &str, kind: &str) -> Value {
    let repository = format!("{}/{}", local.name, one(name).repository);
    let said = manifest(&format!("{repository}@{}", listed(&format!("{name}.{kind}")).digest));
    assert_eq!(said["subject"]["digest"], one(name).manifest.digest.to_string());
    let layer = said["layers"][0]["digest"].as_str().unwrap();
    serde_json::from_slice(&crane(&["blob", &format!("{repository}@{layer}")])).unwrap()
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn a_list_of_parts_names_what_is_linked_and_nothing_else() {
    let local = Local::full();
    for (name, has, has_not) in [
        ("filter", "proxy-wasm", "cel"),
        ("filter-full", "cel", "cedar-policy"),
        ("authz-service", "cedar-policy", "proptest"),
        ("customer-service", "axum", "cedar-policy"),
    ] {
        let sbom = beside(&local, name, "sbom");
        assert_eq!(
            (&sbom["bomFormat"], &sbom["specVersion"]),
            (&"CycloneDX".into(), &"1.6".into())
        );
        let components = sbom["components"].as_array().unwrap();
        let names: Vec<_> = components.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert!(names.contains(&has) && !names.contains(&has_not), "{name}: {names:?}");
        let registry = components.iter().filter(|one| one.get("hashes").is_some());
        assert!(registry.count() * 10 > components.len() * 9, "{name}");
        assert!(
            components.iter().all(|one| one["purl"].as_str().unwrap().starts_with("pkg:cargo/"))
        );
    }
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn a_provenance_names_the_image_and_the_source() {
    let local = Local::full();
    for name in ["filter", "filter-artifact", "product-service"] {
        let said = beside(&local, name, "provenance");
        assert_eq!(said["subject"][0]["digest"]["sha256"], one(name).manifest.digest.hex());
        let definition = &said["predicate"]["buildDefinition"];
        let commit = definition["resolvedDependencies"][0]["digest"]["gitCommit"].as_str().unwrap();
        assert!(commit.len() >= 40, "{commit}");
        let compiler = definition["internalParameters"]["compiler"].as_str().unwrap();
        assert!(compiler.starts_with("rustc "), "{compiler}");
    }
}
