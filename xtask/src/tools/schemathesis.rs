//! Schemathesis, which makes requests out of an OpenAPI document and judges the answers by it. Pinned
//! with all that it needs, because another version asks other questions.

use std::path::PathBuf;

use anyhow::{Context, Result};
use claimgate_proc::{Launch, Output};

use super::install;
use crate::{run, say};

const VERSION: &str = "4.32.5";
/// Every file that pip may install, by its digest.
const REQUIREMENTS: &str = include_str!("schemathesis.txt");

/// Where it is, and the Python it runs on.
#[derive(Clone, Debug)]
pub struct Schemathesis {
    python: PathBuf,
    packages: PathBuf,
}

/// The pinned schemathesis.
pub fn schemathesis() -> Result<Schemathesis> {
    let python = install::python()?;
    // What is compiled belongs to one version of Python.
    let said = run::capture(&python, &["--version"], install::LIMIT)?;
    let version = said.trim().to_lowercase().replace(' ', "");
    let tool = format!("schemathesis-{VERSION}-{version}");
    let home = install::home(&tool)?;
    let home = if home.is_dir() {
        home
    } else {
        let advice = "a Python package index must be reachable (pip's own settings apply)";
        install::into_home(&tool, |dir| {
            say(format_args!("installing schemathesis {VERSION} (40 MB): pip install --target"));
            let requirements = dir.join("requirements.txt").display().to_string();
            std::fs::write(&requirements, REQUIREMENTS)?;
            let to = dir.join("packages").display().to_string();
            let options =
                ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"];
            let files = ["--require-hashes", "--requirement", &requirements, "--target", &to];
            run::succeed_quietly(&python, &[&options[..], &files].concat(), install::LIMIT)
        })
        .context(advice)?
    };
    Ok(Schemathesis { python, packages: home.join("packages") })
}

impl Schemathesis {
    /// Its command line, without arguments.
    #[must_use]
    pub fn launch(&self) -> Launch {
        Launch::new("schemathesis", &self.python, Output::Inherit)
            .arg(self.packages.join("bin/schemathesis"))
            .env("PYTHONPATH", &self.packages)
    }
}
