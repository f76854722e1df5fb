//! The controller as a process, and the Envoy that it runs.
//!
//! Its ports are fixed, so there is one on a machine at a time; whoever holds one of them is named.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use claimgate_proc::{
    Launch, Output, Process, http_status, is_stopping, port_holder, port_is_free, wait_until,
};
use serde_json::{Value, json};

use super::{World, host, manifests};
use crate::stack::Part;
use crate::{run, tools};

/// For configuration, for modules, for its health, for its own admin port and metrics, and for Envoy's readiness.
const PORTS: [u16; 6] = [18000, 18002, 8081, 19000, 19001, 19003];
/// A gateway's own, in its world's.
const FOLDER: &str = "gateway";
/// From the controller's start to an Envoy that answers.
const READY: Duration = Duration::from_secs(60);
/// How long the last one on this machine may take to let go of its ports.
const GONE: Duration = Duration::from_secs(15);

/// Envoy Gateway with an Envoy. Dropping it stops both.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    folder: PathBuf,
    address: SocketAddr,
}

impl Gateway {
    pub(super) fn start(world: &World, manifests: &[Value]) -> Result<Self> {
        let gateway = Self::launch(world, manifests)?;
        gateway.wait_until_listening()?;
        Ok(gateway)
    }

    pub(super) fn launch(world: &World, manifests: &[Value]) -> Result<Self> {
        wait_for_ports()?;
        let folder = world.folder.join(FOLDER);
        let _ = fs::remove_dir_all(&folder);
        let process = prepared(world, &folder, manifests)?.start()?;
        Ok(Self { process, address: world.stack.address(Part::Envoy), folder })
    }

    /// Where its configuration, its resources and its log are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it takes requests.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Envoy's own admin interface.
    pub fn admin(&self) -> Result<SocketAddr> {
        let files = fs::read_dir(self.folder.join("run"))?.flatten();
        let mut said =
            files.filter_map(|run| fs::read_to_string(run.path().join("admin-address.txt")).ok());
        let address = said.next().context("Envoy has not said where its admin interface is")?;
        Ok(address.trim().parse()?)
    }

    /// Writes an object down, new or anew; the controller sees it within a second.
    pub fn apply(&self, manifest: &Value) -> Result<()> {
        write(&self.folder.join("resources"), manifest)
    }

    /// Takes one away.
    pub fn delete(&self, kind: &str, name: &str) -> Result<()> {
        Ok(fs::remove_file(self.folder.join("resources").join(file_of(kind, name)))?)
    }

    /// The end of what controller and Envoy said.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        self.process.log_tail(lines)
    }

    fn wait_until_listening(&self) -> Result<()> {
        let answers = || http_status(self.address, "/nothing-here").is_ok();
        let came =
            wait_until(READY, || answers() || self.process.exited().is_some() || is_stopping());
        ensure!(
            came && self.process.exited().is_none() && !is_stopping(),
            "the gateway does not answer; controller and Envoy said:\n{}",
            self.log_tail(40)
        );
        Ok(())
    }
}

/// Where a gateway of this world has the controller's configuration.
pub(super) fn configuration(world: &Path) -> PathBuf {
    world.join(FOLDER).join("config")
}

fn wait_for_ports() -> Result<()> {
    let taken = || PORTS.into_iter().find(|port| !port_is_free(*port));
    if wait_until(GONE, || taken().is_none() || is_stopping()) {
        return Ok(());
    }
    let Some(port) = taken() else { return Ok(()) };
    let holder = port_holder(port).unwrap_or_else(|| "another program".to_owned());
    bail!("port {port}, which Envoy Gateway needs, is taken by {holder}");
}

/// Writes everything that the controller reads, and says how it is started.
fn prepared(world: &World, folder: &Path, manifests: &[Value]) -> Result<Launch> {
    let configuration = configuration(&world.folder);
    let [home, data, state, run, resources, scratch] =
        ["home", "data", "state", "run", "resources", "scratch"].map(|name| folder.join(name));
    let bin = data.join("envoy-versions").join(host::ENVOY_VERSION).join("bin");
    for folder in [&home, &configuration, &state, &run, &resources, &scratch, &bin] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    std::os::unix::fs::symlink(tools::envoy()?, bin.join("envoy"))?;
    let controller = tools::envoy_gateway()?;
    let at = configuration.display().to_string();
    let certificates = ["certgen", "--local", "--config-home", &at];
    run::succeed_quietly(&controller, &certificates, Duration::from_secs(60))?;
    let around = host::surroundings(&configuration, &scratch)?;
    manifests.iter().chain(&around).try_for_each(|manifest| write(&resources, manifest))?;
    let is_patched = manifests.iter().any(|one| manifests::kind(one) == "EnvoyPatchPolicy");
    let settings = json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        "provider": {"type": "Custom", "custom": {
            "resource": {"type": "File", "file": {"paths": [resources]}},
            "infrastructure": {"type": "Host", "host": {
                "configHome": configuration, "dataHome": data, "stateHome": state, "runtimeDir": run,
            }},
        }},
        "extensionApis": {"enableBackend": true, "enableEnvoyPatchPolicy": is_patched},
    });
    let file = folder.join("envoy-gateway.yaml");
    fs::write(&file, settings.to_string())?;
    let log = Output::Log(folder.join("envoy-gateway.log"));
    let launch = Launch::new("envoy-gateway", controller, log).dir(folder);
    let launch = launch.arg("server").arg("--config-path").arg(&file).env("HOME", &home);
    let secrets = world.secrets()?;
    Ok(secrets.iter().fold(launch, |launch, (name, value)| launch.env(name, value)))
}

/// One object a file: of several `EnvoyProxy`s in one the controller would read the last alone.
fn write(folder: &Path, manifest: &Value) -> Result<()> {
    let file = folder.join(file_of(manifests::kind(manifest), manifests::name(manifest)));
    // Whole or not at all: the controller reads the folder as soon as it changes.
    let new = folder.with_extension("new");
    fs::write(&new, serde_json::to_vec_pretty(manifest)?)?;
    Ok(fs::rename(new, file)?)
}

fn file_of(kind: &str, name: &str) -> String {
    format!("{kind}-{name}.yaml")
}
