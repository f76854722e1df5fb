//! Decision points that authz-service is compared with: Cerbos from its npm package, OpenFGA built
//! from its Go module. Pinned, because what is measured is a version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::install;
use crate::{run, say};

const CERBOS: &str = "0.51.0";
/// The package with its binary for Linux on x86_64, and the digest.
const CERBOS_PACKAGE: &str = "@cerbos/cerbos-linux-x64";
const CERBOS_DIGEST: &str = "ac5fa32fe83453f4334dadd2e84cde9403d83200c410816bff16eb9a3cf76d4b";
const OPENFGA: &str = "1.22.1";
/// Its dependencies are many.
const OPENFGA_BUILD: Duration = Duration::from_secs(30 * 60);

/// The path of Cerbos: the user's, else the one in its npm package.
pub fn cerbos() -> Result<PathBuf> {
    if let Some(path) = install::on_path("cerbos") {
        return Ok(path);
    }
    let here = (std::env::consts::OS, std::env::consts::ARCH);
    ensure!(here == ("linux", "x86_64"), "install Cerbos {CERBOS} and put it on PATH");
    let package = format!("{CERBOS_PACKAGE}@{CERBOS}");
    let advice = format!("run this, then try again:\n  npm pack {package}   # must be reachable");
    let home = install::into_home(&format!("cerbos-{CERBOS}"), |dir| {
        say(format_args!("downloading Cerbos {CERBOS} (35 MB): npm pack {package}"));
        install::npm_package(&package, CERBOS_DIGEST, dir)
    });
    Ok(home.context(advice)?.join("package/cerbos-linux-x64"))
}

/// The path of OpenFGA: the user's, else one that is built here, once.
pub fn openfga() -> Result<PathBuf> {
    if let Some(path) = install::on_path("openfga") {
        return Ok(path);
    }
    let package = format!("github.com/openfga/openfga/cmd/openfga@v{OPENFGA}");
    let advice = format!("run this with Go 1.26 or newer, then try again:\n  go install {package}");
    let home = install::into_home(&format!("openfga-{OPENFGA}"), |dir| {
        let go = install::on_path("go").context("go is not on PATH")?;
        say(format_args!("building OpenFGA, once, some minutes: go install {package}"));
        build_openfga(&go, &package, dir)
    });
    Ok(home.context(advice)?.join("bin/openfga"))
}

fn build_openfga(go: &Path, package: &str, dir: &Path) -> Result<()> {
    let env = install::on_path("env").context("env is not on PATH")?;
    let bin = format!("GOBIN={}", dir.join("bin").display());
    // As its releases have it: else it calls itself `dev`.
    let version = format!("-X github.com/openfga/openfga/internal/build.Version=v{OPENFGA}");
    let args = [&bin, &go.display().to_string(), "install", "-ldflags", &version, package];
    run::succeed_quietly(&env, &args, OPENFGA_BUILD)
}
