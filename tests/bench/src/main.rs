//! `cargo xtask bench`: what the filter costs in a real Envoy, beside Envoy's own filters; with
//! `--service`, what the authorization service costs beside others ([`service`]).
//!
//! One Envoy has a listener per scenario, `wrk` loads them in turn, and the CPU time of
//! the process divided by the requests is the result. Every scenario is first shown to do its job.
//! It must never measure anything but the gateway: no upstream, no access log, loopback only; and it
//! must never run without a limit.

mod check;
mod claimgate;
mod envoy;
mod feed;
mod floor;
mod latency;
mod listeners;
mod machine;
mod measure;
mod module;
mod native;
mod paced;
mod profile;
mod ratio;
mod report;
mod scenario;
mod service;
mod signer;
mod site;
mod tokens;
mod wrk;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser};

use envoy::Envoy;
use listeners::Reply;
use machine::Machine;
use measure::{Effort, Results, Runner};
use ratio::Group;
use report::Report;
use scenario::Scenario;
use site::{Paths, Site};

/// What is measured.
#[derive(Parser)]
#[command(name = "claimgate-bench")]
enum Command {
    /// The filter, in Envoy.
    Filter(Arguments),
    /// The authorization service.
    Service(service::Arguments),
}

/// The flags that `cargo xtask bench` passes on, and the paths it finds.
#[derive(Args)]
struct Arguments {
    /// Fewer and shorter rounds, and only what the ratios need.
    #[arg(long)]
    quick: bool,
    /// Only what this ratio or latency needs, with one worker; may be repeated.
    #[arg(long, value_name = "RATIO")]
    ratio: Vec<String>,
    /// Writes the results there as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only loads this scenario and shows where Envoy's CPU time goes.
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["quick", "ratio", "json"])]
    profile: Option<String>,
    #[command(flatten)]
    paths: Paths,
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Filter(arguments) => run(&arguments),
        Command::Service(arguments) => service::run(&arguments),
    };
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
    let paths = &arguments.paths;
    fs::create_dir_all(&paths.folder)
        .with_context(|| format!("cannot create {}", paths.folder.display()))?;
    if let Some(name) = &arguments.profile {
        return profile::run(paths, name).map(|()| true);
    }
    let report = measured(arguments)?;
    println!("{report}");
    if let Some(file) = &arguments.json {
        fs::write(file, format!("{:#}\n", report.to_json()))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report.failed().is_empty())
}

fn measured(Arguments { quick, ratio, paths, .. }: &Arguments) -> Result<Report> {
    let machine = Machine::here(&[("envoy", &paths.envoy, "--version")])?;
    let figures = latency::named(ratio);
    let groups = if ratio.is_empty() { ratio::groups(*quick) } else { ratio::of_ratios(ratio)? };
    let scenarios = ratio::members(&groups);
    let workers = if *quick || !ratio.is_empty() { 1 } else { 2 };
    let (effort, starts) = if *quick { (Effort::QUICK, 3) } else { (Effort::FULL, 5) };
    let site = Site::new(paths, &scenarios, measure::new_tokens(workers))?;

    say("checking that every scenario does its job");
    check::effects(&site, &scenarios)?;
    say("starting Envoy with and without the filter");
    let module = module::measure(&site, starts)?;
    let results = with_workers(&site, &scenarios, &groups, 1, effort)?;
    let added = latency::measure(&site, &figures, effort)?;
    let two_workers = (workers > 1)
        .then(|| with_workers(&site, &scenarios, &ratio::ungrouped(), 2, Effort::TWO_WORKERS));
    Ok(Report { machine, effort, module, results, added, two_workers: two_workers.transpose()? })
}

/// Everything in one Envoy.
fn with_workers(
    site: &Site,
    scenarios: &[Scenario],
    groups: &[Group],
    workers: usize,
    effort: Effort,
) -> Result<Results> {
    say(format_args!("workers: {workers}"));
    let envoy = Envoy::start(site, scenarios, Reply::Plain, workers)?;
    check::statuses(site, scenarios)?;
    let results = Runner::new(site, &envoy, scenarios, workers, effort).run(groups)?;
    check::caches(&envoy, scenarios, workers)?;
    Ok(results)
}

/// What is being done, on stderr: stdout is for the result.
fn say(what: impl std::fmt::Display) {
    eprintln!("bench: {what}");
}
