//! What comes back from a registry is what was built.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use claimgate_oci::Digest;
use serde_json::Value;
use xtask::{tools, workspace};

use crate::registry::{Local, crane, manifest, one, packaged, refused};

/// The files of an image, each with its mode and content.
fn files(reference: &str, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let tar = crane(&["export", reference, "-"]);
    let archive = folder.join("export.tar");
    fs::write(&archive, tar).unwrap();
    let list = Command::new("tar").arg("-tf").arg(&archive).output().unwrap();
    assert!(list.status.success());
    let names = String::from_utf8(list.stdout).unwrap();
    let names = names.lines().filter(|name| !name.ends_with('/'));
    let content = |name: &str| {
        let mut tar = Command::new("tar");
        let tar = tar.args(["-xOf"]).arg(&archive).arg(name).stdout(Stdio::piped());
        let mut child = tar.spawn().unwrap();
        let mut bytes = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
        assert!(child.wait().unwrap().success());
        bytes
    };
    names.map(|name| (name.to_owned(), content(name))).collect()
}

/// Where it was built is nobody's business, and would make each place's images other ones.
fn tells_nothing(name: &str, program: &[u8]) {
    for folder in [&*tools::cargo_home().unwrap(), workspace::root()] {
        let folder = folder.display().to_string();
        let told = program.windows(folder.len()).any(|bytes| bytes == folder.as_bytes());
        assert!(!told, "{name} tells where it was built: {folder}");
    }
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn a_module_comes_back_to_the_byte_in_both_forms() {
    let local = Local::full();
    for (name, module) in
        [("filter", workspace::plugin()), ("filter-full", workspace::plugin_full())]
    {
        let module = fs::read(module).unwrap();
        let image = local.registry().reference(&one(name));
        let files = files(&image, local.folder.path());
        assert_eq!(files.keys().collect::<Vec<_>>(), ["plugin.wasm"]);
        assert!(files["plugin.wasm"] == module, "{name}");
        tells_nothing(name, &module);

        let artifact = local.registry().reference(&one(&format!("{name}-artifact")));
        let layers = manifest(&artifact)["layers"].clone();
        let layer = &layers[0];
        assert_eq!(layer["mediaType"], "application/vnd.module.wasm.content.layer.v1+wasm");
        let (repository, _) = artifact.split_once('@').unwrap();
        let blob = format!("{repository}@{}", layer["digest"].as_str().unwrap());
        assert!(crane(&["blob", &blob]) == module, "{name}");
    }
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn digests_are_the_registry_s_own() {
    let local = Local::full();
    for packaged in packaged() {
        let tagged = format!("{}/{}:{}", local.name, packaged.repository, packaged.tag);
        let digest = String::from_utf8(crane(&["digest", &tagged])).unwrap();
        assert_eq!(digest.trim(), packaged.manifest.digest.to_string(), "{tagged}");
    }
}

/// A static program, users, and certificates: no shell, no library, nothing that a service writes to.
#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn a_service_s_image_holds_the_service_and_nothing_else() {
    let local = Local::full();
    for name in ["authz-service", "customer-service", "dev-idp", "product-service"] {
        let image = local.registry().reference(&one(name));
        let config: Value = serde_json::from_slice(&crane(&["config", &image])).unwrap();
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(config["config"]["Entrypoint"], serde_json::json!([format!("/{name}")]));
        let files = files(&image, local.folder.path());
        // The last is a folder.
        let expected =
            [name, "etc/group", "etc/passwd", "etc/ssl/certs/ca-certificates.crt", "tmp"];
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected);
        let program = &files[name];
        assert!(program.starts_with(b"\x7fELF"));
        let interpreter = b"/ld-linux";
        let needs = program.windows(interpreter.len()).any(|bytes| bytes == interpreter);
        assert!(!needs, "{name} wants a loader");
        tells_nothing(name, program);
    }
}

/// The same module as in the image that is a volume, in a layer that a registry keeps once.
#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn the_installer_s_image_holds_the_module_too() {
    let local = Local::full();
    let image = local.registry().reference(&one("filter-installer"));
    let config: Value = serde_json::from_slice(&crane(&["config", &image])).unwrap();
    assert_eq!(config["config"]["User"], "65532:65532");
    let files = files(&image, local.folder.path());
    assert!(files["plugin.wasm"] == fs::read(workspace::plugin()).unwrap());
    assert!(files["filter-installer"].starts_with(b"\x7fELF"));
    let filter = manifest(&local.registry().reference(&one("filter")));
    let layers = manifest(&image)["layers"].as_array().unwrap().clone();
    assert!(layers.contains(&filter["layers"][0]), "{layers:?}");
}

#[test]
#[ignore = "needs dist/oci: cargo xtask test-images"]
fn what_was_changed_at_the_registry_is_refused() {
    let local = Local::full();
    let image = local.registry().reference(&one("filter"));
    let layer = manifest(&image)["layers"][0]["digest"].as_str().unwrap().to_owned();
    let file = local.file_of(Digest::try_from(layer).unwrap().hex());
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let to = local.folder.path().join("pulled").display().to_string();
    refused(&tools::crane().unwrap(), &["pull", "--format=oci", &image, &to]);
}
