//! What runs a cluster without machines, and puts manifests together: `kustomize`, the API server with
//! what belongs to it, etcd, kwok. Built from Go modules.
//!
//! Pinned, whatever is on `PATH`: another version accepts other manifests.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::go::{self, GoProgram, Module, built};
use super::install;

const KUSTOMIZE: GoProgram = GoProgram {
    name: "kustomize",
    version: "5.8.1",
    package: "sigs.k8s.io/kustomize/kustomize/v5",
};
const KWOK: GoProgram =
    GoProgram { name: "kwok", version: "0.8.0", package: "sigs.k8s.io/kwok/cmd/kwok" };
const KUBERNETES: &str = "1.36.3";
/// The libraries of that Kubernetes.
const LIBRARIES: &str = "0.36.3";
const EXTERNAL_SECRETS: &str = "1.3.2";
const CERT_MANAGER: &str = "1.21.2";
const ETCD: &str = "3.7.3";
const PROGRAMS: [&str; 4] =
    ["kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// `kustomize`, which puts manifests together.
pub fn kustomize() -> Result<PathBuf> {
    KUSTOMIZE.pinned()
}

/// The programs of a control plane.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    programs: PathBuf,
}

/// The user's `kubectl`, which fits their cluster, else the one that is built here.
pub fn kubectl() -> Result<PathBuf> {
    let built = || kubernetes().map(|programs| programs.program("kubectl"));
    install::on_path("kubectl").map_or_else(built, Ok)
}

/// The API server, its neighbours and `kubectl`.
pub fn kubernetes() -> Result<Kubernetes> {
    let home = built(&format!("kubernetes-{KUBERNETES}"), |dir| {
        let module = Module::new("kubernetes", &kubernetes_module()?, &PROGRAMS.map(command))?;
        let flags = version_flags();
        PROGRAMS.iter().try_for_each(|name| module.build(&command(name), &flags, dir, name))
    })?;
    Ok(Kubernetes { programs: home.join("bin") })
}

impl Kubernetes {
    /// One of its programs, by name.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}

/// `etcd`. That of Debian 12 is too old: this API server waits for what it does not say.
pub fn etcd() -> Result<PathBuf> {
    let package = "go.etcd.io/etcd/server/v3";
    let home = built(&format!("etcd-{ETCD}"), |dir| {
        let requirements = format!("require {package} v{ETCD}\n");
        let module = Module::new("etcd", &requirements, &[package.to_owned()])?;
        module.build(package, "-s -w", dir, "etcd")
    })?;
    Ok(home.join("bin/etcd"))
}

/// `kwok`, which says of nodes and pods that they run, and the file that tells it how.
pub fn kwok() -> Result<(PathBuf, PathBuf)> {
    let stages = install::into_home(&format!("kwok-stages-{}", KWOK.version), |dir| {
        let source = go::source("sigs.k8s.io/kwok", KWOK.version)?;
        fs::write(dir.join("stages.yaml"), stages(&source.join("kustomize/stage"))?)
            .map_err(Into::into)
    })?;
    Ok((KWOK.pinned()?, stages.join("stages.yaml")))
}

/// What happens to nodes and pods: everything at once.
fn stages(folder: &Path) -> Result<String> {
    let mut files = vec![
        folder.join("node/fast/node-initialize.yaml"),
        folder.join("node/heartbeat/node-heartbeat.yaml"),
    ];
    let pods = fs::read_dir(folder.join("pod/fast"))?.flatten().map(|entry| entry.path());
    files.extend(pods.filter(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("pod-") && name.ends_with(".yaml")
    }));
    files.sort();
    let read =
        |file: &PathBuf| fs::read_to_string(file).with_context(|| file.display().to_string());
    Ok(files.iter().map(read).collect::<Result<Vec<_>>>()?.join("\n---\n"))
}

fn command(program: &str) -> String {
    format!("k8s.io/kubernetes/cmd/{program}")
}

/// Without them it would call itself v0.0.0, and nobody could say what it supports.
fn version_flags() -> String {
    let mut minor = KUBERNETES.split('.');
    let (major, minor) = (minor.next().unwrap_or_default(), minor.next().unwrap_or_default());
    format!(
        "-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES} \
         -X k8s.io/component-base/version.gitMajor={major} \
         -X k8s.io/component-base/version.gitMinor={minor} \
         -X k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES}"
    )
}

/// Where Go keeps the source of the API server, with the descriptions of its kinds.
pub fn kubernetes_source() -> Result<PathBuf> {
    go::source("k8s.io/kubernetes", KUBERNETES)
}

/// Where Go keeps the source of the External Secrets Operator, with the descriptions of its kinds.
pub fn external_secrets_source() -> Result<PathBuf> {
    go::source("github.com/external-secrets/external-secrets", EXTERNAL_SECRETS)
}

/// Where Go keeps the source of cert-manager, with the descriptions of its kinds.
pub fn cert_manager_source() -> Result<PathBuf> {
    go::source("github.com/cert-manager/cert-manager", CERT_MANAGER)
}

/// Kubernetes finds its libraries in its own folder, which a module that requires it has to do otherwise.
fn kubernetes_module() -> Result<String> {
    let source = kubernetes_source()?;
    let theirs = fs::read_to_string(source.join("go.mod"))?;
    let staged = theirs.lines().filter_map(|line| line.trim().split_once(" => ./staging"));
    let mut lines = format!("require k8s.io/kubernetes v{KUBERNETES}\n\nreplace (\n");
    for (library, _) in staged {
        writeln!(lines, "\t{library} => {library} v{LIBRARIES}")?;
    }
    ensure!(lines.matches("=>").count() > 20, "k8s.io/kubernetes {KUBERNETES}: no libraries found");
    lines.push_str(")\n");
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_are_of_the_version() {
        assert_eq!(LIBRARIES.split_once('.').unwrap().1, KUBERNETES.split_once('.').unwrap().1);
        assert!(version_flags().contains("gitMajor=1 -X"));
        assert!(version_flags().contains("gitMinor=36 -X"));
    }
}
