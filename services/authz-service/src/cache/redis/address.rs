//! Where Redis is and how to get in: the URL, the certificate authorities, the password.
//!
//! `redis://` and `rediss://` name one server, `redis-cluster://` and `rediss-cluster://` some
//! nodes of a cluster, which names the others. The two with a second `s` are TLS; the server's
//! certificate is always verified, for the name that the URL or the cluster gives. Nothing here
//! repeats a URL or a password, and a password from a file is read again at each connection, so
//! that a changed one needs no restart.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use fred::error::{Error, ErrorKind};
use fred::rustls::pki_types::CertificateDer;
use fred::rustls::pki_types::pem::PemObject;
use fred::rustls::{ClientConfig, RootCertStore, crypto::ring};
use fred::rustls_native_certs::load_native_certs;
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, CredentialProvider, Server, ServerConfig, TlsConfig,
    TlsConnector, TlsHostMapping,
};

/// Most nodes of a cluster that a URL may name.
const MAX_NODES: usize = 64;
/// Largest password file in bytes.
const MAX_PASSWORD_BYTES: usize = 4 * 1024;

/// A Redis that cannot be used. Says nothing of the URL, which may hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedisUrl {
    /// Not one of the four forms.
    #[error(
        "--redis: must be redis[s]://[user:password@]host[:port][/database] \
         or redis[s]-cluster://[user:password@]host[:port],host[:port]…"
    )]
    Url,
    /// `--redis-ca` without TLS would promise what is not done.
    #[error("--redis-ca: only for rediss:// and rediss-cluster://")]
    NoTls,
    /// There is nothing to verify the server's certificate with.
    #[error("--redis-ca: {0}")]
    Authorities(String),
    /// The password cannot be read.
    #[error("the Redis password: {0}")]
    Password(String),
    /// The client cannot be made.
    #[error("--redis: {0}")]
    Client(String),
}

/// A password that is not in the URL.
#[derive(Clone)]
pub enum RedisPassword {
    /// The password itself.
    Text(String),
    /// A file that holds it; whitespace at the end does not belong to it.
    File(PathBuf),
}

/// Where Redis is and how to get in.
pub struct RedisAddress {
    config: Config,
}

impl RedisAddress {
    /// The address in `url`. `authorities` is a PEM file with the certificates that may vouch for
    /// the server, instead of the platform's. `password` wins over one in the URL.
    pub fn parse(
        url: &str,
        authorities: Option<&Path>,
        password: Option<RedisPassword>,
    ) -> Result<Self, InvalidRedisUrl> {
        let (tls, cluster, rest) = scheme(url)?;
        if rest.contains(['?', '#']) {
            return Err(InvalidRedisUrl::Url);
        }
        let mut config = if cluster { nodes(rest)? } else { server(rest)? };
        config.fail_fast = false;
        config.tls = match (tls, authorities) {
            (true, _) => Some(verified(authorities)?),
            (false, None) => None,
            (false, Some(_)) => return Err(InvalidRedisUrl::NoTls),
        };
        match password {
            None => {}
            Some(RedisPassword::Text(text)) => config.password = Some(text),
            Some(RedisPassword::File(path)) => {
                read(&path).map_err(InvalidRedisUrl::Password)?;
                let user = config.username.clone();
                config.credential_provider = Some(Arc::new(FromFile { user, path }));
            }
        }
        Ok(Self { config })
    }

    pub(super) fn into_config(self) -> Config {
        self.config
    }
}

/// TLS, cluster, and what follows the scheme.
fn scheme(url: &str) -> Result<(bool, bool, &str), InvalidRedisUrl> {
    let (scheme, rest) = url.split_once("://").ok_or(InvalidRedisUrl::Url)?;
    match scheme {
        "redis" => Ok((false, false, rest)),
        "rediss" => Ok((true, false, rest)),
        "redis-cluster" => Ok((false, true, rest)),
        "rediss-cluster" => Ok((true, true, rest)),
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

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let password = text.trim_end();
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Err(format!("the file must hold 1 to {MAX_PASSWORD_BYTES} bytes"));
    }
    Ok(password.to_owned())
}

struct FromFile {
    user: Option<String>,
    path: PathBuf,
}

impl fmt::Debug for FromFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromFile(…)")
    }
}

#[async_trait]
impl CredentialProvider for FromFile {
    async fn fetch(&self, _: Option<&Server>) -> Result<(Option<String>, Option<String>), Error> {
        let path = self.path.clone();
        // A file can be on a disk that does not answer.
        let password = tokio::task::spawn_blocking(move || read(&path)).await;
        let password = password.map_err(|_| unreadable())?.map_err(|_| unreadable())?;
        Ok((self.user.clone(), Some(password)))
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Auth, "the password file cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(url: &str) -> Vec<String> {
        let config = RedisAddress::parse(url, None, None).ok().unwrap().into_config();
        config.server.hosts().iter().map(ToString::to_string).collect()
    }

    fn refused(url: &str) -> InvalidRedisUrl {
        RedisAddress::parse(url, None, None).err().unwrap()
    }

    #[test]
    fn one_server_has_a_default_port() {
        assert_eq!(hosts("redis://cache.example"), ["cache.example:6379"]);
        assert_eq!(hosts("redis://u:p@127.0.0.1:1/3"), ["127.0.0.1:1"]);
    }

    #[test]
    fn a_cluster_names_some_of_its_nodes() {
        assert_eq!(hosts("redis-cluster://a:1,b,c:3"), ["a:1", "b:6379", "c:3"]);
        let url = "redis-cluster://us%40r:p%2Cw@a:1,b:2";
        let config = RedisAddress::parse(url, None, None).ok().unwrap().into_config();
        assert_eq!(config.server.hosts().len(), 2);
        assert_eq!(
            (config.username.as_deref(), config.password.as_deref()),
            (Some("us@r"), Some("p,w"))
        );
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for url in [
            "http://user:hunter2@host",
            "host:6379",
            "",
            "redis://user:hunter2@host:port",
            "redis://user:hunter2@host/0?node=other:1",
            "redis-cluster://user:hunter2@a:1,,b:2",
            "redis-cluster://user:hunter2@a:1/0",
            "redis-sentinel://user:hunter2@a:1",
        ] {
            let error = refused(url);
            assert_eq!(error, InvalidRedisUrl::Url, "{url}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(refused(&format!("redis-cluster://{}a", "a,".repeat(64))), InvalidRedisUrl::Url);
    }

    #[test]
    fn certificate_authorities_are_for_tls_and_must_be_there() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let parse = |url| RedisAddress::parse(url, Some(file.path()), None).err().unwrap();
        assert_eq!(parse("redis://host"), InvalidRedisUrl::NoTls);
        assert!(matches!(parse("rediss://host"), InvalidRedisUrl::Authorities(_)));
        std::fs::write(file.path(), "no certificate").unwrap();
        assert!(matches!(parse("rediss-cluster://host"), InvalidRedisUrl::Authorities(_)));
        let absent = RedisAddress::parse("rediss://host", Some(Path::new("/nowhere")), None);
        assert!(matches!(absent.err().unwrap(), InvalidRedisUrl::Authorities(_)));
    }

    #[tokio::test]
    async fn a_password_file_is_read_at_each_connection() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let password = || Some(RedisPassword::File(file.path().to_owned()));
        let empty = RedisAddress::parse("redis://me@host", None, password()).err().unwrap();
        assert!(matches!(empty, InvalidRedisUrl::Password(_)));
        std::fs::write(file.path(), "first\n").unwrap();
        let address = RedisAddress::parse("redis://me@host", None, password()).ok().unwrap();
        let credentials = address.into_config().credential_provider.unwrap();
        let expected = |password: &str| Ok((Some("me".to_owned()), Some(password.to_owned())));
        assert_eq!(credentials.fetch(None).await, expected("first"));
        std::fs::write(file.path(), "second").unwrap();
        assert_eq!(credentials.fetch(None).await, expected("second"));
        std::fs::remove_file(file.path()).unwrap();
        assert!(credentials.fetch(None).await.is_err());
    }
}
