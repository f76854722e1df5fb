//! What speaks with registries, built from Go modules; and git.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::install;
use crate::{run, say};

const CRANE: GoProgram = GoProgram {
    name: "crane",
    version: "0.22.1",
    package: "github.com/google/go-containerregistry/cmd/crane",
};
const COSIGN: GoProgram = GoProgram {
    name: "cosign",
    version: "3.1.3",
    package: "github.com/sigstore/cosign/v3/cmd/cosign",
};
/// Their dependencies are many.
const BUILD: Duration = Duration::from_secs(30 * 60);

struct GoProgram {
    name: &'static str,
    version: &'static str,
    package: &'static str,
}

/// `crane`, which pushes to registries.
pub fn crane() -> Result<PathBuf> {
    CRANE.path()
}

/// `cosign`, which signs what is there.
pub fn cosign() -> Result<PathBuf> {
    COSIGN.path()
}

/// `git`.
pub fn git() -> Result<PathBuf> {
    install::program("git", "git")
}

impl GoProgram {
    /// The user's, else one that is built here, once.
    fn path(&self) -> Result<PathBuf> {
        if let Some(path) = install::on_path(self.name) {
            return Ok(path);
        }
        let Self { name, version, package } = self;
        let source = format!("{package}@v{version}");
        let advice =
            format!("run this with Go 1.26 or newer, then try again:\n  go install {source}");
        let home = install::into_home(&format!("{name}-{version}"), |dir| {
            let go = install::on_path("go").context("go is not on PATH")?;
            say(format_args!("building {name} {version}, once, some minutes: go install {source}"));
            install_from(&go, &source, dir)
        });
        Ok(home.context(advice)?.join("bin").join(name))
    }
}

fn install_from(go: &Path, source: &str, dir: &Path) -> Result<()> {
    let env = install::on_path("env").context("env is not on PATH")?;
    let bin = format!("GOBIN={}", dir.join("bin").display());
    let args = [&*bin, &go.display().to_string(), "install", source];
    run::succeed_quietly(&env, &args, BUILD)
}
