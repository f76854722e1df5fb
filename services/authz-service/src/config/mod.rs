//! What the service is told: command line, then environment, then a file, then defaults.
//!
//! [`Options`] are what people write, the same names in all three places; [`Config`] is what they
//! mean, made once. Secrets have no flag, because a command line can be read by everybody on the
//! machine: see [`secrets`].

mod choices;
mod console;
mod options;
pub mod secrets;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::admin::AdminOptions;
use crate::cache::RedisPassword;
use crate::console::SignInOptions;
use crate::decisions::{InvalidLogKey, LogKey, Subjects, Which};
use crate::identity_keys::{IdentityKeys, InvalidIdentityKey};
use crate::keys::{RoleKey, SEEN_WITHIN};
use crate::trust::IssuerOptions;
use crate::wire::{Credentials, InvalidCredential, InvalidPublicUrl, PublicUrl};

pub use choices::{Command, LogFormat, LogSubjects, PoliciesFrom};
pub use options::{InvalidFile, Options};
use secrets::InvalidSecret;
pub use tls::{HalfTls, NamedFile, TlsFiles};

/// Where callers' secrets come from: `AUTHZ_SERVICE_TOKEN` or the file that
/// `AUTHZ_SERVICE_TOKEN_FILE` names, one secret per line.
pub const TOKEN_VARIABLE: &str = "AUTHZ_SERVICE_TOKEN";

/// Where the key of hashed subjects in the decision log comes from: `AUTHZ_SERVICE_LOG_KEY` or the
/// file that `AUTHZ_SERVICE_LOG_KEY_FILE` names. Without it every start makes its own.
pub const LOG_KEY_VARIABLE: &str = "AUTHZ_SERVICE_LOG_KEY";

/// Environment variable with the password of the Redis user; with `_FILE` added, of a file that
/// holds it, which is read at each connection.
pub const REDIS_PASSWORD_VARIABLE: &str = "AUTHZ_SERVICE_REDIS_PASSWORD";

/// The same for the password that sentinels ask for; without it they are shown none.
pub const SENTINEL_PASSWORD_VARIABLE: &str = "AUTHZ_SERVICE_REDIS_SENTINEL_PASSWORD";

/// Where Redis is, and how long it is believed.
pub struct RedisOptions {
    /// Its URL.
    pub url: String,
    /// Certificates of the authorities that may vouch for it; the platform's when `None`.
    pub authorities: Option<PathBuf>,
    /// A password that is not in the URL.
    pub password: Option<RedisPassword>,
    /// The user that sentinels are asked as; their default one when `None`.
    pub sentinel_user: Option<String>,
    /// That user's password; sentinels are asked without one when `None`.
    pub sentinel_password: Option<RedisPassword>,
    /// How long roles read from it are believed without asking again.
    pub max_age: Duration,
}

/// Where policies come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySource {
    /// A directory with `schema.cedarschema` and `policies/*.cedar`.
    Directory(PathBuf),
    /// The store.
    Store {
        /// The directory that a store without policies takes its first ones from.
        first: Option<PathBuf>,
    },
}

/// Everything the service needs to know to start.
pub struct Config {
    /// Address that callers reach.
    pub listen: SocketAddr,
    /// Address that operators reach: metrics, health, administration. Off when `None`.
    pub admin_listen: Option<SocketAddr>,
    /// TLS on `listen`; plain HTTP when `None`.
    pub tls: Option<TlsFiles>,
    /// The same on `admin_listen`.
    pub admin_tls: Option<TlsFiles>,
    /// Secrets that callers may present; empty when none is asked for.
    pub credentials: Credentials,
    /// Where policies come from.
    pub policies: PolicySource,
    /// File with the entities to start with.
    pub entities: Option<PathBuf>,
    /// Where entities are kept; in memory when `None`.
    pub database: Option<String>,
    /// The shared cache; in process when `None`.
    pub redis: Option<RedisOptions>,
    /// Base URL that the metadata names; from `listen` when `None`.
    pub public_url: Option<PublicUrl>,
    /// The public keys of the gateway's signed identity.
    pub identity_keys: IdentityKeys,
    /// Seconds a caller may keep a decision; 0 for not at all.
    pub decision_max_age: u32,
    /// Requests answered at once; more get 503.
    pub max_concurrent: usize,
    /// Identity providers whose statements are acted upon.
    pub issuers: Vec<IssuerOptions>,
    /// Whose tokens administer, beside secrets that the local command makes.
    pub admin: Option<AdminOptions>,
    /// How people sign in to the console; they may look at most when `None`.
    pub console: Option<SignInOptions>,
    /// How long a revocation is remembered: the longest that a token lives.
    pub token_lifetime: Duration,
    /// How long requests go on arriving after the signal to stop, while readiness says no.
    pub shutdown_delay: Duration,
    /// Decisions that are logged.
    pub decision_log: Which,
    /// What logged decisions call their subject.
    pub log_subjects: Subjects,
}

/// Why the options do not make a configuration. Each names the option.
#[derive(Debug, thiserror::Error)]
pub enum InvalidConfig {
    /// An option that has no default is missing.
    #[error("{0} is required: as a flag, as {1}, or in the file")]
    Missing(&'static str, &'static str),
    /// Half of a certificate, or callers' certificates without TLS.
    #[error(transparent)]
    Tls(#[from] HalfTls),
    /// Certificates that nobody asks for.
    #[error("admin.certificates: needs --admin-client-ca")]
    NoClientAuthority,
    /// Nothing to start from.
    #[error("--entities is required without --database")]
    NoEntities,
    /// Reachable from elsewhere and nothing to tell callers apart.
    #[error(
        "--listen {0} is not a loopback address: set {TOKEN_VARIABLE} to the secret that callers present, or --tls-client-ca"
    )]
    Unguarded(SocketAddr),
    /// The console is told about an identity provider, and not its own name there.
    #[error("{0} needs --console-client-id")]
    ConsoleClient(&'static str),
    /// The console has no port.
    #[error("--console-client-id needs --admin-listen")]
    ConsoleListen,
    /// Two providers that may both name administrators could mean two people by one name.
    #[error("--console-issuer: must be the issuer of `admin`")]
    ConsoleIssuer,
    /// The console's base URL cannot be one.
    #[error("--console-url: must be an http or https URL with a host")]
    ConsoleUrl,
    /// A secret's source cannot be used.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// A secret is unusable.
    #[error("{TOKEN_VARIABLE} {0}")]
    Credential(#[from] InvalidCredential),
    /// The key of the decision log is unusable.
    #[error("{LOG_KEY_VARIABLE} {0}")]
    LogKey(#[from] InvalidLogKey),
    /// A key cannot be published.
    #[error(transparent)]
    IdentityKey(#[from] InvalidIdentityKey),
    /// The base URL cannot be one.
    #[error(transparent)]
    PublicUrl(#[from] InvalidPublicUrl),
    /// A number that makes no sense.
    #[error("{0}")]
    Number(&'static str),
}

impl Config {
    /// What completed `options` mean, with the secrets of the process's environment.
    pub fn new(options: Options) -> Result<Self, InvalidConfig> {
        let secrets = secrets::from_environment(TOKEN_VARIABLE)?;
        let log_key = secrets::from_environment(LOG_KEY_VARIABLE)?;
        let log_subjects = log_subjects(options.log_subjects.unwrap_or_default(), log_key)?;
        Ok(Self { log_subjects, ..Self::with_secrets(options, secrets.as_deref())? })
    }

    /// Whether callers need neither a secret nor a certificate.
    pub fn is_open(&self) -> bool {
        self.credentials.is_empty() && self.tls.as_ref().is_none_or(|tls| tls.client_ca.is_none())
    }

    fn with_secrets(options: Options, secrets: Option<&str>) -> Result<Self, InvalidConfig> {
        let console = console::sign_in(&options)?;
        let credentials = Credentials::parse(secrets)?;
        let listen = options.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8003)));
        let (tls, admin_tls) = tls::files(&options)?;
        let certificates =
            options.admin.as_ref().is_some_and(|admin| !admin.certificates.is_empty());
        if certificates && options.admin_client_ca.is_none() {
            return Err(InvalidConfig::NoClientAuthority);
        }
        if options.entities.is_none() && options.database.is_none() {
            return Err(InvalidConfig::NoEntities);
        }
        let max_concurrent = options.max_concurrent.unwrap_or(256);
        if max_concurrent == 0 {
            return Err(InvalidConfig::Number("--max-concurrent: must be at least 1"));
        }
        let redis = redis(&options)?;
        let config = Self {
            listen,
            admin_listen: options.admin_listen,
            tls,
            admin_tls,
            credentials,
            policies: policies(options.policies, options.policies_from.unwrap_or_default())?,
            entities: options.entities,
            database: options.database,
            redis,
            public_url: options.public_url.as_deref().map(PublicUrl::parse).transpose()?,
            identity_keys: IdentityKeys::load(&options.identity_key)?,
            decision_max_age: options.decision_max_age.unwrap_or(5),
            max_concurrent,
            issuers: options.issuers,
            admin: options.admin,
            console,
            token_lifetime: Duration::from_secs(options.token_lifetime.unwrap_or(86_400).into()),
            shutdown_delay: Duration::from_secs(options.shutdown_delay.unwrap_or(0).into()),
            decision_log: options.decision_log.unwrap_or_default(),
            log_subjects: Subjects::default(),
        };
        if config.is_open() && !listen.ip().is_loopback() {
            return Err(InvalidConfig::Unguarded(listen));
        }
        Ok(config)
    }
}

fn policies(directory: Option<PathBuf>, from: PoliciesFrom) -> Result<PolicySource, InvalidConfig> {
    match (from, directory) {
        (PoliciesFrom::Directory, Some(directory)) => Ok(PolicySource::Directory(directory)),
        (PoliciesFrom::Directory, None) => {
            Err(InvalidConfig::Missing("--policies", "AUTHZ_SERVICE_POLICIES"))
        }
        (PoliciesFrom::Store, first) => Ok(PolicySource::Store { first }),
    }
}

fn log_subjects(how: LogSubjects, key: Option<String>) -> Result<Subjects, InvalidLogKey> {
    let key = key.map_or_else(LogKey::random, |key| LogKey::parse(&key))?;
    Ok(match how {
        LogSubjects::Hashed => Subjects::hashed(key),
        LogSubjects::Plain => Subjects::plain(key),
    })
}

fn redis(options: &Options) -> Result<Option<RedisOptions>, InvalidConfig> {
    let max_age = options.redis_max_age.map_or(SEEN_WITHIN, Duration::from_secs);
    if max_age > RoleKey::TTL {
        return Err(InvalidConfig::Number("--redis-max-age: must be at most 300"));
    }
    Ok(options.redis.clone().map(|url| RedisOptions {
        url,
        authorities: options.redis_ca.clone(),
        password: redis_password(REDIS_PASSWORD_VARIABLE),
        sentinel_user: options.redis_sentinel_user.clone(),
        sentinel_password: redis_password(SENTINEL_PASSWORD_VARIABLE),
        max_age,
    }))
}

/// A password of Redis or its sentinels from the environment; the variable wins over the file.
fn redis_password(variable: &str) -> Option<RedisPassword> {
    let text = std::env::var(variable).ok().map(RedisPassword::Text);
    text.or_else(|| {
        let file = std::env::var_os(format!("{variable}_FILE"))?;
        Some(RedisPassword::File(file.into()))
    })
}

#[cfg(test)]
mod tests;
