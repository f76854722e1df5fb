//! A registry on this machine, for what needs one to pull from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::json;

use super::Registry;
use crate::tools;

const READY: Duration = Duration::from_secs(10);

/// A registry of its own on a free port of loopback, without TLS. Gone when dropped.
#[derive(Debug)]
pub struct LocalRegistry {
    name: String,
    folder: PathBuf,
    _process: Process,
    _port: Port,
}

impl LocalRegistry {
    /// An empty one that keeps its content and its log in this folder.
    pub fn start(folder: &Path) -> Result<Self> {
        let port = Port::free()?;
        let address = format!("127.0.0.1:{}", port.number());
        let settings = json!({
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": folder.join("data")}},
            "http": {"addr": address},
        });
        let file = folder.join("registry.yml");
        fs::write(&file, settings.to_string()).with_context(|| file.display().to_string())?;
        let log = Output::Log(folder.join("registry.log"));
        let launch = Launch::new("docker-registry", tools::docker_registry()?, log);
        let process = launch.arg("serve").arg(&file).start()?;
        process.wait_ready(&Ready::Http(address.parse()?, "/v2/".to_owned()), READY)?;
        let name = format!("{address}/claimgate");
        Ok(Self { name, folder: folder.to_owned(), _process: process, _port: port })
    }

    /// What is before our repositories in it: `127.0.0.1:PORT/claimgate`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// It, to push to.
    pub fn registry(&self) -> Result<Registry> {
        Registry::new(&self.name)
    }

    /// Where it keeps the bytes of all content, by their digests.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.folder.join("data/docker/registry/v2/blobs/sha256")
    }
}
