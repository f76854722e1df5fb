//! Where Redis is and how to get in: the URL, the certificate authorities, the passwords.
//!
//! `redis://` and `rediss://` name one server, `redis-cluster://` and `rediss-cluster://` some
//! nodes of a cluster, which names the others, `redis-sentinel://` and `rediss-sentinel://` the
//! sentinels that say which server is the primary. Those with a second `s` are TLS, to sentinels
//! too; a server's certificate is always verified, for the name that the URL, the cluster or the
//! sentinels give. Nothing here repeats a URL or a password.

use std::path::Path;
use std::sync::Arc;

use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore, crypto::ring};
use fred::rustls_native_certs::load_native_certs;
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, Server, ServerConfig, TlsConfig, TlsConnector, TlsHostMapping,
};

use super::credentials::RedisPassword;

/// Most nodes of a cluster, or sentinels, that a URL may name.
const MAX_NODES: usize = 64;
/// Where a sentinel listens when the URL does not say.
const SENTINEL_PORT: u16 = 26_379;
/// What follows the sentinels.
const NO_PRIMARY: &str = "the name of the primary is missing: …host:port/NAME";
/// What Sentinel lets a name be made of; and a number is meant to be a database.
const ODD_PRIMARY: &str = "what follows the sentinels is the name of the primary, of letters, \
    digits, `.`, `_` and `-`, and no number: there is no choice of a database";
/// What sentinels look like.
const NO_SENTINEL: &str = "each of 1 to 64 sentinels must be host[:port]";

/// A Redis that cannot be used. Says nothing of the URL, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedisUrl {
    /// None of the forms.
    #[error(
        "--redis: must be redis[s]://[user:password@]host[:port][/database], \
         redis[s]-cluster://[user:password@]host[:port],host[:port]… \
         or redis[s]-sentinel://[user:password@]host[:port],host[:port]…/PRIMARY"
    )]
    Url,
    /// Sentinels and a primary, but not so.
    #[error("--redis: redis[s]-sentinel://: {0}")]
    Sentinel(&'static str),
    /// `--redis-ca` without TLS would promise what is not done.
    #[error("--redis-ca: only for rediss://, rediss-cluster:// and rediss-sentinel://")]
    NoTls,
    /// A user or a password for sentinels that nobody asks.
    #[error("{0}: only for redis[s]-sentinel://")]
    NoSentinels(&'static str),
    /// A user without a password is nobody.
    #[error("--redis-sentinel-user: needs the sentinels' password")]
    SentinelUser,
    /// There is nothing to verify the server's certificate with.
    #[error("--redis-ca: {0}")]
    Authorities(String),
    /// The password cannot be read.
    #[error("the Redis password: {0}")]
    Password(String),
    /// The sentinels' password cannot be read.
    #[error("the sentinels' password: {0}")]
    SentinelPassword(String),
    /// The client cannot be made.
    #[error("--redis: {0}")]
    Client(String),
}

/// Where Redis is and how to get in.
pub struct RedisAddress {
    place: Place,
}

/// What a URL names.
pub(super) enum Place {
    /// One server or a cluster.
    Fixed(Config),
    /// Whichever server is the primary.
    Watched(Watched),
}

/// Sentinels, and how to get in where they lead.
pub(super) struct Watched {
    /// What they call the primary.
    pub(super) name: String,
    /// How to get into each of them. Not empty.
    pub(super) sentinels: Vec<Config>,
    primary: Config,
}

impl Watched {
    /// How to get into `server`, when it is the primary.
    pub(super) fn primary_at(&self, server: Server) -> Config {
        Config { server: ServerConfig::Centralized { server }, ..self.primary.clone() }
    }
}

impl RedisAddress {
    /// The address in `url`. `authorities` is a PEM file with the certificates that may vouch for
    /// the server, instead of the platform's. `password` wins over one in the URL.
    pub fn parse(
        url: &str,
        authorities: Option<&Path>,
        password: Option<RedisPassword>,
    ) -> Result<Self, InvalidRedisUrl> {
        let (tls, kind, rest) = scheme(url)?;
        if rest.contains(['?', '#']) {
            return Err(InvalidRedisUrl::Url);
        }
        let (mut config, watched) = match kind {
            Kind::Server => (server(rest)?, None),
            Kind::Cluster => (nodes(rest)?, None),
            Kind::Sentinels => watched(rest).map(|(config, watched)| (config, Some(watched)))?,
        };
        config.fail_fast = false;
        config.tls = match (tls, authorities) {
            (true, _) => Some(verified(authorities)?),
            (false, None) => None,
            (false, Some(_)) => return Err(InvalidRedisUrl::NoTls),
        };
        if let Some(password) = password {
            password.into(&mut config).map_err(InvalidRedisUrl::Password)?;
        }
        let place = match watched {
            None => Place::Fixed(config),
            Some((name, hosts)) => Place::Watched(Watched {
                name,
                sentinels: hosts.into_iter().map(|host| sentinel_at(host, &config)).collect(),
                primary: config,
            }),
        };
        Ok(Self { place })
    }

    /// The same with what the sentinels want to see, who are otherwise asked as nobody: neither the
    /// user nor the password of Redis is ever shown to them.
    pub fn with_sentinels_user(
        mut self,
        user: Option<&str>,
        password: Option<&RedisPassword>,
    ) -> Result<Self, InvalidRedisUrl> {
        let watched = match &mut self.place {
            Place::Watched(watched) => watched,
            Place::Fixed(_) if user.is_some() => {
                return Err(InvalidRedisUrl::NoSentinels("--redis-sentinel-user"));
            }
            Place::Fixed(_) if password.is_some() => {
                return Err(InvalidRedisUrl::NoSentinels("the sentinels' password"));
            }
            Place::Fixed(_) => return Ok(self),
        };
        if user.is_some() && password.is_none() {
            return Err(InvalidRedisUrl::SentinelUser);
        }
        for config in &mut watched.sentinels {
            config.username = user.map(str::to_owned);
            if let Some(password) = password {
                password.clone().into(config).map_err(InvalidRedisUrl::SentinelPassword)?;
            }
        }
        Ok(self)
    }

    pub(super) fn into_place(self) -> Place {
        self.place
    }
}

enum Kind {
    Server,
    Cluster,
    Sentinels,
}

/// TLS, what is named, and what follows the scheme.
fn scheme(url: &str) -> Result<(bool, Kind, &str), InvalidRedisUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(InvalidRedisUrl::Url)?;
    match scheme {
        "redis" => Ok((false, Kind::Server, rest)),
        "rediss" => Ok((true, Kind::Server, rest)),
        "redis-cluster" => Ok((false, Kind::Cluster, rest)),
        "rediss-cluster" => Ok((true, Kind::Cluster, rest)),
        "redis-sentinel" => Ok((false, Kind::Sentinels, rest)),
        "rediss-sentinel" => Ok((true, Kind::Sentinels, rest)),
        _ => Err(InvalidRedisUrl::Url),
    }
}

fn server(rest: &str) -> Result<Config, InvalidRedisUrl> {
    Config::from_url_centralized(&format!("redis://{rest}")).map_err(|_| InvalidRedisUrl::Url)
}

fn nodes(rest: &str) -> Result<Config, InvalidRedisUrl> {
    let (user, nodes) = rest.rsplit_once('@').unwrap_or(("", rest));
    let mut hosts = Vec::new();
    for node in nodes.split(',') {
        // A cluster has no databases to choose from.
        if node.contains('/') || hosts.len() == MAX_NODES {
            return Err(InvalidRedisUrl::Url);
        }
        hosts.extend(server(node)?.server.hosts());
    }
    let policy = ClusterDiscoveryPolicy::UseCache;
    let first = nodes.split(',').next().unwrap_or_default();
    let named = if user.is_empty() { server(first)? } else { server(&format!("{user}@{first}"))? };
    Ok(Config { server: ServerConfig::Clustered { hosts, policy }, ..named })
}

/// How to get into the primary, wherever that is; its name, and where the sentinels are.
fn watched(rest: &str) -> Result<(Config, (String, Vec<Server>)), InvalidRedisUrl> {
    let invalid = |problem| move |_| InvalidRedisUrl::Sentinel(problem);
    let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (hosts, name) = place.split_once('/').ok_or(InvalidRedisUrl::Sentinel(NO_PRIMARY))?;
    if name.is_empty() {
        return Err(InvalidRedisUrl::Sentinel(NO_PRIMARY));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !name.bytes().all(fits) || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidRedisUrl::Sentinel(ODD_PRIMARY));
    }
    let config = nodes(&if user.is_empty() { hosts.to_owned() } else { format!("{user}@{hosts}") })
        .map_err(invalid(NO_SENTINEL))?;
    let given = hosts.split(',').map(|host| host.rsplit_once(':').map(|(_, port)| port.parse()));
    let servers = config.server.hosts().into_iter().zip(given).map(|(server, port)| Server {
        port: if matches!(port, Some(Ok::<u16, _>(_))) { server.port } else { SENTINEL_PORT },
        ..server
    });
    let servers = servers.collect();
    Ok((config, (name.to_owned(), servers)))
}

/// How to get into a sentinel, with nothing but the same TLS.
fn sentinel_at(server: Server, primary: &Config) -> Config {
    let (server, tls) = (ServerConfig::Centralized { server }, primary.tls.clone());
    Config { server, tls, fail_fast: false, ..Config::default() }
}

fn verified(authorities: Option<&Path>) -> Result<TlsConfig, InvalidRedisUrl> {
    let roots = match authorities {
        Some(path) => from_file(path).map_err(InvalidRedisUrl::Authorities)?,
        None => platform_s()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidRedisUrl::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConfig { connector: TlsConnector::from(config), hostnames: TlsHostMapping::None })
}

fn from_file(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("holds no certificate".into()) } else { Ok(roots) }
}

/// Platforms carry certificates that nobody can read any more; those are left out.
fn platform_s() -> Result<RootCertStore, InvalidRedisUrl> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(load_native_certs().certs);
    if roots.is_empty() {
        let problem = "this platform has no certificate authorities; name a file";
        return Err(InvalidRedisUrl::Authorities(problem.into()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
