//! `cargo xtask bench`: builds what is measured and what measures, finds the tools, hands over.
//!
//! The measuring is done by the package `tests/bench`. It must never measure another module than the
//! optimised one of this source.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use claimgate_proc::{Launch, Output};
use xtask::{run, tools, wasm, workspace};

const PACKAGE: &str = "claimgate-bench";
/// Several times what the longest run takes.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The command's flags.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Three short rounds of only what the ratios need.
    #[arg(long)]
    quick: bool,
    /// Writes the results there as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Bench {
    /// Fails when a scenario had errors.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let (envoy, wrk) = (tools::envoy()?, tools::wrk()?);
        let plugin = wasm::build(true)?;
        let build = run::cargo(&["build", "--release", "--package", PACKAGE]);
        run::succeed(&build, run::BUILD_LIMIT)?;
        let bench = Launch::new(PACKAGE, workspace::release_binary(PACKAGE)?, Output::Inherit)
            .arg("--envoy")
            .arg(envoy)
            .arg("--wrk")
            .arg(wrk)
            .arg("--plugin")
            .arg(plugin)
            .arg("--folder")
            .arg(workspace::target_dir()?.join("bench"));
        let bench = if self.quick { bench.arg("--quick") } else { bench };
        let bench = match &self.json {
            Some(file) => bench.arg("--json").arg(file),
            None => bench,
        };
        run::succeed(&bench, LIMIT).map(|()| ExitCode::SUCCESS)
    }
}
