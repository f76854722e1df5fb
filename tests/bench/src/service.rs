//! What authz-service costs as a process of its own, beside Cerbos and OpenFGA doing the same job.
//!
//! Each decision point keeps to one core, the load generator to the other. Every question has a
//! right answer, and every answer is compared with it, before measuring and while.

pub mod answer;
mod cerbos;
mod job;
mod load;
mod openfga;
mod ours;
mod point;
mod profile;
mod report;
mod run;
mod scenario;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::measure::Effort;
use crate::{say, site};
use report::Report;
use run::Run;
use scenario::Scenario;

/// The flags that `cargo xtask bench --service` passes on, and the paths it finds.
#[derive(clap::Args)]
pub struct Arguments {
    /// Fewer and shorter rounds, and only what the ratios need.
    #[arg(long)]
    quick: bool,
    /// Writes the results there as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only loads this scenario and shows where the CPU time goes.
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["quick", "json"])]
    profile: Option<String>,
    #[command(flatten)]
    paths: Paths,
}

/// Where things are.
#[derive(Clone, Debug, clap::Args)]
pub struct Paths {
    /// authz-service.
    #[arg(long)]
    pub authz_service: PathBuf,
    /// Cerbos.
    #[arg(long)]
    pub cerbos: PathBuf,
    /// OpenFGA.
    #[arg(long)]
    pub openfga: PathBuf,
    /// For policies and logs.
    #[arg(long)]
    pub folder: PathBuf,
}

/// Three rounds of a second.
const QUICK: Effort = Effort { rounds: 3, seconds: 1 };

/// True when every answer was right.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let paths = &arguments.paths;
    fs::create_dir_all(&paths.folder)
        .with_context(|| format!("cannot create {}", paths.folder.display()))?;
    let _alone = site::alone(&paths.folder)?;
    let folder = paths.folder.join("service");
    let _ = fs::remove_dir_all(&folder);
    if let Some(name) = &arguments.profile {
        return profile::run(paths, &folder, name).map(|()| true);
    }
    let machine = Machine::here(&[
        ("cerbos", &paths.cerbos, "--version"),
        ("openfga", &paths.openfga, "version"),
    ])?;
    let effort = if arguments.quick { QUICK } else { Effort::FULL };
    let groups = scenario::groups(arguments.quick);
    let named = |one: &&'static Scenario| {
        groups.iter().any(|group| group.scenarios.iter().any(|other| other.name == one.name))
    };
    let scenarios: Vec<&'static Scenario> = scenario::ALL.iter().filter(named).collect();
    say("starting the decision points");
    let mut run = Run::start(paths, &folder, &scenarios)?;
    let memory = run.memory()?;
    say("checking that every question is answered rightly");
    run.check(&scenarios)?;
    let rounds = run.rounds(&groups, effort)?;
    let report = Report { machine, effort, results: run::results(&groups, &rounds, memory) };
    println!("{report}");
    if let Some(file) = &arguments.json {
        fs::write(file, format!("{:#}\n", report.to_json()))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(report.failed().is_empty())
}
