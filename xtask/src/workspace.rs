//! Where things are in this repository.
//!
//! It must never guess: the target folder is cargo's own answer, whatever sets it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The repository's root.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The shipped module, `dist/plugin.wasm`.
#[must_use]
pub fn plugin() -> PathBuf {
    root().join("dist/plugin.wasm")
}

/// The module with everything in it, `dist/plugin-full.wasm`.
#[must_use]
pub fn plugin_full() -> PathBuf {
    root().join("dist/plugin-full.wasm")
}

/// The cargo that runs us, else the one on `PATH`.
#[must_use]
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Cargo's target folder.
pub fn target_dir() -> Result<&'static Path> {
    Ok(&layout()?.target_dir)
}

/// A program of this workspace, as `cargo build` leaves it.
pub fn debug_binary(name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("debug").join(name))
}

/// The same, as `cargo build --release` leaves it.
pub fn release_binary(name: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("release").join(name))
}

/// The packages of this workspace.
pub fn packages() -> Result<&'static [Package]> {
    Ok(&layout()?.packages)
}

/// A package of this workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the repository's root; empty for the root package.
    pub folder: PathBuf,
}

struct Layout {
    target_dir: PathBuf,
    packages: Vec<Package>,
}

fn layout() -> Result<&'static Layout> {
    static LAYOUT: OnceLock<Layout> = OnceLock::new();
    if let Some(layout) = LAYOUT.get() {
        return Ok(layout);
    }
    let asked = ask_cargo()?;
    Ok(LAYOUT.get_or_init(|| asked))
}

fn ask_cargo() -> Result<Layout> {
    let output = Command::new(cargo())
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let target_dir = metadata.get("target_directory").and_then(Value::as_str);
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.context("cargo metadata names no packages")?;
    Ok(Layout {
        target_dir: target_dir.context("cargo metadata names no target folder")?.into(),
        packages: packages.iter().filter_map(package).collect(),
    })
}

fn package(described: &Value) -> Option<Package> {
    let manifest = Path::new(described.get("manifest_path")?.as_str()?);
    let folder = manifest.parent()?.strip_prefix(root()).ok()?.to_owned();
    Some(Package { name: described.get("name")?.as_str()?.to_owned(), folder })
}
