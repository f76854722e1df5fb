//! What the numbers were measured on; without it they say little.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The machine, and how busy it was before the run.
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// What is measured beside our own: name and version.
    tools: Vec<(&'static str, String)>,
    load: String,
}

impl Machine {
    /// This one, now, with these programs: name, path, and the argument that makes each tell its
    /// version.
    pub fn here(programs: &[(&'static str, &Path, &str)]) -> Result<Self> {
        let read =
            |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
        let cpus = read("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let model =
            model.map_or(std::env::consts::ARCH, |line| line.trim_start_matches([' ', '\t', ':']));
        let load = read("/proc/loadavg")?;
        Ok(Self {
            cpu: model.to_owned(),
            cores: thread::available_parallelism()?.get(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            tools: programs
                .iter()
                .map(|(name, program, argument)| Ok((*name, version(program, argument)?)))
                .collect::<Result<_>>()?,
            load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        })
    }

    /// One line.
    pub fn line(&self) -> String {
        let Self { cpu, cores, kernel, tools, load } = self;
        let tools: String =
            tools.iter().map(|(name, version)| format!(", {name} {version}")).collect();
        format!("{cpu}, {cores} cores, Linux {kernel}{tools}, load average before the run {load}")
    }

    /// The same as an object.
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "cpu": self.cpu, "cores": self.cores, "kernel": self.kernel,
            "load_average": self.load,
        });
        for (name, version) in &self.tools {
            object[*name] = json!(version);
        }
        object
    }
}

/// `1.40.0` out of `…  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(program: &Path, argument: &str) -> Result<String> {
    let said = Command::new(program).arg(argument).output()?;
    let said = [said.stdout, said.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let version = said
        .split(|c: char| matches!(c, '/' | '`') || c.is_whitespace())
        .map(|part| part.trim_start_matches('v'))
        .find(|part| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.'));
    let version = version.with_context(|| format!("{} says no version", program.display()))?;
    Ok(version.to_owned())
}

/// The resident memory of a process in MB (10⁶ bytes).
pub fn rss_mb(pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = kib.context("no VmRSS")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0 / 1e6)
}
