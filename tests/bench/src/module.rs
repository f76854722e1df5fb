//! The module's size, and what it adds to Envoy's start and memory.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::check;
use crate::envoy::Envoy;
use crate::listeners::Reply;
use crate::ratio::median;
use crate::scenario;
use crate::site::Site;

const STARTS: usize = 5;
/// After the request, so that memory is that of a gateway at rest.
const REST: Duration = Duration::from_secs(1);

/// Medians of some starts.
pub struct Module {
    /// Of the shipped file.
    pub bytes: u64,
    /// From spawn to ready, with the filter.
    pub ready_ms: f64,
    /// The same without it.
    pub ready_without_ms: f64,
    /// Resident memory at rest, with the filter.
    pub rss_mb: f64,
    /// The same without it.
    pub rss_without_mb: f64,
}

impl Module {
    /// What the filter adds to resident memory.
    pub fn rss_delta_mb(&self) -> f64 {
        self.rss_mb - self.rss_without_mb
    }
}

/// Starts Envoy with and without the filter in turn.
pub fn measure(site: &Site) -> Result<Module> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        without.push(start(site, "no_filter")?);
        with.push(start(site, "claimgate_cached")?);
    }
    let ready = |starts: &[(f64, f64)]| median(starts.iter().map(|(ready, _)| *ready).collect());
    let rss = |starts: &[(f64, f64)]| median(starts.iter().map(|(_, rss)| *rss).collect());
    Ok(Module {
        bytes: fs::metadata(&site.plugin)?.len(),
        ready_ms: ready(&with),
        ready_without_ms: ready(&without),
        rss_mb: rss(&with),
        rss_without_mb: rss(&without),
    })
}

/// Milliseconds to ready and MB at rest, of an Envoy with one scenario.
fn start(site: &Site, name: &str) -> Result<(f64, f64)> {
    let scenario = scenario::all().into_iter().find(|scenario| scenario.name == name);
    let scenario = [scenario.with_context(|| format!("no scenario {name}"))?];
    let envoy = Envoy::start(site, &scenario, Reply::Plain)?;
    let [scenario] = &scenario;
    check::statuses_of(site, scenario)?;
    thread::sleep(REST);
    Ok((envoy.ready_after.as_secs_f64() * 1e3, envoy.rss_mb()?))
}
