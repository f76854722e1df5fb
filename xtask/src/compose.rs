//! `compose.yaml` as containers: by podman and runc, where there is no container engine and no registry.
//!
//! Our images are those of `dist/oci`, as they are. Programs that others ship come from this machine's own
//! system, read-only, since their images cannot be fetched from everywhere: `stand_in` says what each gets.
//! What the file says of users, networks, limits and file systems holds for all of them. It must never pass over
//! something in the file: a field that is not known here is an error.

mod file;
mod podman;
mod stand_in;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use claimgate_proc::{Process, is_stopping};

pub use file::{Compose, Service};
pub use text::Variables;

use crate::run::Scratch;
use crate::stack::Stack;
use crate::{say, tools, workspace};
use podman::Podman;

/// What is started first, and how long that may take: Keycloak puts itself together first.
const HEALTHY_LIMIT: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(500);

/// The containers of `compose.yaml`. Dropping it stops and removes them all, the last started first.
#[derive(Debug)]
pub struct Containers {
    started: Vec<Container>,
    podman: Podman,
    variables: Variables,
    folder: Scratch,
}

#[derive(Debug)]
struct Container {
    name: String,
    process: Process,
}

/// What a test changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Files mounted in place of the file's own, by their path from the repository's root.
    pub mounts: BTreeMap<String, PathBuf>,
}

impl Containers {
    /// Starts all of them, in the order that they ask for; healthy when this returns.
    pub fn start(changes: &Changes) -> Result<Self> {
        let folder = Scratch::new("compose")?;
        let variables = Variables::random()?;
        let compose = Compose::read(&workspace::root().join("compose.yaml"), &variables)?;
        let podman = Podman::new(&tools::podman()?, &compose)?;
        let mut containers = Self { started: Vec::new(), podman, variables, folder };
        for name in order(&compose)? {
            let service = compose.services.get(&name).context("it is in the order")?;
            containers.start_one(&name, service, changes)?;
        }
        Ok(containers)
    }

    /// Writes where they are, for another process that reads it with [`Stack::elsewhere`].
    pub fn describe(&self, path: &Path) -> Result<()> {
        let secret = self.variables.get("GATEWAY_SECRET").unwrap_or_default();
        Stack::describe_published(secret, path)
    }

    fn start_one(&mut self, name: &str, service: &Service, changes: &Changes) -> Result<()> {
        let begun = Instant::now();
        let log = self.folder.path().join(name).with_extension("log");
        let stand_in = stand_in::of(name, service, self.folder.path())?;
        let launch = self.podman.run(name, service, stand_in.as_ref(), changes, &log)?;
        let process = launch.start()?;
        self.started.push(Container { name: name.to_owned(), process });
        self.podman.join_others(name, service)?;
        self.wait_healthy(name, service)?;
        say(format_args!("{name}: healthy after {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    fn wait_healthy(&self, name: &str, service: &Service) -> Result<()> {
        let end = Instant::now() + HEALTHY_LIMIT;
        while !self.podman.is_healthy(name, service) {
            let container = self.started.iter().find(|one| one.name == name);
            let process = &container.context("it was started")?.process;
            let tail = || process.log_tail(30);
            if let Some(status) = process.exited() {
                bail!("{name} ended ({status}); it said:\n{}", tail());
            }
            ensure!(Instant::now() < end && !is_stopping(), "{name} is not healthy:\n{}", tail());
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// The end of every container's log, for a failed test's message.
    #[must_use]
    pub fn log_tails(&self, lines: usize) -> String {
        let tail = |one: &Container| format!("--- {}\n{}\n", one.name, one.process.log_tail(lines));
        self.started.iter().map(tail).collect()
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        while let Some(Container { name, process }) = self.started.pop() {
            self.podman.remove(&name);
            drop(process);
        }
        self.podman.remove_networks();
    }
}

/// Every service behind those that it depends on.
fn order(compose: &Compose) -> Result<Vec<String>> {
    let mut ordered: Vec<String> = Vec::new();
    let mut left: BTreeSet<&String> = compose.services.keys().collect();
    while !left.is_empty() {
        let is_next = |name: &&&String| {
            let needs = compose.services.get(**name).map(|service| &service.depends_on);
            needs.is_none_or(|needs| needs.keys().all(|need| ordered.contains(need)))
        };
        let next = left.iter().copied().find(|name| is_next(&name));
        let next = next.with_context(|| format!("{left:?} wait for each other"))?;
        left.remove(next);
        ordered.push(next.clone());
    }
    Ok(ordered)
}

/// A folder or file of the repository, as the file names it.
fn from_root(path: &str) -> PathBuf {
    workspace::root().join(path.trim_start_matches("./"))
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}
