//! `wasm-opt`, `wasm-metadce` and `wasm-merge`: the pinned npm package, so that everybody ships the same module.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::install;
use crate::say;

/// Another version makes another module: sizes and measured speed are this one's.
const VERSION: &str = "132.0.0";
const DIGEST: &str = "6543555fb29bb92548f325c7dc18e9ab7dbb1215edda25993d1e3f71d85b8618";

/// Where the programs are, and which version they are.
#[derive(Clone, Debug)]
pub struct Binaryen {
    /// `wasm-opt`
    pub opt: PathBuf,
    /// `wasm-metadce`
    pub metadce: PathBuf,
    /// `wasm-merge`
    pub merge: PathBuf,
    /// The version they are pinned to.
    pub version: &'static str,
}

/// The pinned binaryen.
pub fn binaryen() -> Result<Binaryen> {
    let tool = format!("binaryen-{VERSION}");
    let home = install::home(&tool)?;
    let home = if home.is_dir() {
        // The programs are scripts for it.
        install::node()?;
        home
    } else {
        install::into_home(&tool, fetch).with_context(|| {
            format!(
                "run this, then try again:\n  npm pack binaryen@{VERSION}   # must be reachable"
            )
        })?
    };
    let bin = home.join("package/bin");
    let [opt, metadce, merge] =
        ["wasm-opt", "wasm-metadce", "wasm-merge"].map(|name| bin.join(name));
    Ok(Binaryen { opt, metadce, merge, version: VERSION })
}

fn fetch(dir: &Path) -> Result<()> {
    let package = format!("binaryen@{VERSION}");
    say(format_args!("downloading binaryen {VERSION} (15 MB): npm pack {package}"));
    install::npm_package(&package, DIGEST, dir)
}
