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
const SERVICE: &str = "authz-service";
/// Several times what the longest run takes.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The command's flags.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// Three short rounds of only what the ratios need.
    #[arg(long)]
    quick: bool,
    /// Measures authz-service beside Cerbos and OpenFGA instead of the filter.
    #[arg(long)]
    service: bool,
    /// Only what this ratio or latency needs, with one worker; may be repeated.
    #[arg(long, value_name = "RATIO", conflicts_with = "service")]
    ratio: Vec<String>,
    /// Writes the results there as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only loads this scenario and shows where the CPU time goes; needs `perf`.
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["quick", "ratio", "json"])]
    profile: Option<String>,
}

impl Bench {
    /// Fails when a scenario had errors.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let (what, paths) = match self.service {
            true => {
                ("service", vec![("--cerbos", tools::cerbos()?), ("--openfga", tools::openfga()?)])
            }
            false => ("filter", filter()?),
        };
        let packages = ["--package", PACKAGE, "--package", SERVICE];
        let build = run::cargo(&[&["build", "--release"][..], &packages].concat());
        run::succeed(&build, run::BUILD_LIMIT)?;
        let ours = [
            ("--authz-service", workspace::release_binary(SERVICE)?),
            ("--folder", workspace::target_dir()?.join("bench")),
        ];
        let paths = paths.into_iter().chain(ours);
        let bench = Launch::new(PACKAGE, workspace::release_binary(PACKAGE)?, Output::Inherit);
        let bench = bench.arg(what);
        let bench = paths.fold(bench, |bench, (flag, path)| bench.arg(flag).arg(path));
        let bench = if self.quick { bench.arg("--quick") } else { bench };
        let ratios = self.ratio.iter().flat_map(|ratio| ["--ratio", ratio]);
        let bench = ratios.fold(bench, Launch::arg);
        let bench = match &self.json {
            Some(file) => bench.arg("--json").arg(file),
            None => bench,
        };
        let bench = match &self.profile {
            Some(scenario) => bench.args(["--profile", scenario]),
            None => bench,
        };
        run::succeed(&bench, LIMIT).map(|()| ExitCode::SUCCESS)
    }
}

/// The module, and what it is measured in and with.
fn filter() -> Result<Vec<(&'static str, PathBuf)>> {
    let (envoy, wrk) = (tools::envoy()?, tools::wrk()?);
    let modules = [
        ("--plugin", wasm::build(true)?),
        ("--plugin-full", wasm::build_full(true)?),
        ("--floor", wasm::build_floor()?),
    ];
    Ok([("--envoy", envoy), ("--wrk", wrk)].into_iter().chain(modules).collect())
}
