//! An Envoy: its start, its CPU time, its memory, its counters.
//!
//! CPU time is the kernel's, of the whole process in nanoseconds; clock ticks of 10 ms would be a
//! percent of a short run.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use claimgate_proc::{Launch, Output, Process, http_get, http_status, is_stopping};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::listeners::{self, Reply};
use crate::machine::rss_mb;
use crate::scenario::Scenario;
use crate::site::{self, Site};

const READY_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// A running one, stopped when this is dropped.
pub struct Envoy {
    process: Process,
    clock: ClockId,
    admin: std::net::SocketAddr,
    /// From before the start to the first 200 of `/ready`.
    pub ready_after: Duration,
}

impl Envoy {
    /// Starts one with these scenarios and waits until it serves.
    pub fn start(
        site: &Site,
        scenarios: &[Scenario],
        reply: Reply,
        workers: usize,
    ) -> Result<Self> {
        let config = site.folder.join("envoy.json");
        fs::write(
            &config,
            serde_json::to_vec_pretty(&listeners::bootstrap(site, scenarios, reply)?)?,
        )?;
        let log = site.folder.join("envoy.log");
        let launch = Launch::new("envoy", &site.paths.envoy, Output::Log(log))
            .arg("-c")
            .arg(config)
            // Hot restart would leave a file in shared memory for every run.
            .args(["--disable-hot-restart", "-l", "error", "--concurrency"])
            .arg(workers.to_string());
        let admin = site::local(&site.admin);
        let begun = Instant::now();
        let process = launch.start()?;
        wait_ready(&process, admin)?;
        let ready_after = begun.elapsed();
        let clock = clock_getcpuclockid(Pid::from_raw(process.pid().cast_signed()))?;
        Ok(Self { process, clock, admin, ready_after })
    }

    /// For a profiler.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The CPU time of all its threads so far.
    pub fn cpu(&self) -> Result<Duration> {
        if let Some(status) = self.process.exited() {
            bail!("Envoy ended ({status}); it said:\n{}", self.process.log_tail(20));
        }
        Ok(self.clock.now()?.into())
    }

    /// Its resident memory in MB (10⁶ bytes).
    pub fn rss_mb(&self) -> Result<f64> {
        rss_mb(self.process.pid())
    }

    /// How often a scenario has asked for a decision.
    pub fn decisions(&self, scenario: &str) -> Result<u64> {
        self.counter(&format!("cluster.{scenario}.upstream_rq_total"))
    }

    /// A counter or a gauge; 0 when Envoy has none of that name.
    pub fn counter(&self, name: &str) -> Result<u64> {
        let (status, body) = http_get(self.admin, &format!("/stats?filter={name}"))?;
        ensure!(status == 200, "/stats is answered {status}");
        let value =
            body.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
        value.map_or(Ok(0), |value| Ok(value.trim().parse()?))
    }
}

/// A closer look than [`Process::wait_ready`] takes: the time is a result.
fn wait_ready(process: &Process, admin: std::net::SocketAddr) -> Result<()> {
    let deadline = Instant::now() + READY_LIMIT;
    while !http_status(admin, "/ready").is_ok_and(|status| status == 200) {
        if let Some(status) = process.exited() {
            bail!("Envoy ended ({status}); it said:\n{}", process.log_tail(20));
        }
        ensure!(!is_stopping(), "stopped by a signal");
        ensure!(Instant::now() < deadline, "Envoy is not ready within {READY_LIMIT:?}");
        thread::sleep(POLL);
    }
    Ok(())
}
