//! Where Envoy's CPU time goes in one scenario, as `perf` sees it.
//!
//! Code that V8 made of Wasm has no symbols; it is listed as the memory it lies in.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output};

use crate::check;
use crate::envoy::Envoy;
use crate::listeners::Reply;
use crate::measure::{self, Effort, Runner, Sample};
use crate::say;
use crate::scenario;
use crate::site::{Paths, Site};

/// How long is recorded.
pub const SECONDS: u64 = 10;
const LIMIT: Duration = Duration::from_secs(60);
const EFFORT: Effort = Effort { rounds: 1, seconds: SECONDS };

/// Loads the scenario of this name and prints the profile.
pub fn run(paths: &Paths, name: &str) -> Result<()> {
    let found = scenario::all().into_iter().find(|scenario| scenario.name == name);
    let names = || scenario::all().iter().map(|scenario| scenario.name).collect::<Vec<_>>();
    let scenario = [found.with_context(|| format!("no scenario {name}: {}", names().join(", ")))?];
    let site = Site::new(paths, &scenario, measure::new_tokens(1))?;
    let envoy = Envoy::start(&site, &scenario, Reply::Plain, 1)?;
    check::statuses(&site, &scenario)?;
    let mut runner = Runner::new(&site, &envoy, &scenario, 1, EFFORT);
    runner.warm_up()?;
    let [scenario] = &scenario;
    record(name, envoy.pid(), &site.folder, || runner.measure(scenario, SECONDS))
}

/// Records the process while `load` is on it, and prints the profile.
pub fn record(
    name: &str,
    pid: u32,
    folder: &Path,
    load: impl FnOnce() -> Result<Sample>,
) -> Result<()> {
    say(format_args!("recording {SECONDS} s"));
    let data = folder.join("perf.data");
    let perf = Launch::new("perf record", "perf", Output::Log(folder.join("perf.log")))
        .args(["record", "--freq", "4999", "--pid", &pid.to_string(), "--output"])
        .arg(&data)
        // Ends by itself, so that what it has recorded is written.
        .args(["--", "sleep", &SECONDS.to_string()])
        .start()
        .context("perf is needed: Debian's package linux-perf")?;
    let sample = load()?;
    let status = perf.wait(LIMIT).context("perf does not end")?;
    ensure!(status.success(), "perf failed ({status}):\n{}", perf.log_tail(20));
    println!("{name}: {:.1} µs/request while it was recorded", sample.cpu_us);
    let report = Launch::new("perf report", "perf", Output::Inherit)
        .args(["report", "--stdio", "--sort", "dso,symbol", "--percent-limit", "0.3", "--input"])
        .arg(&data);
    let status = report.start()?.wait(LIMIT).context("perf report does not end")?;
    ensure!(status.success(), "perf report failed ({status})");
    Ok(())
}
