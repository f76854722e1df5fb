//! A decision point under measurement: a process alone on one core, its CPU time and its memory.
//!
//! The load generator keeps to another core, so neither takes the other's time.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::site;

/// The core of every decision point.
const CORE: &str = "1";
/// The load generator's.
const OWN_CORE: usize = 0;
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running one, stopped when this is dropped.
pub struct Point {
    /// Where it takes questions.
    pub address: SocketAddr,
    process: Process,
    clock: ClockId,
    _port: Port,
}

/// Keeps this process away from the decision points' core.
pub fn keep_away() -> Result<()> {
    let mut own = CpuSet::new();
    own.set(OWN_CORE)?;
    sched_setaffinity(Pid::from_raw(0), &own).context("two cores are needed")
}

impl Point {
    /// Starts `program` with the arguments that `arguments` makes of its address, and waits until
    /// `GET health` is answered 200.
    pub fn start(
        program: &Path,
        folder: &Path,
        health: &str,
        arguments: impl FnOnce(SocketAddr) -> Vec<String>,
    ) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let port = Port::free()?;
        let address = site::local(&port);
        // `taskset` becomes the program: its process id is the program's.
        let process = Launch::new(name(program), "taskset", Output::Log(folder.join("log")))
            .args(["--cpu-list", CORE])
            .arg(program)
            .args(arguments(address))
            .env("RUST_LOG", "warn")
            .start()
            .context("taskset is needed: Debian's package util-linux")?;
        process.wait_ready(&Ready::Http(address, health.into()), START_LIMIT)?;
        let clock = clock_getcpuclockid(Pid::from_raw(process.pid().cast_signed()))?;
        Ok(Self { address, process, clock, _port: port })
    }

    /// The CPU time of all its threads so far.
    pub fn cpu(&self) -> Result<Duration> {
        if let Some(status) = self.process.exited() {
            let (name, log) = (self.process.name(), self.process.log_tail(20));
            bail!("{name} ended ({status}); it said:\n{log}");
        }
        Ok(self.clock.now()?.into())
    }

    /// For a profiler.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its resident memory in MB (10⁶ bytes).
    pub fn rss_mb(&self) -> Result<f64> {
        crate::machine::rss_mb(self.process.pid())
    }
}

fn name(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
