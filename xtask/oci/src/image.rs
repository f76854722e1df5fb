//! An image: layers, and how to run what is in them.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Descriptor, Layer, Layout};

/// The media type of manifests.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const WASM_CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// What services are built for. A module runs on no system of its own, but engines pull nothing for
/// another one than theirs, and a module's image is also mounted into pods.
const OS: &str = "linux";
const ARCHITECTURE: &str = "amd64";
/// What the second layer of a Wasm artifact is said to be.
const JSON: &str = "application/json";

/// An image that is to be written.
#[derive(Clone, Debug)]
pub struct Image {
    layers: Vec<Layer>,
    /// How it is run (OCI image configuration, `config`).
    config: Value,
    annotations: BTreeMap<String, String>,
}

impl Image {
    /// One of these layers, the lowest first; `config` says how it is run.
    #[must_use]
    pub fn new(layers: Vec<Layer>, config: Value) -> Self {
        Self { layers, config, annotations: BTreeMap::new() }
    }

    /// Says something of it, to whoever looks at its manifest.
    #[must_use]
    pub fn annotated(mut self, annotations: &BTreeMap<String, String>) -> Self {
        self.annotations.extend(annotations.clone());
        self
    }

    /// Writes it and lists it under this name; its manifest.
    pub fn write(&self, layout: &mut Layout, name: &str) -> Result<Descriptor> {
        let stored = self.layers.iter().map(|layer| layout.blob(TAR_GZIP, &layer.packed));
        let layers: Vec<_> = stored.collect::<Result<_>>()?;
        let unpacked: Vec<_> = self.layers.iter().map(|layer| &layer.unpacked).collect();
        let config = json!({
            "os": OS,
            "architecture": ARCHITECTURE,
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": unpacked},
        });
        let config = layout.blob(CONFIG, config.to_string().as_bytes())?;
        let manifest = manifest(&config, &layers, &self.annotations);
        layout.manifest(MANIFEST, name, &manifest)
    }
}

/// Writes a module in the form of a Wasm artifact: its bytes as they are, and a layer of metadata,
/// without which Envoy Gateway refuses it.
pub fn write_wasm_artifact(
    module: &[u8],
    annotations: &BTreeMap<String, String>,
    layout: &mut Layout,
    name: &str,
) -> Result<Descriptor> {
    let config = layout.blob(WASM_CONFIG, b"{}")?;
    let layers = [layout.blob(WASM_CONTENT, module)?, layout.blob(JSON, b"{}")?];
    layout.manifest(MANIFEST, name, &manifest(&config, &layers, annotations))
}

fn manifest(
    config: &Descriptor,
    layers: &[Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": layers,
        "annotations": annotations,
    })
}
