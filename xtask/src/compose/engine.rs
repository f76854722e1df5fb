//! Podman as the engine that Docker Compose talks to, with a store of its own below the target folder: nothing of
//! the user's is seen or touched.
//!
//! It must never know what the containers are for.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output, Process, wait_until};
use serde_json::Value;

use super::stand_in::StandIn;
use crate::{package, run, workspace};

/// For one command; a layer of some hundred megabytes is copied by the longest.
const LIMIT: Duration = Duration::from_secs(180);
/// Until it listens.
const LISTENS: Duration = Duration::from_secs(20);
/// How often every container's health check is made: systemd would do that where there is one.
const CHECKED: Duration = Duration::from_secs(1);

/// A running engine. Dropping it ends it; what runs in it has to be removed before.
#[derive(Debug)]
pub(super) struct Engine {
    podman: Podman,
    socket: PathBuf,
    checks: Option<Checks>,
    process: Process,
}

#[derive(Clone, Debug)]
struct Podman {
    program: PathBuf,
    store: PathBuf,
}

/// Who makes the health checks, until the sender is gone.
#[derive(Debug)]
struct Checks {
    until: Sender<()>,
    thread: JoinHandle<()>,
}

impl Engine {
    /// Starts it with its socket and its log below `folder`.
    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let store = workspace::target_dir()?.join("compose");
        let podman = Podman { program: program.to_owned(), store };
        podman.forget()?;
        let (socket, log) = (folder.join("engine.sock"), folder.join("engine.log"));
        let launch = Launch::new("podman", program, Output::Log(log)).args(podman.options());
        let url = format!("unix://{}", socket.display());
        // Without systemd it could make no timers for health checks, and would start nothing that has one.
        let launch = launch.args(["system", "service", "--time=0", &url]);
        let process = launch.env("DISABLE_HC_SYSTEMD", "true").dir(workspace::root()).start()?;
        let listens = wait_until(LISTENS, || socket.exists() || process.exited().is_some());
        ensure!(listens && socket.exists(), "podman does not listen:\n{}", process.log_tail(20));
        let (until, stopped) = channel();
        let checker = podman.clone();
        let thread = thread::spawn(move || checker.check_health(&stopped));
        Ok(Self { podman, socket, checks: Some(Checks { until, thread }), process })
    }

    /// What `DOCKER_HOST` has to be.
    pub(super) fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Takes one of our images out of the layout, under the name that the file gives it.
    pub(super) fn take(&self, image: &str) -> Result<()> {
        let ours = image.strip_prefix(package::PUBLISHED).context("not an image of ours")?;
        let (name, _tag) = ours.split_once(':').with_context(|| format!("{image} has no tag"))?;
        let source = format!("oci:{}:{name}", package::folder().display());
        let pulled = self.podman.ask(&["pull", "--quiet", &source])?;
        let id = pulled.lines().last().unwrap_or_default().to_owned();
        self.podman.ask(&["tag", &id, image]).map(drop)
    }

    /// Makes an image of what stands in for another, under that one's name.
    pub(super) fn make(&self, image: &str, stand_in: &StandIn) -> Result<()> {
        let archive = stand_in.root.with_extension("tar");
        let (root, file) = (stand_in.root.display().to_string(), archive.display().to_string());
        run::succeed_quietly(Path::new("tar"), &["-C", &root, "-cf", &file, "."], LIMIT)?;
        let entrypoint = format!("ENTRYPOINT {}", serde_json::to_string(&stand_in.entrypoint)?);
        self.podman.ask(&["import", "--quiet", "--change", &entrypoint, &file, image])?;
        std::fs::remove_file(&archive).with_context(|| file)
    }

    /// What the engine says of a container.
    pub(super) fn inspect(&self, container: &str) -> Result<Value> {
        let said = self.podman.ask(&["container", "inspect", container])?;
        let [one]: [Value; 1] = serde_json::from_str(&said).context("podman container inspect")?;
        Ok(one)
    }

    /// The end of what each container said, and of what the engine did.
    pub(super) fn log_tails(&self, lines: usize) -> String {
        let count = lines.to_string();
        let tail = |name: String| {
            let said = self.podman.ask(&["logs", "--tail", &count, &name]);
            let said = said.unwrap_or_else(|error| format!("{error:#}"));
            format!("--- {name}\n{said}\n")
        };
        let containers: String = self.podman.containers().into_iter().map(tail).collect();
        format!("{containers}--- podman\n{}\n", self.process.log_tail(lines))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(Checks { until, thread }) = self.checks.take() {
            drop(until);
            let _ = thread.join();
        }
        let _ = self.podman.forget();
    }
}

impl Podman {
    /// Removes whatever was made, also by a run that was killed; images stay.
    fn forget(&self) -> Result<()> {
        self.ask(&["rm", "--all", "--force", "--time", "0"])?;
        self.ask(&["volume", "rm", "--all", "--force"])?;
        self.ask(&["network", "prune", "--force"]).map(drop)
    }

    fn check_health(&self, stopped: &Receiver<()>) {
        while stopped.recv_timeout(CHECKED) == Err(RecvTimeoutError::Timeout) {
            for container in self.containers() {
                // What it found is in the container's state, which is where Compose looks.
                let _ = self.ask(&["healthcheck", "run", &container]);
            }
        }
    }

    fn containers(&self) -> Vec<String> {
        let names = self.ask(&["ps", "--all", "--format={{.Names}}"]).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    }

    fn ask(&self, args: &[&str]) -> Result<String> {
        let options = self.options();
        let options: Vec<_> =
            options.iter().map(String::as_str).chain(args.iter().copied()).collect();
        run::capture(&self.program, &options, LIMIT)
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
