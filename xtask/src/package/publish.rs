//! Images to a registry, and signatures on what is there. Others' tools do both: they know how
//! registries want to be spoken to, and where their users keep passwords.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_oci::Descriptor;
use serde_json::json;

use super::{Packaged, folder, read};
use crate::{run, say, tools};

/// For one image.
const LIMIT: Duration = Duration::from_secs(600);

/// A registry, and what is before our repositories in it: `ghcr.io/claimgate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry(String);

impl Registry {
    /// One of this name.
    pub fn new(name: &str) -> Result<Self> {
        let name = name.trim_end_matches('/');
        let good = !name.is_empty() && !name.contains("://") && !name.contains(['@', ' ']);
        ensure!(good, "{name:?} is no registry; say HOST[:PORT][/PATH], as in ghcr.io/claimgate");
        Ok(Self(name.to_owned()))
    }

    /// Where something is, by its digest: what nobody can change.
    #[must_use]
    pub fn reference(&self, packaged: &Packaged) -> String {
        format!("{}/{}@{}", self.0, packaged.repository, packaged.manifest.digest)
    }

    /// Pushes everything of the layout: images under their tags, what is said about them by digest.
    pub fn push(&self, all: &[Packaged]) -> Result<()> {
        self.push_from(&folder(), all)
    }

    /// The same from a layout in another folder.
    pub fn push_from(&self, layout: &Path, all: &[Packaged]) -> Result<()> {
        let crane = tools::crane()?;
        let listed = read(layout)?;
        for packaged in all {
            let repository = format!("{}/{}", self.0, packaged.repository);
            let tagged = format!("{repository}:{}", packaged.tag);
            push(&crane, layout, &packaged.manifest, &tagged)?;
            let about = |name: &&String| name.strip_prefix(&*packaged.name).is_some_and(said);
            for name in listed.keys().filter(about) {
                let said = listed.get(name).context("it was listed")?;
                push(&crane, layout, said, &format!("{repository}@{}", said.digest))?;
            }
            say(format_args!("pushed {tagged}"));
        }
        Ok(())
    }
}

/// Whether this follows an image's name in that of something said about it.
fn said(rest: &str) -> bool {
    rest.starts_with('.')
}

/// A registry takes one manifest at a time, so each gets a layout of its own, around the same content.
fn push(crane: &Path, layout: &Path, manifest: &Descriptor, to: &str) -> Result<()> {
    let scratch = run::Scratch::new("push")?;
    let one = scratch.path();
    std::os::unix::fs::symlink(layout.join("blobs"), one.join("blobs"))?;
    fs::copy(layout.join("oci-layout"), one.join("oci-layout"))?;
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(one.join("index.json"), index.to_string())?;
    run::succeed_quietly(crane, &["push", &one.display().to_string(), to], LIMIT)
}

/// Signs what is at a registry with the key in a file, in cosign's format. Its password comes from
/// `COSIGN_PASSWORD`, as cosign has it.
pub fn sign(registry: &Registry, all: &[Packaged], key: &Path) -> Result<()> {
    sign_with_password(registry, all, key, None)
}

/// The same with this password.
pub fn sign_with_password(
    registry: &Registry,
    all: &[Packaged],
    key: &Path,
    password: Option<&str>,
) -> Result<()> {
    ensure!(key.is_file(), "no key in {}: cosign generate-key-pair makes one", key.display());
    let cosign = tools::cosign()?;
    let key = key.display().to_string();
    for packaged in all {
        let reference = registry.reference(packaged);
        // No public log: who verifies has the key.
        let args = ["sign", "--yes", "--key", &key, "--tlog-upload=false"];
        let local = registry.is_local().then_some("--allow-http-registry");
        let args = [&args[..], &["--use-signing-config=false"], &[&reference]].concat();
        let args: Vec<_> = args.into_iter().chain(local).collect();
        let password: Vec<_> = password.iter().map(|word| ("COSIGN_PASSWORD", *word)).collect();
        run::capture_with(&cosign, &args, &password, LIMIT)?;
        say(format_args!("signed {reference}"));
    }
    Ok(())
}

impl Registry {
    /// Whether it is on this machine, and may speak HTTP.
    fn is_local(&self) -> bool {
        let host = self.0.split(['/', ':']).next().unwrap_or_default();
        host == "localhost" || host.starts_with("127.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_a_host_and_perhaps_a_path() {
        for good in ["ghcr.io/claimgate", "127.0.0.1:5000", "localhost:5000/a/b/"] {
            assert!(Registry::new(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "https://ghcr.io/claimgate", "ghcr.io/a@sha256:00", "a b"] {
            assert!(Registry::new(bad).is_err(), "{bad}");
        }
        let local = |name| Registry::new(name).unwrap().is_local();
        assert!(local("127.0.0.1:5000/a") && local("localhost/a") && !local("127-0.example/a"));
    }
}
