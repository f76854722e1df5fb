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

/// After the request, so that memory is that of a gateway at rest.
const REST: Duration = Duration::from_secs(1);

/// What is started in turn: without a filter, with a module that does nothing, with the filter.
pub const STARTED: [&str; 3] = ["no_filter", "wasm_noop", "claimgate_cached"];

/// Medians of some starts, each in the order of [`STARTED`].
pub struct Module {
    /// Of the shipped file.
    pub bytes: u64,
    /// From spawn to ready.
    pub ready_ms: [f64; 3],
    /// Resident memory at rest.
    pub rss_mb: [f64; 3],
}

impl Module {
    /// What the filter adds to resident memory.
    pub fn rss_delta_mb(&self) -> f64 {
        let [without, _, with] = self.rss_mb;
        with - without
    }
}

/// Starts Envoy some times with each.
pub fn measure(site: &Site, starts: usize) -> Result<Module> {
    let mut ready: [Vec<f64>; 3] = Default::default();
    let mut rss: [Vec<f64>; 3] = Default::default();
    for _ in 0..starts {
        for ((name, ready), rss) in STARTED.into_iter().zip(&mut ready).zip(&mut rss) {
            let (ready_ms, rss_mb) = start(site, name)?;
            ready.push(ready_ms);
            rss.push(rss_mb);
        }
    }
    let bytes = fs::metadata(&site.paths.plugin)?.len();
    Ok(Module { bytes, ready_ms: ready.map(median), rss_mb: rss.map(median) })
}

/// Milliseconds to ready and MB at rest, of an Envoy with one scenario.
fn start(site: &Site, name: &str) -> Result<(f64, f64)> {
    let scenario = scenario::all().into_iter().find(|scenario| scenario.name == name);
    let scenario = [scenario.with_context(|| format!("no scenario {name}"))?];
    let envoy = Envoy::start(site, &scenario, Reply::Plain, 1)?;
    check::statuses(site, &scenario)?;
    thread::sleep(REST);
    Ok((envoy.ready_after.as_secs_f64() * 1e3, envoy.rss_mb()?))
}
