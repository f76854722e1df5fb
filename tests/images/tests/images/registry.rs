//! A registry on this machine with everything in it, and questions to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use claimgate_oci::{Descriptor, Layout};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::Value;
use xtask::package::{self, Packaged, Registry};
use xtask::run::Scratch;
use xtask::tools;

const READY: Duration = Duration::from_secs(10);

/// A registry of its own, gone with the test.
pub struct Local {
    pub name: String,
    pub folder: Scratch,
    _process: Process,
    _port: Port,
}

impl Local {
    /// Empty.
    pub fn start() -> Self {
        let folder = Scratch::new("registry").unwrap();
        let port = Port::free().unwrap();
        let address = format!("127.0.0.1:{}", port.number());
        let data = folder.path().join("data");
        let settings = serde_json::json!({
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": data}},
            "http": {"addr": address},
        });
        let file = folder.path().join("registry.yml");
        fs::write(&file, settings.to_string()).unwrap();
        let log = Output::Log(folder.path().join("log"));
        let launch = Launch::new("docker-registry", tools::docker_registry().unwrap(), log);
        let process = launch.arg("serve").arg(&file).start().unwrap();
        process.wait_ready(&Ready::Http(address.parse().unwrap(), "/v2/".into()), READY).unwrap();
        Self { name: format!("{address}/claimgate"), folder, _process: process, _port: port }
    }

    /// With everything of the layout in it.
    pub fn full() -> Self {
        let local = Self::start();
        local.registry().push(&packaged()).unwrap();
        local
    }

    pub fn registry(&self) -> Registry {
        Registry::new(&self.name).unwrap()
    }

    /// The file that the registry keeps some content in.
    pub fn file_of(&self, hex: &str) -> PathBuf {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

/// What the layout has, as `cargo xtask package` told it.
pub fn packaged() -> Vec<Packaged> {
    let all = package::written().unwrap();
    assert!(all.len() >= 8, "{all:?}: run cargo xtask package");
    all
}

pub fn one(name: &str) -> Packaged {
    packaged().into_iter().find(|packaged| packaged.name == name).unwrap()
}

/// What the layout lists under a name.
pub fn listed(name: &str) -> Descriptor {
    Layout::read(&package::folder()).unwrap()[name].clone()
}

/// What a command that must succeed says on stdout.
pub fn said(program: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(args).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {}: {error}", program.display(), args.join(" "));
    output.stdout
}

/// What a command that must fail says on stderr.
pub fn refused(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().unwrap();
    assert!(!output.status.success(), "{} {} succeeded", program.display(), args.join(" "));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn crane(args: &[&str]) -> Vec<u8> {
    said(&tools::crane().unwrap(), args)
}

pub fn manifest(reference: &str) -> Value {
    serde_json::from_slice(&crane(&["manifest", reference])).unwrap()
}
