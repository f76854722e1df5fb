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
    envoy: String,
    load: String,
}

impl Machine {
    /// This one, now.
    pub fn here(envoy: &Path) -> Result<Self> {
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
            envoy: version(envoy)?,
            load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        })
    }

    /// One line.
    pub fn line(&self) -> String {
        let Self { cpu, cores, kernel, envoy, load } = self;
        format!(
            "{cpu}, {cores} cores, Linux {kernel}, Envoy {envoy}, load average before the run {load}"
        )
    }

    /// The same as an object.
    pub fn to_json(&self) -> Value {
        json!({
            "cpu": self.cpu, "cores": self.cores, "kernel": self.kernel,
            "envoy": self.envoy, "load_average": self.load,
        })
    }
}

/// `1.40.0` out of `…  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(envoy: &Path) -> Result<String> {
    let said = Command::new(envoy).arg("--version").output()?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let version = said
        .split('/')
        .find(|part| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.'));
    Ok(version.context("Envoy does not say its version")?.to_owned())
}
