//! Keycloak: the real server, from Maven, prepared once so that a start is a matter of seconds.
//!
//! A run never starts from the folder that is installed here: Keycloak writes into its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::install;
use crate::{run, say};

/// The newest that the coordinate below has.
const KEYCLOAK: &str = "26.7.3";
const DIGEST: &str = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";
/// Putting its modules together takes half a minute of a fast core.
const BUILD: Duration = Duration::from_secs(300);

/// The folder of Keycloak, built for its file database and with health endpoints. Needs a Java
/// runtime, 17 or newer, which is looked for on `PATH`.
pub fn keycloak() -> Result<PathBuf> {
    install::program("java", "openjdk-17-jre-headless")?;
    let home = install::home(&format!("keycloak-{KEYCLOAK}"))?;
    if home.is_dir() {
        return Ok(folder(&home));
    }
    let (maven, unzip) = (install::program("mvn", "maven")?, install::program("unzip", "unzip")?);
    let name = format!("keycloak-{KEYCLOAK}");
    let home = install::into_home(&name, |dir| {
        say(format_args!("downloading Keycloak {KEYCLOAK} (177 MB): mvn {COPY}"));
        let archive = download(&maven, dir)?;
        let (from, to) = (archive.display().to_string(), dir.display().to_string());
        run::succeed_quietly(&unzip, &["-q", &from, "-d", &to], install::LIMIT)?;
        std::fs::remove_file(archive)?;
        say("preparing Keycloak, once: kc.sh build");
        let kc = folder(dir).join("bin/kc.sh");
        run::succeed_quietly(&kc, &["build", "--db=dev-file", "--health-enabled=true"], BUILD)
    })?;
    Ok(folder(&home))
}

fn folder(home: &Path) -> PathBuf {
    home.join(format!("keycloak-{KEYCLOAK}"))
}

fn download(maven: &Path, dir: &Path) -> Result<PathBuf> {
    let artifact = format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip");
    let to = format!("-DoutputDirectory={}", dir.display());
    run::succeed_quietly(maven, &["-B", "-q", COPY, &artifact, &to], install::LIMIT).with_context(
        || format!("run this, then try again:\n  mvn {COPY} {artifact}   # must be reachable"),
    )?;
    let archive = dir.join(format!("keycloak-quarkus-dist-{KEYCLOAK}.zip"));
    install::check_digest(&archive, DIGEST)?;
    Ok(archive)
}
