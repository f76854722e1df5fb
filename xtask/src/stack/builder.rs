//! Choices for one stack, and its start.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::parts::{Part, Plan};
use super::ports::Ports;
use super::render::heed_logouts;
use super::{Folder, KEYCLOAK_LIMIT, Member, READY_LIMIT, Stack, render};
use crate::run::Scratch;

type Edit = Box<dyn FnOnce(&mut Value)>;

/// A key pair that signs who callers are, and where.
#[derive(Clone, Debug)]
pub struct IdentityKey {
    /// The PEM file with the private half.
    pub private: PathBuf,
    /// The PEM files with the public halves that are published.
    pub public: Vec<PathBuf>,
    /// Templates of the routes that lead to customer-service.
    pub routes: Vec<String>,
}

/// Made by [`Stack::builder`].
pub struct Builder {
    pub(super) redis: bool,
    pub(super) administered: bool,
    pub(super) roles_believed_for: Option<Duration>,
    pub(super) signing_key: Option<PathBuf>,
    pub(super) token_lifetime: Option<Duration>,
    pub(super) workers: u32,
    pub(super) identity_key: Option<IdentityKey>,
    pub(super) keycloak: Option<PathBuf>,
    fixed_ports: bool,
    folder: Option<PathBuf>,
    left_out: Vec<Part>,
    edits: Vec<Edit>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            redis: false,
            administered: false,
            roles_believed_for: None,
            signing_key: None,
            token_lifetime: None,
            workers: 2,
            identity_key: None,
            keycloak: None,
            fixed_ports: false,
            folder: None,
            left_out: Vec::new(),
            edits: Vec::new(),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("redis", &self.redis).finish_non_exhaustive()
    }
}

impl Builder {
    /// The contract's ports instead of free ones.
    #[must_use]
    pub fn fixed_ports(mut self) -> Self {
        self.fixed_ports = true;
        self
    }

    /// A real Redis, on a data folder of its own, as the authorization service's cache.
    #[must_use]
    pub fn redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// The authorization service keeps its data in a file, [`super::Stack::database`], and has its
    /// administration API; what it decides may be kept for a minute.
    #[must_use]
    pub fn administered(mut self) -> Self {
        self.administered = true;
        self
    }

    /// How long the authorization service believes roles that it read from Redis, in whole seconds;
    /// its own default when not set.
    #[must_use]
    pub fn roles_believed_for(mut self, span: Duration) -> Self {
        self.roles_believed_for = Some(span);
        self
    }

    /// The identity provider signs with the key in this PEM file, not with a new one.
    #[must_use]
    pub fn signing_key(mut self, pem: impl Into<PathBuf>) -> Self {
        self.signing_key = Some(pem.into());
        self
    }

    /// How long tokens live, in whole seconds; the contract's 300 s when not set.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// Envoy has the private half in its variable `IDENTITY_KEY`, the authorization service publishes
    /// the public one, and customer-service wants statements signed with it: of `claimgate`, for
    /// `customer-service`, on these routes. It is left to the policy to have them made.
    #[must_use]
    pub fn signed_identity(mut self, key: IdentityKey) -> Self {
        self.identity_key = Some(key);
        self
    }

    /// A real Keycloak is the identity provider, of the installation in `home` ([`crate::tools::keycloak`]);
    /// the authorization service hears of its logouts, and the gateway heeds them.
    #[must_use]
    pub fn keycloak(mut self, home: impl Into<PathBuf>) -> Self {
        self.keycloak = Some(home.into());
        self
    }

    /// Envoy's worker threads (2).
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Configuration and logs go here and stay; without it they go to a folder that the stack
    /// removes.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Does not start this part; its port stays free for it, so [`Stack::restart`] can later.
    #[must_use]
    pub fn without(mut self, part: Part) -> Self {
        self.left_out.push(part);
        self
    }

    /// Changes Envoy's configuration, after its ports are rendered.
    #[must_use]
    pub fn edit_envoy(mut self, edit: impl FnOnce(&mut Value) + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Starts every part and returns when all are usable; on an error everything is stopped.
    pub fn start(mut self) -> Result<Stack> {
        let ports = if self.fixed_ports { Ports::fixed()? } else { Ports::free()? };
        let folder = self.open_folder()?;
        let edits = std::mem::take(&mut self.edits);
        let mut config = render(&ports)?;
        if self.keycloak.is_some() {
            heed_logouts(&mut config);
        }
        edits.into_iter().for_each(|edit| edit(&mut config));
        fs::write(folder.path().join("envoy.json"), serde_json::to_vec_pretty(&config)?)?;
        let (secret, admin_password) = (random_secret()?, random_secret()?);
        let plan = Plan {
            builder: &self,
            ports: &ports,
            secret: &secret,
            admin_password: &admin_password,
            folder: folder.path(),
        };
        let members = self.members(&plan)?;
        let mut stack = Stack { members, ports, secret, admin_password, folder };
        stack.start(&self.left_out)?;
        if !self.left_out.contains(&Part::Envoy) {
            stack.wait_healthy(&stack.clusters())?;
        }
        Ok(stack)
    }

    fn members(&self, plan: &Plan<'_>) -> Result<Vec<Member>> {
        let parts = Part::ALL.into_iter().filter(|part| self.redis || *part != Part::Redis);
        let member = |part| {
            let (launch, ready) = (plan.launch(part)?, plan.ready(part));
            let limit = match self.keycloak {
                Some(_) if part == Part::Idp => KEYCLOAK_LIMIT,
                _ => READY_LIMIT,
            };
            Ok(Member { part, launch, ready, limit, process: None })
        };
        parts.map(member).collect()
    }

    fn open_folder(&self) -> Result<Folder> {
        let Some(path) = &self.folder else {
            return Ok(Folder::Temporary(Scratch::new("stack")?));
        };
        // Logs are appended to, and must be this run's.
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Folder::Kept(path.clone()))
    }
}

impl Stack {
    /// Redis first and Envoy last: whoever probes another at its start finds it there.
    fn start(&mut self, left_out: &[Part]) -> Result<()> {
        for stage in [&[Part::Redis][..], &Part::ALL[1..5], &[Part::Envoy]] {
            let chosen =
                |member: &Member| stage.contains(&member.part) && !left_out.contains(&member.part);
            for member in self.members.iter_mut().filter(|member| chosen(member)) {
                member.start()?;
            }
            for member in self.members.iter().filter(|member| chosen(member)) {
                member.wait_ready()?;
            }
        }
        Ok(())
    }
}

/// 32 hex digits, new for every stack.
pub(crate) fn random_secret() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
