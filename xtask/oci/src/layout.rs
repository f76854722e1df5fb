//! A folder of content by digest, and an index of what is in it (OCI image layout 1.0).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Digest;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// What a manifest is called in the index.
const NAME: &str = "org.opencontainers.image.ref.name";

/// What points at content (OCI content descriptor).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// What it must be, to the byte.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// What kind of artifact a manifest is, where it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Anything else said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A layout that is written.
#[derive(Debug)]
pub struct Layout {
    folder: PathBuf,
    manifests: Vec<Descriptor>,
}

impl Layout {
    /// A new one in `folder`, in place of what was there.
    pub fn create(folder: &Path) -> Result<Self> {
        if folder.join("oci-layout").exists() {
            fs::remove_dir_all(folder)?;
        }
        let occupied = folder.exists() && fs::read_dir(folder)?.next().is_some();
        ensure!(!occupied, "{} is not empty and no OCI layout", folder.display());
        fs::create_dir_all(folder.join("blobs/sha256"))
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), manifests: Vec::new() })
    }

    /// Stores content.
    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
        let digest = Digest::of(bytes);
        fs::write(self.folder.join("blobs/sha256").join(digest.hex()), bytes)?;
        let size = u64::try_from(bytes.len())?;
        let (media_type, annotations) = (media_type.to_owned(), BTreeMap::new());
        Ok(Descriptor { media_type, digest, size, artifact_type: None, annotations })
    }

    /// Stores a manifest and lists it in the index under this name.
    pub fn manifest(
        &mut self,
        media_type: &str,
        name: &str,
        manifest: &Value,
    ) -> Result<Descriptor> {
        let stored = self.blob(media_type, manifest.to_string().as_bytes())?;
        let kind = manifest.get("artifactType").and_then(Value::as_str).map(str::to_owned);
        let mut listed = Descriptor { artifact_type: kind, ..stored.clone() };
        listed.annotations.insert(NAME.into(), name.into());
        self.manifests.push(listed);
        Ok(stored)
    }

    /// Writes the index. Without it the folder is no layout.
    pub fn finish(self) -> Result<()> {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests});
        fs::write(self.folder.join("index.json"), index.to_string())?;
        let version = json!({"imageLayoutVersion": "1.0.0"});
        fs::write(self.folder.join("oci-layout"), version.to_string())?;
        Ok(())
    }

    /// The manifests of a finished layout, by name. Every byte of it is checked.
    pub fn read(folder: &Path) -> Result<BTreeMap<String, Descriptor>> {
        let index = fs::read(folder.join("index.json"))
            .with_context(|| format!("{} is no OCI layout", folder.display()))?;
        let mut index: Value = serde_json::from_slice(&index).context("its index")?;
        let listed = index.get_mut("manifests").map(Value::take).unwrap_or_default();
        let listed: Vec<Descriptor> = serde_json::from_value(listed).context("its index")?;
        for file in fs::read_dir(folder.join("blobs/sha256"))? {
            let file = file?;
            let name = file.file_name().to_string_lossy().into_owned();
            let is = Digest::of(&fs::read(file.path())?);
            ensure!(is.hex() == name, "blob {name} has other content: {is}");
        }
        let named = |listed: Descriptor| Some((listed.annotations.get(NAME)?.clone(), listed));
        Ok(listed.into_iter().filter_map(named).collect())
    }
}
