//! `cargo xtask package`: the images, where they are, and what they are called.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use xtask::package::{self, Packaged, Registry};
use xtask::say;

/// Options of the command.
#[derive(Args)]
pub(crate) struct Package {
    /// Pushes everything to this registry: HOST[:PORT][/PATH].
    #[arg(long, value_name = "REGISTRY")]
    push: Option<String>,
    /// Signs what was pushed with the private key in this file, in cosign's format.
    #[arg(long, value_name = "KEY", requires = "push")]
    sign: Option<PathBuf>,
    /// Prints what was made as JSON.
    #[arg(long)]
    json: bool,
}

impl Package {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let registry = self.push.as_deref().map(Registry::new).transpose()?;
        if let Some(key) = &self.sign {
            ensure!(key.is_file(), "no key in {}", key.display());
        }
        let all = package::build()?;
        if let Some(registry) = &registry {
            registry.push(&all)?;
            if let Some(key) = &self.sign {
                package::sign(registry, &all, key)?;
            }
        }
        let folder = package::folder();
        say(format_args!("an OCI layout: {}", folder.display()));
        if self.json {
            let images: Vec<_> = all.iter().map(|one| described(one, registry.as_ref())).collect();
            println!("{:#}", json!({"layout": folder, "images": images}));
        } else {
            for one in &all {
                println!("{:<22} {:<16} {}", one.name, one.tag, one.manifest.digest);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// `sha256` is what fields of that name want: without the algorithm.
fn described(one: &Packaged, registry: Option<&Registry>) -> serde_json::Value {
    json!({
        "name": one.name,
        "repository": one.repository,
        "tag": one.tag,
        "digest": one.manifest.digest,
        "sha256": one.manifest.digest.hex(),
        "reference": registry.map(|registry| registry.reference(one)),
    })
}
