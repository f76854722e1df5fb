//! `compose.yaml` by Docker Compose itself, where there is no Docker and no registry: podman and runc answer for it.
//!
//! Our images are those of `dist/oci`, as they are. Programs that others ship come from this machine's own system,
//! read-only, since their images cannot be fetched from everywhere: `stand_in` says what each gets, `beside` what
//! else is different. It must never start anything that the file does not name, nor keep anything when it is done.

mod beside;
mod confined;
mod engine;
mod file;
mod stand_in;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

pub use file::{Compose, Service};
pub use text::Variables;

use crate::run::{self, Scratch};
use crate::stack::Stack;
use crate::{tools, workspace};
use engine::Engine;

/// How long everything may take to be healthy, in seconds: Keycloak puts itself together first.
const HEALTHY: &str = "300";
/// For a command of Compose: more than it gives itself.
const LIMIT: Duration = Duration::from_secs(360);

/// The containers of `compose.yaml`. Dropping it stops and removes them all, with their volumes.
#[derive(Debug)]
pub struct Containers {
    program: PathBuf,
    engine: Engine,
    variables: Variables,
    folder: Scratch,
}

/// What a test changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Files mounted in place of the file's own, by their path from the repository's root.
    pub mounts: BTreeMap<String, PathBuf>,
}

impl Containers {
    /// Starts all of them; healthy, and held to their limits, when this returns.
    pub fn start(changes: &Changes) -> Result<Self> {
        let folder = Scratch::new("compose")?;
        let variables = Variables::random()?;
        let compose = Compose::read(&file(), &variables)?;
        let engine = Engine::start(&tools::podman()?, folder.path())?;
        let containers = Self { program: tools::docker_compose()?, engine, variables, folder };
        containers.prepare(&compose, changes)?;
        let up = ["up", "--detach", "--pull=never", "--wait", "--wait-timeout", HEALTHY];
        containers.compose(&up).with_context(|| containers.log_tails(20))?;
        for (name, service) in &compose.services {
            let runs = containers.engine.inspect(&format!("{}-{name}-1", compose.name))?;
            confined::check(service, &runs).with_context(|| name.clone())?;
        }
        Ok(containers)
    }

    /// Images, passwords and the second file.
    fn prepare(&self, compose: &Compose, changes: &Changes) -> Result<()> {
        let mut stand_ins = BTreeMap::new();
        for (name, service) in &compose.services {
            match stand_in::of(name, service, &self.folder.path().join("images"))? {
                Some(stand_in) => {
                    self.engine.make(&service.image, &stand_in)?;
                    stand_ins.insert(name.as_str(), stand_in);
                }
                None => self.engine.take(&service.image)?,
            }
        }
        let beside = beside::file(compose, &stand_ins, changes)?;
        fs::write(self.beside(), beside.to_string())?;
        fs::write(self.passwords(), self.variables.to_env())?;
        Ok(())
    }

    fn compose(&self, args: &[&str]) -> Result<String> {
        let [file, beside, passwords] =
            [file(), self.beside(), self.passwords()].map(|path| path.display().to_string());
        let files =
            ["--progress=plain", "--env-file", &passwords, "--file", &file, "--file", &beside];
        // Nothing of the user's, who may have another engine.
        let (engine, folder) = (self.engine.url(), self.folder.path().display().to_string());
        let variables = [("DOCKER_HOST", &*engine), ("DOCKER_CONFIG", &*folder)];
        run::capture_with(&self.program, &[&files, args].concat(), &variables, LIMIT)
    }

    fn beside(&self) -> PathBuf {
        self.folder.path().join("beside.json")
    }

    fn passwords(&self) -> PathBuf {
        self.folder.path().join("passwords.env")
    }

    /// Writes where they are, for another process that reads it with [`Stack::elsewhere`].
    pub fn describe(&self, path: &Path) -> Result<()> {
        let secret = self.variables.get("GATEWAY_SECRET").unwrap_or_default();
        Stack::describe_published(secret, path)
    }

    /// The end of every container's log, for a failed test's message.
    #[must_use]
    pub fn log_tails(&self, lines: usize) -> String {
        self.engine.log_tails(lines)
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        // What it leaves the engine removes.
        let _ = self.compose(&["down", "--volumes", "--timeout", "3"]);
    }
}

fn file() -> PathBuf {
    workspace::root().join("compose.yaml")
}

/// A folder or file of the repository, as the file names it.
fn from_root(path: &str) -> PathBuf {
    workspace::root().join(path.trim_start_matches("./"))
}

fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}
