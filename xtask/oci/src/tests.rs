//! Layouts as a registry or an engine would read them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Artifact, Digest, Entry, Image, Layer, Layout, write_wasm_artifact};
use serde_json::{Value, json};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("claimgate-oci-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write(folder: &Path) -> BTreeMap<String, String> {
    let mut layout = Layout::create(folder).unwrap();
    let annotations = BTreeMap::from([("org.opencontainers.image.title".into(), "one".into())]);
    let layer = Layer::of(&[Entry::file("plugin.wasm", MODULE)]).unwrap();
    let image = Image::new(vec![layer], json!({"User": "65532:65532"})).annotated(&annotations);
    let image = image.write(&mut layout, "image").unwrap();
    let artifact = write_wasm_artifact(MODULE, &annotations, &mut layout, "artifact").unwrap();
    let sbom = json!({"bomFormat": "CycloneDX"});
    Artifact::Sbom.write(&image, &sbom, &mut layout, "image").unwrap();
    layout.finish().unwrap();
    [("image", image), ("artifact", artifact)]
        .into_iter()
        .map(|(name, stored)| (name.to_owned(), stored.digest.to_string()))
        .collect()
}

fn blob(folder: &Path, digest: &str) -> Vec<u8> {
    let bytes = fs::read(folder.join("blobs").join(digest.replace(':', "/"))).unwrap();
    assert_eq!(Digest::of(&bytes).to_string(), digest);
    bytes
}

fn document(folder: &Path, digest: &Value) -> Value {
    serde_json::from_slice(&blob(folder, digest.as_str().unwrap())).unwrap()
}

#[test]
fn two_of_the_same_have_the_same_digests() {
    let [one, two] = ["same-1", "same-2"].map(Folder::new);
    assert_eq!(write(&one.0), write(&two.0));
    let index = |folder: &Folder| fs::read_to_string(folder.0.join("index.json")).unwrap();
    assert_eq!(index(&one), index(&two));
}

#[test]
fn an_image_leads_from_the_index_to_the_file() {
    let folder = Folder::new("image");
    let digests = write(&folder.0);
    let listed = Layout::read(&folder.0).unwrap();
    let names: Vec<_> = listed.keys().map(String::as_str).collect();
    assert_eq!(names, ["artifact", "image", "image.sbom"]);
    assert_eq!(listed["image"].digest.to_string(), digests["image"]);
    let manifest = document(&folder.0, &json!(digests["image"]));
    assert_eq!(manifest["annotations"]["org.opencontainers.image.title"], "one");
    let config = document(&folder.0, &manifest["config"]["digest"]);
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!((&config["os"], &config["architecture"]), (&json!("linux"), &json!("amd64")));
    let layer = manifest["layers"][0].clone();
    assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    let packed = blob(&folder.0, layer["digest"].as_str().unwrap());
    assert_eq!(layer["size"], packed.len());
    let unpacked = Layer::of(&[Entry::file("plugin.wasm", MODULE)]).unwrap().unpacked;
    assert_eq!(config["rootfs"]["diff_ids"], json!([unpacked]));
}

/// What Envoy Gateway asks of one: exactly two layers, one of them the module as it is.
#[test]
fn an_artifact_has_two_layers_and_the_module_as_it_is() {
    let folder = Folder::new("artifact");
    let digests = write(&folder.0);
    let manifest = document(&folder.0, &json!(digests["artifact"]));
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2);
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.module.wasm.content.layer.v1+wasm");
    assert_eq!(blob(&folder.0, layer["digest"].as_str().unwrap()), MODULE);
}

#[test]
fn what_is_said_of_an_image_names_it() {
    let folder = Folder::new("sbom");
    let digests = write(&folder.0);
    let sbom = &Layout::read(&folder.0).unwrap()["image.sbom"];
    assert_eq!(sbom.artifact_type.as_deref(), Some("application/vnd.cyclonedx+json"));
    let manifest = document(&folder.0, &json!(sbom.digest));
    assert_eq!(manifest["subject"]["digest"], json!(digests["image"]));
    let content = document(&folder.0, &manifest["layers"][0]["digest"]);
    assert_eq!(content, json!({"bomFormat": "CycloneDX"}));
}

#[test]
fn a_changed_byte_is_found() {
    let folder = Folder::new("changed");
    write(&folder.0);
    let blobs = folder.0.join("blobs/sha256");
    let module = blobs.join(Digest::of(MODULE).hex());
    fs::write(module, b"\0asm\x02\0\0\0").unwrap();
    let error = Layout::read(&folder.0).unwrap_err().to_string();
    assert!(error.contains(Digest::of(MODULE).hex()), "{error}");
}

#[test]
fn a_layout_takes_the_place_of_a_layout_and_of_nothing_else() {
    let folder = Folder::new("place");
    fs::create_dir_all(&folder.0).unwrap();
    fs::write(folder.0.join("dear.txt"), "kept").unwrap();
    assert!(Layout::create(&folder.0).is_err());
    assert_eq!(fs::read_to_string(folder.0.join("dear.txt")).unwrap(), "kept");
    fs::remove_file(folder.0.join("dear.txt")).unwrap();
    let first = write(&folder.0);
    fs::write(folder.0.join("blobs/sha256/left"), "over").unwrap();
    assert_eq!(write(&folder.0), first);
    assert!(Layout::read(&folder.0).is_ok(), "nothing is left over");
}
