//! Podman, with a store of its own below the target folder: nothing of the user's is seen or touched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output, wait_until};

use super::file::{Compose, Service};
use super::stand_in::StandIn;
use super::{Changes, from_root};
use crate::{package, run, workspace};

/// For one command that is not the container itself.
const LIMIT: Duration = Duration::from_secs(120);
/// Until a container that was started is there.
const JOIN_LIMIT: Duration = Duration::from_secs(20);
/// Addresses of containers are chosen here, since names are told by `/etc/hosts`: networks are 10.87.N.0/24.
const NETWORKS: &str = "10.87";
/// The first address that a container may have.
const FIRST: usize = 10;

/// Podman for one project.
#[derive(Debug)]
pub(super) struct Podman {
    program: PathBuf,
    store: PathBuf,
    project: String,
    /// In the order of their addresses.
    networks: Vec<String>,
    services: Vec<String>,
    /// Which networks each service is in.
    joined: Vec<Vec<String>>,
    /// Which networks have no way out, and no address of this machine.
    internal: Vec<String>,
}

impl Podman {
    /// With the project's networks, and our images in its store.
    pub(super) fn new(program: &Path, compose: &Compose) -> Result<Self> {
        let podman = Self {
            program: program.to_owned(),
            store: workspace::target_dir()?.join("compose"),
            project: compose.name.clone(),
            networks: compose.networks.keys().cloned().collect(),
            services: compose.services.keys().cloned().collect(),
            joined: compose.services.values().map(|one| one.networks.clone()).collect(),
            internal: compose
                .networks
                .iter()
                .filter(|(_, one)| one.internal)
                .map(|(name, _)| name.clone())
                .collect(),
        };
        // What a run that was killed has left.
        podman.ask(&["rm", "--all", "--force", "--time", "0"])?;
        podman.remove_networks();
        for (number, (name, network)) in compose.networks.iter().enumerate() {
            podman.create_network(number, name, network.internal)?;
        }
        for service in compose.services.values() {
            podman.take_image(&service.image)?;
        }
        Ok(podman)
    }

    fn create_network(&self, number: usize, name: &str, internal: bool) -> Result<()> {
        let (name, subnet) = (self.network(name), format!("{NETWORKS}.{number}.0/24"));
        let mut args = vec!["network", "create", "--subnet", &subnet, &name];
        if internal {
            args.insert(2, "--internal");
        }
        self.ask(&args).map(drop)
    }

    /// Takes one of ours out of the layout, under the name that the file gives it.
    fn take_image(&self, image: &str) -> Result<()> {
        let Some(ours) = image.strip_prefix(package::PUBLISHED) else { return Ok(()) };
        let (name, _tag) = ours.split_once(':').with_context(|| format!("{image} has no tag"))?;
        let source = format!("oci:{}:{name}", package::folder().display());
        let pulled = self.ask(&["pull", "--quiet", &source])?;
        let id = pulled.lines().last().unwrap_or_default().to_owned();
        self.ask(&["tag", &id, image]).map(drop)
    }

    /// The container of a service, in the foreground: it ends with its process.
    pub(super) fn run(
        &self,
        name: &str,
        service: &Service,
        stand_in: Option<&StandIn>,
        changes: &Changes,
        log: &Path,
    ) -> Result<Launch> {
        let launch = self.launch(name, Output::Log(log.to_owned()));
        let launch = launch.args(["run", "--rm", "--name", &self.container(name)]);
        let launch = confined(launch, service)?;
        let launch = self.connected(launch, name, service)?;
        let launch = mounted(launch, service, stand_in, changes)?;
        // By name alone: a value would be in the process list.
        let launch = service.environment.iter().fold(launch, |launch, (variable, value)| {
            launch.args(["--env", variable]).env(variable, value)
        });
        let started = match stand_in {
            Some(stand_in) if service.entrypoint.is_empty() => &stand_in.entrypoint,
            _ => &service.entrypoint,
        };
        let launch = match started.as_slice() {
            [] => launch,
            words => launch.arg("--entrypoint").arg(serde_json::to_string(words)?),
        };
        let launch = match stand_in {
            // Changes would go to a folder beside it, and there are none: it is read-only.
            Some(_) => launch.args(["--rootfs", "/:O"]),
            None => launch.arg(&service.image),
        };
        Ok(launch.args(&service.command))
    }

    fn connected(&self, launch: Launch, name: &str, service: &Service) -> Result<Launch> {
        let mut launch = launch;
        for network in &service.networks {
            if !self.is_joined_later(network, service) {
                let address = self.address(network, name)?;
                launch = launch.arg(format!("--network={}:ip={address}", self.network(network)));
            }
            for other in self.others(network, name) {
                let address = self.address(network, other)?;
                launch = launch.arg(format!("--add-host={other}:{address}"));
            }
        }
        Ok(service.ports.iter().fold(launch, |launch, port| launch.args(["--publish", port])))
    }

    /// A published port leads to whichever network of its container was there first: it has to be one that this
    /// machine is in.
    fn is_joined_later(&self, network: &String, service: &Service) -> bool {
        !service.ports.is_empty() && self.internal.contains(network)
    }

    /// Joins the networks that a container which has just been started did not begin with.
    pub(super) fn join_others(&self, name: &str, service: &Service) -> Result<()> {
        let container = self.container(name);
        let later = service.networks.iter().filter(|one| self.is_joined_later(one, service));
        for network in later {
            let (address, network) = (self.address(network, name)?, self.network(network));
            let join = || {
                let args = ["network", "connect", "--ip", &address, &network, &container];
                self.ask(&args).is_ok()
            };
            ensure!(wait_until(JOIN_LIMIT, join), "{name} cannot join {network}");
        }
        Ok(())
    }

    /// Who else is in a network.
    fn others<'a>(&'a self, network: &'a str, name: &'a str) -> impl Iterator<Item = &'a String> {
        let there = self.services.iter().zip(&self.joined);
        let there = there.filter(move |(other, joined)| {
            other.as_str() != name && joined.iter().any(|one| one == network)
        });
        there.map(|(other, _)| other)
    }

    fn address(&self, network: &str, name: &str) -> Result<String> {
        let position = |all: &[String], one: &str| all.iter().position(|other| other == one);
        let network_number = position(&self.networks, network);
        let network_number = network_number.with_context(|| format!("no network {network}"))?;
        let number =
            position(&self.services, name).with_context(|| format!("no service {name}"))?;
        Ok(format!("{NETWORKS}.{network_number}.{}", FIRST + number))
    }

    /// Whether its health check succeeds now.
    pub(super) fn is_healthy(&self, name: &str, service: &Service) -> bool {
        let [kind, test @ ..] = service.healthcheck.test.as_slice() else { return false };
        let container = self.container(name);
        let words = ["exec", &container].into_iter().chain(test.iter().map(String::as_str));
        kind == "CMD" && self.ask(&words.collect::<Vec<_>>()).is_ok()
    }

    pub(super) fn remove(&self, name: &str) {
        let _ = self.ask(&["rm", "--force", "--time", "3", &self.container(name)]);
    }

    pub(super) fn remove_networks(&self) {
        for network in &self.networks {
            let _ = self.ask(&["network", "rm", "--force", &self.network(network)]);
        }
    }

    fn container(&self, name: &str) -> String {
        format!("{}-{name}", self.project)
    }

    fn network(&self, name: &str) -> String {
        format!("{}_{name}", self.project)
    }

    fn ask(&self, args: &[&str]) -> Result<String> {
        let options = self.options();
        let options: Vec<_> =
            options.iter().map(String::as_str).chain(args.iter().copied()).collect();
        run::capture(&self.program, &options, LIMIT)
    }

    fn launch(&self, name: &str, output: Output) -> Launch {
        Launch::new(name, &self.program, output).args(self.options()).dir(workspace::root())
    }

    /// Neither systemd nor a session of anybody is needed for these.
    fn options(&self) -> Vec<String> {
        let below = |name: &str| self.store.join(name).display().to_string();
        vec![
            format!("--root={}", below("store")),
            format!("--runroot={}", below("run")),
            format!("--network-config-dir={}", below("networks")),
            "--storage-driver=vfs".into(),
            "--cgroup-manager=cgroupfs".into(),
            "--events-backend=file".into(),
            "--runtime=runc".into(),
        ]
    }
}

/// What the file says of what it may do and use.
fn confined(launch: Launch, service: &Service) -> Result<Launch> {
    ensure!(service.read_only, "{} may write everywhere", service.image);
    let launch = launch.args(["--read-only", "--read-only-tmpfs=false", "--pull=never"]);
    let launch = launch.args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]);
    let dropped = |launch: Launch, one: &String| launch.arg(format!("--cap-drop={one}"));
    let launch = service.cap_drop.iter().fold(launch, dropped);
    let option = |launch: Launch, one: &String| {
        // Podman's name for it has no value.
        launch.arg(format!("--security-opt={}", one.trim_end_matches(":true")))
    };
    let launch = service.security_opt.iter().fold(launch, option);
    let launch = match &service.user {
        Some(user) => launch.arg(format!("--user={user}")),
        None => launch,
    };
    Ok(launch
        .arg(format!("--memory={}", service.mem_limit))
        .arg(format!("--cpus={}", service.cpus))
        .arg(format!("--pids-limit={}", service.pids_limit)))
}

fn mounted(
    launch: Launch,
    service: &Service,
    stand_in: Option<&StandIn>,
    changes: &Changes,
) -> Result<Launch> {
    let mut launch = launch;
    for (here, there) in stand_in.iter().flat_map(|stand_in| &stand_in.mounts) {
        launch = launch.arg(format!("--volume={}:{there}:ro", here.display()));
    }
    for (here, there) in stand_in.iter().flat_map(|stand_in| &stand_in.volumes) {
        launch = launch.arg(format!("--volume={}:{there}", here.display()));
    }
    for volume in service.volumes.iter().filter(|volume| volume.starts_with("./")) {
        let (here, there) =
            volume.split_once(':').with_context(|| format!("{volume} names no place"))?;
        let changed = changes.mounts.get(here.trim_start_matches("./"));
        let here = changed.cloned().unwrap_or_else(|| from_root(here));
        ensure!(here.exists(), "{} is not there, and {} needs it", here.display(), service.image);
        launch = launch.arg(format!("--volume={}:{there}", here.display()));
    }
    let tmpfs = |launch: Launch, one: &String| launch.arg(format!("--tmpfs={one},notmpcopyup"));
    Ok(service.tmpfs.iter().fold(launch, tmpfs))
}
