//! Where the CPU time of a decision point goes in one scenario, as `perf` sees it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Paths;
use super::run::Run;
use super::scenario::ALL;
use crate::profile::{self, SECONDS};

/// Loads the scenario of this name and prints the profile.
pub fn run(paths: &Paths, folder: &Path, name: &str) -> Result<()> {
    let scenario = ALL.iter().find(|scenario| scenario.name == name).with_context(|| {
        format!("no scenario {name}: {}", ALL.map(|scenario| scenario.name).join(", "))
    })?;
    let mut run = Run::start(paths, folder, &[scenario])?;
    run.check(&[scenario])?;
    let pid = run.point(scenario.who)?.pid();
    profile::record(name, pid, folder, || run.measure(scenario, Duration::from_secs(SECONDS)))
}
