//! `cargo xtask bench`: what the filter costs in a real Envoy, beside Envoy's own filters.
//!
//! One Envoy with one worker has a listener per scenario, `wrk` loads them in turn, and the CPU time of
//! the process divided by the requests is the result. Every scenario is first shown to do its job.
//! It must never measure anything but the gateway: no upstream, no access log, loopback only; and it
//! must never run without a limit.

mod check;
mod claimgate;
mod envoy;
mod listeners;
mod machine;
mod measure;
mod module;
mod native;
mod ratio;
mod report;
mod scenario;
mod site;
mod tokens;
mod wrk;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use envoy::Envoy;
use listeners::Reply;
use machine::Machine;
use measure::{Effort, Runner};
use report::Report;
use site::Site;

/// The flags that `cargo xtask bench` passes on, and the paths it finds.
#[derive(Parser)]
#[command(name = "claimgate-bench")]
struct Arguments {
    /// Fewer and shorter rounds, and only what the ratios need.
    #[arg(long)]
    quick: bool,
    /// Writes the results there as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// An Envoy.
    #[arg(long)]
    envoy: PathBuf,
    /// The load generator.
    #[arg(long)]
    wrk: PathBuf,
    /// The optimised module.
    #[arg(long)]
    plugin: PathBuf,
    /// For tokens, configurations and logs; the tokens are used again by the next run.
    #[arg(long)]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let result = run(&Arguments::parse());
    claimgate_proc::park_if_stopping();
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// True when every scenario was measured without an error.
fn run(arguments: &Arguments) -> Result<bool> {
    let machine = Machine::here(&arguments.envoy)?;
    fs::create_dir_all(&arguments.folder)
        .with_context(|| format!("cannot create {}", arguments.folder.display()))?;
    let site = Site::new(&arguments.envoy, &arguments.plugin, &arguments.folder)?;
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let groups = ratio::groups(arguments.quick)?;

    say("checking that every scenario does its job");
    check::effects(&site)?;
    say("starting Envoy with and without the filter");
    let module = module::measure(&site)?;
    let envoy = Envoy::start(&site, &scenario::all(), Reply::Plain)?;
    check::statuses(&site)?;
    let results = Runner::new(&site, &envoy, &arguments.wrk, effort).run(&groups)?;
    check::caches(&envoy)?;

    let report = Report { machine, effort, module, results };
    println!("{report}");
    if let Some(file) = &arguments.json {
        fs::write(file, format!("{:#}\n", report.to_json()))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report.failed().is_empty())
}

/// What is being done, on stderr: stdout is for the result.
fn say(what: impl std::fmt::Display) {
    eprintln!("bench: {what}");
}
