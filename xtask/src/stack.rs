//! The demo system as processes: identity provider, authorization service, two services, Redis
//! when asked for, and Envoy in front.
//!
//! `cargo xtask demo` runs one on the contract's ports; each end-to-end test that breaks something
//! runs its own on free ports. Every part has a log file and can be frozen, killed and started
//! again. Nothing of a stack outlives it. It must never build anything: see [`build_parts`].

mod builder;
mod keycloak;
mod parts;
mod ports;
mod render;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Process, Ready, http_get, is_stopping, wait_until};
use serde_json::Value;

pub(crate) use builder::random_secret;
pub use builder::{Builder, IdentityKey};
pub use keycloak::{ADMIN as KEYCLOAK_ADMIN, realm};
pub use parts::{Part, build_parts};
pub use ports::Ports;
pub use render::render;

use crate::run::Scratch;

/// The variable that names the file of a stack that already runs ([`Stack::elsewhere`]), for tests that only ask.
pub const RUNNING: &str = "CLAIMGATE_STACK";
/// The variable that is set where Envoy's own filters refuse in place of ours, for tests that only ask: Envoy says it in
/// other words.
pub const ENVOY_REFUSES: &str = "CLAIMGATE_ENVOY_REFUSES";
/// How long a part may take to be usable; Envoy compiles the module within it.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// The same of Keycloak, which first makes its database and reads the realm.
const KEYCLOAK_LIMIT: Duration = Duration::from_secs(180);
/// How long Envoy may take from then on to have probed every service.
const HEALTHY_LIMIT: Duration = Duration::from_secs(10);

/// A running demo system. Dropping it stops everything, the last started first.
#[derive(Debug)]
pub struct Stack {
    /// In the order of their start; dropped by hand, in reverse.
    members: Vec<Member>,
    ports: Ports,
    secret: String,
    admin_password: String,
    folder: Folder,
}

#[derive(Debug)]
struct Member {
    part: Part,
    launch: Launch,
    ready: Ready,
    limit: Duration,
    process: Option<Process>,
}

#[derive(Debug)]
enum Folder {
    Kept(std::path::PathBuf),
    Temporary(Scratch),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(scratch) => scratch.path(),
        }
    }
}

impl Stack {
    /// A stack on free ports, with a folder of its own, no Redis, and Envoy with two workers.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A stack that somebody else started and stops, as the file at `path` says it: its ports by their
    /// names in [`Ports`], all on 127.0.0.1, and its `secret`. It has no part that could be restarted.
    pub fn elsewhere(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| path.display().to_string())?;
        let said: Value =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        let ports = Ports::elsewhere(&said).with_context(|| path.display().to_string())?;
        let secret = said.get("secret").and_then(Value::as_str).unwrap_or_default().to_owned();
        let folder = Folder::Temporary(Scratch::new("elsewhere")?);
        Ok(Self { members: Vec::new(), ports, secret, admin_password: String::new(), folder })
    }

    /// Writes what [`Self::elsewhere`] reads, for another process.
    pub fn describe(&self, path: &Path) -> Result<()> {
        let said = self.ports.to_json(&self.secret);
        std::fs::write(path, said.to_string()).with_context(|| path.display().to_string())
    }

    /// The same of a stack of which only gateway and identity provider can be reached, on the contract's
    /// ports.
    pub fn describe_published(secret: &str, path: &Path) -> Result<()> {
        let said = Ports::published().to_json(secret);
        std::fs::write(path, said.to_string()).with_context(|| path.display().to_string())
    }

    /// The ports of every part.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// `http://127.0.0.1:PORT` of the gateway.
    #[must_use]
    pub fn gateway(&self) -> String {
        self.url(Part::Envoy)
    }

    /// `http://127.0.0.1:PORT` of a part, past the gateway.
    #[must_use]
    pub fn url(&self, part: Part) -> String {
        format!("http://{}", self.address(part))
    }

    /// The address of a part, past the gateway.
    #[must_use]
    pub fn address(&self, part: Part) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.ports.of(part)))
    }

    /// The issuer in this stack's tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.ports.issuer()
    }

    /// What the gateway adds as `x-gateway-secret`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The password of Keycloak's [`KEYCLOAK_ADMIN`].
    #[must_use]
    pub fn admin_password(&self) -> &str {
        &self.admin_password
    }

    /// The folder with the rendered configuration and one `<part>.log` each.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The authorization service's database, where it is [`Builder::administered`].
    #[must_use]
    pub fn database(&self) -> String {
        database(self.folder())
    }

    /// A running part, to freeze, thaw or kill it. The error: it is not part of this stack, or
    /// was left out and never started.
    pub fn part(&self, part: Part) -> Result<&Process> {
        let process = self.member(part)?.process.as_ref();
        process.with_context(|| format!("{} was never started", part.name()))
    }

    /// Stops a part if it runs and starts it again on the same port; ready, and for a service healthy
    /// in the gateway's eyes, when this returns. Also starts a part that was left out.
    pub fn restart(&mut self, part: Part) -> Result<()> {
        let member = self.members.iter_mut().find(|member| member.part == part);
        let member = member.with_context(|| format!("{} is no part of it", part.name()))?;
        // Stopped before the new one starts: they want the same port.
        drop(member.process.take());
        member.start()?;
        member.wait_ready()?;
        let gateway_runs = self.part(Part::Envoy).is_ok_and(|envoy| envoy.exited().is_none());
        if gateway_runs { self.wait_healthy(part.cluster().as_slice()) } else { Ok(()) }
    }

    /// The first part that has ended by itself, with the end of its log.
    #[must_use]
    pub fn dead(&self) -> Option<String> {
        let mut running = self.members.iter().filter_map(|member| member.process.as_ref());
        running.find_map(|process| {
            let status = process.exited()?;
            Some(format!("{} ended ({status}); it said:\n{}", process.name(), process.log_tail(20)))
        })
    }

    /// The end of every part's log, for a failed test's message.
    #[must_use]
    pub fn log_tails(&self, lines: usize) -> String {
        let running = self.members.iter().filter_map(|member| member.process.as_ref());
        let logs =
            running.map(|process| format!("--- {}\n{}\n", process.name(), process.log_tail(lines)));
        logs.collect()
    }

    /// The clusters behind the parts that were started.
    fn clusters(&self) -> Vec<&'static str> {
        let started = self.members.iter().filter(|member| member.process.is_some());
        started.filter_map(|member| member.part.cluster()).collect()
    }

    /// Waits until Envoy has found these healthy: it begins to serve before that when a busy machine
    /// makes its first probes late.
    fn wait_healthy(&self, clusters: &[&str]) -> Result<()> {
        let admin = parts::local(self.ports.envoy_admin);
        let all_healthy = || {
            let stats = http_get(admin, "/stats?filter=membership_healthy");
            stats.is_ok_and(|(_, stats)| {
                let healthy =
                    |name: &&str| stats.contains(&format!("cluster.{name}.membership_healthy: 1"));
                clusters.iter().all(healthy)
            })
        };
        let healthy = wait_until(HEALTHY_LIMIT, || all_healthy() || is_stopping());
        ensure!(healthy, "Envoy does not reach {}:\n{}", clusters.join(", "), self.log_tails(5));
        Ok(())
    }

    fn member(&self, part: Part) -> Result<&Member> {
        let member = self.members.iter().find(|member| member.part == part);
        member.with_context(|| format!("{} is no part of it", part.name()))
    }
}

fn database(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("authz.db").display())
}

impl Drop for Stack {
    fn drop(&mut self) {
        while self.members.pop().is_some() {}
    }
}

impl Member {
    fn start(&mut self) -> Result<()> {
        self.process = Some(self.launch.start()?);
        Ok(())
    }

    /// A part that was left out is ready as it is.
    fn wait_ready(&self) -> Result<()> {
        let Some(process) = &self.process else { return Ok(()) };
        Ok(process.wait_ready(&self.ready, self.limit)?)
    }
}
