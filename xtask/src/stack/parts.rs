//! What each part is and how it is started.
//!
//! It must never hold a port or a path of its own: both come from the stack.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;
use claimgate_proc::{Launch, Output, Ready};

use super::builder::Builder;
use super::ports::Ports;
use crate::{run, tools, workspace};

/// The identity provider of our own.
const DEV_IDP: &str = "dev-idp";
/// Where the authorization service publishes what verifies signed identities.
const IDENTITY_KEYS: &str = "/.well-known/claimgate-identity/jwks.json";

/// A part of the demo system, in the order of their start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A real Redis, for authz-service.
    Redis,
    /// The identity provider: ours for development, or a real Keycloak.
    Idp,
    /// The authorization service.
    Authz,
    /// customer-service
    Customers,
    /// product-service
    Products,
    /// The gateway, with the module in it.
    Envoy,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 6] =
        [Self::Redis, Self::Idp, Self::Authz, Self::Customers, Self::Products, Self::Envoy];

    /// What messages and log files call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Idp => "identity-provider",
            Self::Authz => "authz-service",
            Self::Customers => "customer-service",
            Self::Products => "product-service",
            Self::Envoy => "envoy",
        }
    }

    /// The cluster that Envoy reaches it by.
    pub(super) fn cluster(self) -> Option<&'static str> {
        match self {
            Self::Redis | Self::Envoy => None,
            Self::Idp => Some("idp"),
            Self::Authz | Self::Customers | Self::Products => Some(self.name()),
        }
    }
}

/// Builds the services of a stack (debug builds; tests use them as they are).
pub fn build_parts() -> Result<()> {
    let mut args = vec!["build"];
    for package in [DEV_IDP, "authz-service", "customer-service", "product-service"] {
        args.extend(["--package", package]);
    }
    run::succeed(&run::cargo(&args), run::BUILD_LIMIT)
}

/// What the parts of one stack share.
pub(super) struct Plan<'a> {
    pub(super) builder: &'a Builder,
    pub(super) ports: &'a Ports,
    pub(super) secret: &'a str,
    pub(super) admin_password: &'a str,
    pub(super) folder: &'a Path,
}

impl Plan<'_> {
    pub(super) fn launch(&self, part: Part) -> Result<Launch> {
        match part {
            Part::Redis => self.redis(),
            Part::Idp => match &self.builder.keycloak {
                Some(home) => self.keycloak(home),
                None => self.dev_idp(),
            },
            Part::Authz => self.authz(),
            Part::Customers | Part::Products => self.service(part),
            Part::Envoy => self.envoy(),
        }
    }

    pub(super) fn ready(&self, part: Part) -> Ready {
        let http = |port, path: &str| Ready::Http(local(port), path.to_owned());
        let port = self.ports.of(part);
        match part {
            Part::Redis => Ready::Tcp(local(port)),
            Part::Idp => http(port, "/realms/api-gateway-poc"),
            Part::Authz => http(port, "/health/ready"),
            Part::Customers => http(port, "/customers/health"),
            Part::Products => http(port, "/products/health"),
            Part::Envoy => http(self.ports.envoy_admin, "/ready"),
        }
    }

    fn redis(&self) -> Result<Launch> {
        let data = self.folder.join("redis-data");
        std::fs::create_dir_all(&data)?;
        let port = self.ports.redis.to_string();
        Ok(self
            .program(Part::Redis, &tools::redis_server()?)
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(data))
    }

    fn dev_idp(&self) -> Result<Launch> {
        let launch = self
            .own(Part::Idp, DEV_IDP)?
            .arg("--development")
            .args(["--issuer", &self.ports.issuer()])
            .args(["--admin-listen", &local(self.ports.idp_admin).to_string()]);
        let launch = match &self.builder.signing_key {
            Some(key) => launch.arg("--signing-key").arg(key),
            None => launch,
        };
        Ok(match self.builder.token_lifetime {
            Some(lifetime) => launch.args(["--token-lifetime", &lifetime.as_secs().to_string()]),
            None => launch,
        })
    }

    fn authz(&self) -> Result<Launch> {
        let services = workspace::root().join("services");
        let launch = self
            .own(Part::Authz, Part::Authz.name())?
            .arg("--policies")
            .arg(services.join("authz-service/demo"))
            .arg("--entities")
            .arg(services.join("demo-data/entities.json"));
        let published = self.builder.identity_key.iter().flat_map(|key| &key.public);
        let launch = published.fold(launch, |launch, key| launch.arg("--identity-key").arg(key));
        let launch = match &self.builder.keycloak {
            Some(_) => launch.arg("--config").arg(self.trust()?),
            None => launch,
        };
        let launch = if self.builder.administered {
            launch
                .args(["--database", &super::database(self.folder)])
                .args(["--admin-listen", &local(self.ports.authz_admin).to_string()])
                .args(["--decision-max-age", "60"])
        } else {
            launch
        };
        if !self.builder.redis {
            return Ok(launch);
        }
        let launch = launch.args(["--redis", &format!("redis://{}/", local(self.ports.redis))]);
        Ok(match self.builder.roles_believed_for {
            Some(span) => launch.args(["--redis-max-age", &span.as_secs().to_string()]),
            None => launch,
        })
    }

    fn service(&self, part: Part) -> Result<Launch> {
        let launch = self.own(part, part.name())?.env("GATEWAY_SECRET", self.secret);
        let Some(key) = self.builder.identity_key.as_ref().filter(|_| part == Part::Customers)
        else {
            return Ok(launch);
        };
        let keys = format!("http://{}{IDENTITY_KEYS}", local(self.ports.of(Part::Authz)));
        let launch = launch.args(["--identity-jwks", &keys]).args([
            "--identity-issuer",
            "claimgate",
            "--identity-audience",
            "customer-service",
        ]);
        Ok(key.routes.iter().fold(launch, |launch, route| launch.args(["--identity-route", route])))
    }

    fn envoy(&self) -> Result<Launch> {
        let workers = self.builder.workers.to_string();
        let launch = self
            .program(Part::Envoy, &tools::envoy()?)
            .arg("-c")
            .arg(self.folder.join("envoy.json"))
            // Hot restart would leave a file in shared memory for every run.
            .args(["--disable-hot-restart", "--concurrency", &workers])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"])
            .args(["--drain-time-s", "1"])
            .env("GATEWAY_SECRET", self.secret);
        Ok(match &self.builder.identity_key {
            Some(key) => launch.env("IDENTITY_KEY", std::fs::read_to_string(&key.private)?),
            None => launch,
        })
    }

    /// One of our services, listening on its port.
    fn own(&self, part: Part, package: &str) -> Result<Launch> {
        let binary = workspace::debug_binary(package)?;
        let listen = local(self.ports.of(part)).to_string();
        Ok(self.program(part, &binary).args(["--listen", &listen]))
    }

    pub(super) fn program(&self, part: Part, path: &Path) -> Launch {
        let log = self.folder.join(part.name()).with_extension("log");
        Launch::new(part.name(), path, Output::Log(log)).dir(workspace::root())
    }
}

pub(super) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
