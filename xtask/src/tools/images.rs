//! What speaks with registries, built from Go modules; and git.

use std::path::PathBuf;

use anyhow::Result;

use super::go::GoProgram;
use super::install;

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
