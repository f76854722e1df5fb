//! A service beside the stack's own: another version of one, or one that is spoken to in another way.
//!
//! It must never differ from the stack's in anything that its maker does not say.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use claimgate_proc::{Launch, Output, Port, Process, Ready};

use crate::workspace;

const READY: Duration = Duration::from_secs(30);

/// One that runs, on a free port of loopback. Dropping it stops it.
#[derive(Debug)]
pub struct Beside {
    /// Stopped before the port is given back.
    process: Process,
    launch: Launch,
    ready: Ready,
    port: Port,
}

impl Beside {
    /// `program` as `name`, with whatever `with` adds. Ready when `health` is answered, or without one when it accepts
    /// connections.
    pub(super) fn start(
        (name, program): (&str, &str),
        folder: &Path,
        health: Option<&str>,
        with: impl FnOnce(Launch) -> Launch,
    ) -> Result<Self> {
        let port = Port::free()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let log = Output::Log(folder.join(name).with_extension("log"));
        let launch = Launch::new(name, workspace::debug_binary(program)?, log);
        let launch = launch.dir(workspace::root()).args(["--listen", &address.to_string()]);
        let launch = with(launch);
        let ready =
            health.map_or(Ready::Tcp(address), |path| Ready::Http(address, path.to_owned()));
        let process = launch.start()?;
        process.wait_ready(&ready, READY)?;
        Ok(Self { process, launch, ready, port })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where it takes requests.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port()))
    }

    /// To freeze, thaw or kill it.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Starts it again on its port; ready when this returns.
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop();
        self.process = self.launch.start()?;
        Ok(self.process.wait_ready(&self.ready, READY)?)
    }
}
