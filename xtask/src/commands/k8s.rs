//! `cargo xtask k8s`: brings it into a cluster, or says whether what is there is in force.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand, ValueEnum};
use xtask::deploy::{self, Address, Environment, Outcome, Target};
use xtask::say;

/// What is done.
#[derive(Subcommand)]
pub(crate) enum K8s {
    /// Applies it in an order that leaves no open window, waits until it is in force, sends requests that must be refused,
    /// and puts back what was there before when one of them is not.
    Deploy {
        #[command(flatten)]
        options: Options,
        /// Then removes what an earlier version had and this one does not. Never claims, Secrets and namespaces.
        #[arg(long)]
        prune: bool,
    },
    /// Says whether what is there is in force, and changes nothing.
    Verify(Options),
}

/// Of both.
#[derive(Args)]
pub(crate) struct Options {
    /// Whose overlay. Only dev may have names that are examples.
    #[arg(long, value_enum)]
    env: Env,
    /// kubernetes/gateway-api (guard, then routes) instead of an overlay with a static Envoy.
    #[arg(long)]
    gateway_api: bool,
    /// Your own overlay; with --gateway-api a folder that holds `guard` and `routes`.
    #[arg(long, value_name = "FOLDER")]
    overlay: Option<PathBuf>,
    /// The module's image, by digest: NAME@sha256:…; where the overlay does not name it.
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Which context of the kubeconfig; kubectl's current one when left out.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// Where a gateway is asked, when its status does not say or it is not reached there: [GATEWAY=][http://|https://]HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
    /// The authority of the gateways' certificates (PEM), when this machine does not know it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Where Envoy Gateway runs its proxies.
    #[arg(long, value_name = "NAMESPACE", default_value = "envoy-gateway-system")]
    proxies: String,
    /// How long each thing may take, in seconds; 120 for deploy, 10 for verify.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Env {
    Dev,
    Staging,
    Production,
}

impl K8s {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Deploy { options, prune } => options.deploy(prune),
            Self::Verify(options) => options.verify(),
        }
    }
}

impl Options {
    fn deploy(self, prune: bool) -> Result<ExitCode> {
        match deploy::deploy(&self.target(120)?, prune)? {
            Outcome::InForce => {
                println!(
                    "in force: every status is about what was applied, and the gateway refuses"
                );
                Ok(ExitCode::SUCCESS)
            }
            Outcome::RolledBack(findings) => {
                println!("rolled back, {} findings", findings.len());
                Ok(ExitCode::FAILURE)
            }
        }
    }

    fn verify(self) -> Result<ExitCode> {
        let findings = deploy::verify(&self.target(10)?)?;
        findings.iter().for_each(say);
        println!("{} findings", findings.len());
        Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn target(self, seconds: u64) -> Result<Target> {
        if let Some(image) = &self.image {
            ensure!(
                image.contains("@sha256:"),
                "--image {image}: name it by digest, NAME@sha256:…"
            );
        }
        Ok(Target {
            environment: match self.env {
                Env::Dev => Environment::Dev,
                Env::Staging => Environment::Staging,
                Env::Production => Environment::Production,
            },
            gateway_api: self.gateway_api,
            overlay: self.overlay,
            image: self.image,
            context: self.context,
            addresses: self.address,
            authority: self.ca,
            proxies: self.proxies,
            limit: Duration::from_secs(self.timeout.unwrap_or(seconds)),
        })
    }
}
