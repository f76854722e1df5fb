//! `wasm-opt` and `wasm-metadce`: the pinned npm package, so that everybody ships the same module.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::install;
use crate::{run, say};

/// Another version makes another module: sizes and measured speed are this one's.
const VERSION: &str = "132.0.0";
const DIGEST: &str = "6543555fb29bb92548f325c7dc18e9ab7dbb1215edda25993d1e3f71d85b8618";

/// Where the two programs are, and which version they are.
#[derive(Clone, Debug)]
pub struct Binaryen {
    /// `wasm-opt`
    pub opt: PathBuf,
    /// `wasm-metadce`
    pub metadce: PathBuf,
    /// The version they are pinned to.
    pub version: &'static str,
}

/// The pinned binaryen.
pub fn binaryen() -> Result<Binaryen> {
    let tool = format!("binaryen-{VERSION}");
    let home = install::home(&tool)?;
    let home = if home.is_dir() {
        node()?;
        home
    } else {
        let npm = npm()?;
        install::into_home(&tool, |dir| fetch(&npm, dir)).with_context(|| {
            format!(
                "run this, then try again:\n  npm pack binaryen@{VERSION}   # must be reachable"
            )
        })?
    };
    let bin = home.join("package/bin");
    Ok(Binaryen { opt: bin.join("wasm-opt"), metadce: bin.join("wasm-metadce"), version: VERSION })
}

fn fetch(npm: &Path, dir: &Path) -> Result<()> {
    let to = dir.display().to_string();
    let package = format!("binaryen@{VERSION}");
    say(format_args!("downloading binaryen {VERSION} (15 MB): npm pack {package}"));
    let args = ["pack", "--silent", "--pack-destination", &to, &package];
    run::succeed_quietly(npm, &args, install::LIMIT)?;
    let archive = dir.join(format!("binaryen-{VERSION}.tgz"));
    install::check_digest(&archive, DIGEST)?;
    let tar = install::on_path("tar").context("tar is not on PATH")?;
    let archive_name = archive.display().to_string();
    run::succeed_quietly(&tar, &["-xzf", &archive_name, "-C", &to], install::LIMIT)?;
    std::fs::remove_file(archive)?;
    Ok(())
}

/// The two programs are scripts for node.
fn node() -> Result<PathBuf> {
    install::program("node", "nodejs")
}

/// After node: some packages of node bring npm along, and then refuse the other package.
fn npm() -> Result<PathBuf> {
    node()?;
    install::program("npm", "npm")
}
