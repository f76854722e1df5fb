//! A registry on this machine with everything in it, and questions to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use claimgate_oci::{Descriptor, Layout};
use serde_json::Value;
use xtask::package::{self, LocalRegistry, Packaged, Registry};
use xtask::run::Scratch;
use xtask::tools;

/// A registry of its own, gone with the test.
pub struct Local {
    pub name: String,
    pub folder: Scratch,
    registry: LocalRegistry,
}

impl Local {
    /// Empty.
    pub fn start() -> Self {
        let folder = Scratch::new("registry").unwrap();
        let registry = LocalRegistry::start(folder.path()).unwrap();
        Self { name: registry.name().to_owned(), folder, registry }
    }

    /// With everything of the layout in it.
    pub fn full() -> Self {
        let local = Self::start();
        local.registry().push(&packaged()).unwrap();
        local
    }

    pub fn registry(&self) -> Registry {
        self.registry.registry().unwrap()
    }

    /// The file that the registry keeps some content in.
    pub fn file_of(&self, hex: &str) -> PathBuf {
        self.registry.blobs().join(&hex[..2]).join(hex).join("data")
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
