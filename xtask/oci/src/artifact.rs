//! What is said about an image and kept beside it: a manifest that names the image as its subject
//! (OCI image specification 1.1, Artifacts), so that a registry lists it among the image's referrers.

use anyhow::Result;
use serde_json::{Value, json};

use crate::image::MANIFEST;
use crate::{Descriptor, Layout};

const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Something said about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// What it is made of: CycloneDX.
    Sbom,
    /// How it was made: an in-toto statement with SLSA provenance, not signed.
    Provenance,
}

impl Artifact {
    /// What its content is.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Sbom => "application/vnd.cyclonedx+json",
            Self::Provenance => "application/vnd.in-toto+json",
        }
    }

    /// What it is called beside the image's name.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Sbom => "sbom",
            Self::Provenance => "provenance",
        }
    }

    /// Writes it beside the image that it is about; its manifest.
    pub fn write(
        self,
        subject: &Descriptor,
        content: &Value,
        layout: &mut Layout,
        name: &str,
    ) -> Result<Descriptor> {
        let config = layout.blob(EMPTY, b"{}")?;
        let layer = layout.blob(self.media_type(), content.to_string().as_bytes())?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": self.media_type(),
            "config": config,
            "layers": [layer],
            "subject": subject,
        });
        layout.manifest(MANIFEST, &format!("{name}.{}", self.suffix()), &manifest)
    }
}
