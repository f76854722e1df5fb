//! `cargo xtask test-k8s`: `kubernetes/` at a real API server, and its scripts with the real programs.

use std::process::ExitCode;

use anyhow::Result;
use xtask::{run, tools, wasm};

use super::ignored;

/// The folder of the package whose ignored tests these are.
const FOLDER: &str = "tests/kubernetes";
/// Whose tables a backup is made of, who follows Redis and is told of logouts, who reads Envoy's configuration before
/// Envoy does, and who stands behind the door of the development identity provider.
const BUILT: [&str; 3] = ["authz-service", "claimgate-cli", "dev-idp"];

/// Runs them, with everything that they need.
pub(crate) fn kubernetes() -> Result<ExitCode> {
    tools::kustomize()?;
    tools::kubernetes()?;
    tools::etcd()?;
    tools::kwok()?;
    tools::redis_server()?;
    tools::postgres()?;
    tools::envoy()?;
    tools::envoy_gateway()?;
    tools::crane()?;
    tools::docker_registry()?;
    tools::curl()?;
    wasm::build(true)?;
    let packages = BUILT.iter().flat_map(|name| ["--package", name]);
    let build: Vec<_> = ["build", "--bins"].into_iter().chain(packages).collect();
    run::succeed(&run::cargo(&build), run::BUILD_LIMIT)?;
    // What deploys is this program itself.
    let xtask = std::env::current_exe()?;
    ignored(FOLDER, &[], &[("XTASK", &xtask)])
}
