//! The manifests of `kubernetes/gateway-api`, put together by kustomize as people do it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::run::{self, Scratch};
use crate::{tools, workspace};

/// Stands in the manifests where the module's image has to be named; nothing can be pulled by that name.
pub const PLACEHOLDER: &str = "image-by-digest.invalid/claimgate/filter";

const LIMIT: Duration = Duration::from_secs(60);

/// Renders these folders and components, with `image` (a name and a digest) where one is given.
pub fn render(folders: &[&str], components: &[&str], image: Option<&str>) -> Result<Vec<Value>> {
    let of = |names: &[&str]| names.iter().map(|name| ours(name)).collect::<Vec<_>>();
    let images = match image.and_then(|image| image.split_once('@')) {
        Some((name, digest)) => json!([{"name": PLACEHOLDER, "newName": name, "digest": digest}]),
        None => json!([]),
    };
    put_together(&of(folders), &of(components), &images)
}

fn ours(name: &str) -> PathBuf {
    workspace::root().join("kubernetes/gateway-api").join(name)
}

/// Renders folders and components, wherever they are, with other names for images (kustomize's `images`).
pub fn put_together(
    folders: &[PathBuf],
    components: &[PathBuf],
    images: &Value,
) -> Result<Vec<Value>> {
    let scratch = Scratch::new("kustomize")?;
    let overlay = scratch.path().canonicalize()?;
    let of =
        |all: &[PathBuf]| all.iter().map(|one| from(&overlay, one)).collect::<Result<Vec<_>>>();
    let settings = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": of(folders)?,
        "components": of(components)?,
        "images": images,
    });
    fs::write(overlay.join("kustomization.yaml"), settings.to_string())?;
    let folder = overlay.display().to_string();
    let text = run::capture(&tools::kustomize()?, &["build", &folder], LIMIT)?;
    serde_saphyr::from_multiple(&text).context("kustomize's output is no YAML")
}

/// kustomize takes folders by relative paths alone.
fn from(overlay: &Path, folder: &Path) -> Result<PathBuf> {
    let up: PathBuf = overlay.components().skip(1).map(|_| "..").collect();
    let there = folder.canonicalize().with_context(|| format!("no {}", folder.display()))?;
    Ok(up.join(there.strip_prefix("/").unwrap_or(&there)))
}

/// The one of this kind and name.
#[must_use]
pub fn find<'m>(manifests: &'m [Value], kind: &str, name: &str) -> Option<&'m Value> {
    manifests.iter().find(|one| is(one, kind, name))
}

/// The same, to change it.
pub fn find_mut<'m>(manifests: &'m mut [Value], kind: &str, name: &str) -> Result<&'m mut Value> {
    let found = manifests.iter_mut().find(|one| is(one, kind, name));
    found.with_context(|| format!("no {kind} {name} in kubernetes/gateway-api"))
}

/// Whether it is of this kind and name.
#[must_use]
pub fn is(manifest: &Value, kind: &str, name: &str) -> bool {
    self::kind(manifest) == kind && self::name(manifest) == name
}

/// Its kind.
#[must_use]
pub fn kind(manifest: &Value) -> &str {
    manifest.pointer("/kind").and_then(Value::as_str).unwrap_or_default()
}

/// Its name.
#[must_use]
pub fn name(manifest: &Value) -> &str {
    manifest.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}
