//! The shared steps of an installation.
//!
//! A tool appears under its final name only when it is complete, so that a process that was killed
//! half-way never leaves one that looks usable. Two processes never install at the same time.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::{run, say};

/// For one download or package installation.
pub(super) const LIMIT: Duration = Duration::from_secs(300);

/// The folder of one tool, `<tool>-<version>` under the tools' folder; it may not exist yet.
pub(super) fn home(tool: &str) -> Result<PathBuf> {
    Ok(tools_dir()?.join(tool))
}

fn tools_dir() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("CLAIMGATE_TOOLS") {
        return Ok(dir.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    let cache = cache.or_else(home).context("no home folder: set CLAIMGATE_TOOLS")?;
    Ok(cache.join("claimgate"))
}

/// Has `steps` fill a fresh folder, which becomes `home(tool)` once they succeed; when another
/// process was faster, its result is taken.
pub(super) fn into_home(tool: &str, steps: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let home = home(tool)?;
    // What is there is complete, and need not wait for whoever builds another tool.
    if home.is_dir() {
        return Ok(home);
    }
    let _lock = lock()?;
    if home.is_dir() {
        return Ok(home);
    }
    let unfinished = home.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished)
        .with_context(|| format!("cannot create {}", unfinished.display()))?;
    steps(&unfinished)?;
    fs::rename(&unfinished, &home)?;
    Ok(home)
}

fn lock() -> Result<File> {
    let dir = tools_dir()?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let file = OpenOptions::new().create(true).append(true).open(dir.join(".lock"))?;
    file.lock()?;
    Ok(file)
}

/// A program on `PATH`.
pub(super) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// The file's SHA-256 must be `expected` (hex).
pub(super) fn check_digest(file: &Path, expected: &str) -> Result<()> {
    let found = digest(&fs::read(file)?);
    ensure!(
        found == expected,
        "{} has SHA-256 {found}, expected {expected}: not installed",
        file.display()
    );
    Ok(())
}

/// Unpacks the archive of an npm package, which has this SHA-256, below `dir` as `package/`.
pub(super) fn npm_package(package: &str, expected: &str, dir: &Path) -> Result<()> {
    let npm = npm()?;
    let to = dir.display().to_string();
    let args = ["pack", "--silent", "--pack-destination", &to, package];
    run::succeed_quietly(&npm, &args, LIMIT)?;
    let archive = fs::read_dir(dir)?.flatten().map(|entry| entry.path()).next();
    let archive = archive.context("npm packed nothing")?;
    check_digest(&archive, expected)?;
    let tar = on_path("tar").context("tar is not on PATH")?;
    let archive_name = archive.display().to_string();
    run::succeed_quietly(&tar, &["-xzf", &archive_name, "-C", &to], LIMIT)?;
    fs::remove_file(archive)?;
    Ok(())
}

/// The node on `PATH`, installed when there is none.
pub(super) fn node() -> Result<PathBuf> {
    program("node", "nodejs")
}

/// After node: some packages of node bring npm along, and then refuse the other package.
fn npm() -> Result<PathBuf> {
    node()?;
    program("npm", "npm")
}

/// A Python that has pip.
pub(super) fn python() -> Result<PathBuf> {
    let has_pip = |python: &PathBuf| {
        run::succeed_quietly(python, &["-m", "pip", "--version"], Duration::from_secs(30)).is_ok()
    };
    if let Some(python) = on_path("python3").filter(has_pip) {
        return Ok(python);
    }
    apt(&["python3", "python3-pip"])?;
    on_path("python3").context("python3 is still not on PATH")
}

/// SHA-256 as lower-case hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A program on `PATH`, from its Debian package when it is not there yet.
pub(super) fn program(name: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = on_path(name) {
        return Ok(path);
    }
    apt(&[package]).with_context(|| format!("{name} is not installed"))?;
    on_path(name).with_context(|| format!("{name} is still not on PATH"))
}

/// Installs Debian packages, as root only; else the error says what to run.
pub(super) fn apt(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let Some(apt) = on_path("apt-get") else {
        bail!("install {} with your package manager and run this again", packages.join(", "));
    };
    if !nix::unistd::geteuid().is_root() {
        bail!("run this, then try again:\n  sudo {command}");
    }
    let _lock = lock()?;
    say(format_args!("installing: {command}"));
    let args = [&["install", "-y", "--no-install-recommends"], packages].concat();
    let first = run::succeed_quietly(&apt, &args, LIMIT);
    let Err(error) = first else { return Ok(()) };
    // The usual reason on a fresh machine: no package list yet, or an old one.
    say("that failed; fetching the package list: apt-get update");
    run::succeed_quietly(&apt, &["update"], LIMIT).map_err(|_| error)?;
    say(format_args!("installing: {command}"));
    run::succeed_quietly(&apt, &args, LIMIT)
        .with_context(|| format!("run this, then try again:\n  apt-get update && {command}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_digest_is_refused() {
        let scratch = run::Scratch::new("digest").unwrap();
        let file = scratch.path().join("file");
        fs::write(&file, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check_digest(&file, abc).unwrap();
        fs::write(&file, "abd").unwrap();
        let error = check_digest(&file, abc).unwrap_err().to_string();
        assert!(error.contains("not installed"), "{error}");
    }
}
