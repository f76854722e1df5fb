//! What every configuration of one run shares: ports, paths, tokens.
//!
//! It must never hold a fixed port: another run may be on the same machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use claimgate_proc::Port;

use crate::scenario;
use crate::tokens::{Pool, Signer};

/// The path that is requested.
pub const PATH: &str = "/bench";

/// One run's surroundings.
pub struct Site {
    /// An Envoy.
    pub envoy: PathBuf,
    /// The optimised module.
    pub plugin: PathBuf,
    /// For this run's configurations and logs.
    pub folder: PathBuf,
    /// The admin interface.
    pub admin: Port,
    /// The listener that plays the identity provider.
    pub idp: Port,
    /// The listener that plays the decision point.
    pub decision_point: Port,
    /// Signs tokens; its public half is what the identity provider publishes.
    pub signer: Signer,
    /// The token of the scenarios with one caller.
    pub token: String,
    /// More tokens than any cache holds.
    pub pool: Pool,
    listeners: HashMap<&'static str, Port>,
    _alone: File,
}

impl Site {
    /// Takes ports, and makes tokens unless `folder` has them.
    pub fn new(envoy: &Path, plugin: &Path, folder: &Path) -> Result<Self> {
        let alone = alone(folder)?;
        let signer = Signer::new()?;
        let listener = |name| Ok((name, Port::free()?));
        let run = folder.join("run");
        let _ = fs::remove_dir_all(&run);
        fs::create_dir_all(&run).with_context(|| format!("cannot create {}", run.display()))?;
        Ok(Self {
            envoy: envoy.to_owned(),
            plugin: plugin.to_owned(),
            folder: run,
            admin: Port::free()?,
            idp: Port::free()?,
            decision_point: Port::free()?,
            token: signer.token("one-caller", &["user"])?,
            pool: Pool::open(&folder.join("tokens-rs256"), &signer)?,
            signer,
            listeners: scenario::all()
                .iter()
                .map(|scenario| listener(scenario.name))
                .collect::<Result<_>>()?,
            _alone: alone,
        })
    }

    /// Where a scenario takes its requests.
    pub fn address(&self, scenario: &str) -> Result<SocketAddr> {
        let port = self.listeners.get(scenario);
        port.map(local).with_context(|| format!("no listener for {scenario}"))
    }
}

/// Two runs at the same time would measure each other.
fn alone(folder: &Path) -> Result<File> {
    let file = File::create(folder.join("lock"))?;
    ensure!(file.try_lock().is_ok(), "another run is under way in {}", folder.display());
    Ok(file)
}

/// `port` on 127.0.0.1.
pub fn local(port: &Port) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port.number()))
}
