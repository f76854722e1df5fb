//! What people write. The same names as flags (`--admin-listen`), in the environment
//! (`AUTHZ_SERVICE_ADMIN_LISTEN`) and in a YAML file (`admin-listen:`), none of them a secret.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::Deserialize;

use super::choices::{Command, LogFormat, LogSubjects, PoliciesFrom};
use crate::admin::AdminOptions;
use crate::decisions::Which;
use crate::spans::{self, Exporter, InvalidOtlp};
use crate::trust::IssuerOptions;

/// A policy decision point: OpenID AuthZEN in front, Cedar policies inside.
///
/// Flags win over the environment, the environment over the file. Callers present
/// `Authorization: Bearer $AUTHZ_SERVICE_TOKEN` (or one of the lines of the file that
/// AUTHZ_SERVICE_TOKEN_FILE names) or a certificate; without either the service only starts on a
/// loopback address.
#[derive(Clone, Debug, Default, Deserialize, Parser)]
#[command(name = "authz-service", version)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// YAML file with any of these options
    #[arg(long, env = "AUTHZ_SERVICE_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8003]
    #[arg(long, env = "AUTHZ_SERVICE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Address for operators: /metrics, /health, /admin/v1, /console. Off unless given
    #[arg(long, env = "AUTHZ_SERVICE_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,

    /// Directory with `schema.cedarschema` and `policies/*.cedar`
    #[arg(long, env = "AUTHZ_SERVICE_POLICIES", value_name = "DIR")]
    pub policies: Option<PathBuf>,

    /// Where policies come from. A store without any takes those of --policies, once
    /// [default: directory]
    #[arg(long, env = "AUTHZ_SERVICE_POLICIES_FROM", value_name = "PLACE")]
    pub policies_from: Option<PoliciesFrom>,

    /// File with the subjects, resources and actions to start with. Without --database they are
    /// kept in memory; a database takes them once
    #[arg(long, env = "AUTHZ_SERVICE_ENTITIES", value_name = "FILE")]
    pub entities: Option<PathBuf>,

    /// Where entities are kept: `sqlite:FILE` or `postgres://[user[:password]@]host[:port]/database`
    #[arg(
        long,
        env = "AUTHZ_SERVICE_DATABASE",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    pub database: Option<String>,

    /// Role cache shared between replicas: `redis://[user:password@]host[:port][/database]`,
    /// `redis-cluster://host:port,host:port…`, or `redis-sentinel://host:port,host:port…/PRIMARY`
    /// with the sentinels and the name that they know the primary by; TLS with `rediss://`,
    /// `rediss-cluster://` and `rediss-sentinel://`. Without it roles are cached in this process
    #[arg(long, env = "AUTHZ_SERVICE_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// PEM certificates of the authorities that may vouch for Redis [default: the platform's]
    #[arg(long, env = "AUTHZ_SERVICE_REDIS_CA", value_name = "FILE")]
    pub redis_ca: Option<PathBuf>,

    /// User that sentinels are asked as, by $AUTHZ_SERVICE_REDIS_SENTINEL_PASSWORD or the file that
    /// AUTHZ_SERVICE_REDIS_SENTINEL_PASSWORD_FILE names [default: their default user; without a
    /// password, nobody]
    #[arg(long, env = "AUTHZ_SERVICE_REDIS_SENTINEL_USER", value_name = "NAME")]
    pub redis_sentinel_user: Option<String>,

    /// Seconds that roles read from Redis, which others may write, are believed without asking
    /// again; up to 300 [default: 5]
    #[arg(long, env = "AUTHZ_SERVICE_REDIS_MAX_AGE", value_name = "SECONDS")]
    pub redis_max_age: Option<u64>,

    /// Base URL that the metadata names [default: http:// and the address listened on]
    #[arg(long, env = "AUTHZ_SERVICE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// PEM file with a public key of the gateway's signed identity, published for services.
    /// Repeatable (commas in the variable, a list in the file); while keys roll there are two
    #[arg(long, env = "AUTHZ_SERVICE_IDENTITY_KEY", value_name = "FILE", value_delimiter = ',')]
    pub identity_key: Vec<PathBuf>,

    /// Seconds that a caller may keep a decision; 0 for not at all [default: 5]
    #[arg(long, env = "AUTHZ_SERVICE_DECISION_MAX_AGE", value_name = "SECONDS")]
    pub decision_max_age: Option<u32>,

    /// PEM certificate chain; with --tls-key the service speaks TLS. Read again when it changes
    #[arg(long, env = "AUTHZ_SERVICE_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// PEM private key of --tls-cert
    #[arg(long, env = "AUTHZ_SERVICE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// PEM certificates; a caller whose certificate one of them signed needs no token
    #[arg(long, env = "AUTHZ_SERVICE_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// PEM certificate chain; with --admin-tls-key the operators' port speaks TLS
    #[arg(long, env = "AUTHZ_SERVICE_ADMIN_TLS_CERT", value_name = "FILE")]
    pub admin_tls_cert: Option<PathBuf>,

    /// PEM private key of --admin-tls-cert
    #[arg(long, env = "AUTHZ_SERVICE_ADMIN_TLS_KEY", value_name = "FILE")]
    pub admin_tls_key: Option<PathBuf>,

    /// PEM certificates; an administrator whose certificate one of them signed is known by its
    /// name. Without --admin-tls-cert the operators' port has the certificate of --tls-cert
    #[arg(long, env = "AUTHZ_SERVICE_ADMIN_CLIENT_CA", value_name = "FILE")]
    pub admin_client_ca: Option<PathBuf>,

    /// Requests answered at once; more get 503 [default: 256]
    #[arg(long, env = "AUTHZ_SERVICE_MAX_CONCURRENT", value_name = "N")]
    pub max_concurrent: Option<usize>,

    /// Seconds between the signal to stop and the end of listening, in which readiness says no
    /// and requests are still answered [default: 0]
    #[arg(long, env = "AUTHZ_SERVICE_SHUTDOWN_DELAY", value_name = "SECONDS")]
    pub shutdown_delay: Option<u32>,

    /// Longest life of a token, in seconds: for so long revocations are remembered
    /// [default: 86400]
    #[arg(long, env = "AUTHZ_SERVICE_TOKEN_LIFETIME", value_name = "SECONDS")]
    pub token_lifetime: Option<u32>,

    /// Identity providers whose logout tokens and security events count; in the file only.
    #[arg(skip)]
    pub issuers: Vec<IssuerOptions>,

    /// Whose tokens administer; in the file only.
    #[arg(skip)]
    pub admin: Option<AdminOptions>,

    /// Name of the console at the identity provider: with it people sign in to change things. Without
    /// it the console of a loopback --admin-listen may be looked at, and there is none elsewhere
    #[arg(long, env = "AUTHZ_SERVICE_CONSOLE_CLIENT_ID", value_name = "ID")]
    pub console_client_id: Option<String>,

    /// Issuer whose people sign in to the console [default: that of `admin`]
    #[arg(long, env = "AUTHZ_SERVICE_CONSOLE_ISSUER", value_name = "URL")]
    pub console_issuer: Option<String>,

    /// File with the console's secret at the identity provider. Without it, and without
    /// $AUTHZ_SERVICE_CONSOLE_CLIENT_SECRET, the console is a public client
    #[arg(long, env = "AUTHZ_SERVICE_CONSOLE_CLIENT_SECRET_FILE", value_name = "FILE")]
    pub console_client_secret_file: Option<PathBuf>,

    /// Claim of ID tokens with roles, nested names joined with dots
    /// [default: that of `admin`, else roles]
    #[arg(long, env = "AUTHZ_SERVICE_CONSOLE_ROLES_CLAIM", value_name = "CLAIM")]
    pub console_roles_claim: Option<String>,

    /// Where browsers find the operators' port: https, or http on this machine
    /// [default: http://localhost and the port of a loopback --admin-listen]
    #[arg(long, env = "AUTHZ_SERVICE_CONSOLE_URL", value_name = "URL")]
    pub console_url: Option<String>,

    /// How log lines look [default: text]
    #[arg(long, env = "AUTHZ_SERVICE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Decisions that are logged, one line each: off, denied or all [default: off]
    #[arg(
        long,
        env = "AUTHZ_SERVICE_DECISION_LOG",
        value_name = "WHICH",
        hide_possible_values = true
    )]
    pub decision_log: Option<Which>,

    /// What logged decisions call their subject: hashed (with $AUTHZ_SERVICE_LOG_KEY) or plain, by
    /// its id [default: hashed]
    #[arg(
        long,
        env = "AUTHZ_SERVICE_LOG_SUBJECTS",
        value_name = "HOW",
        hide_possible_values = true
    )]
    pub log_subjects: Option<LogSubjects>,

    /// Base URL of an OpenTelemetry collector that takes traces over OTLP/HTTP, such as
    /// http://localhost:4318. Off unless given
    #[arg(long, env = "AUTHZ_SERVICE_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,

    /// Share of the traces that begin here which are recorded, from 0 to 1; a caller's trace is
    /// recorded when its caller does [default: 1]
    #[arg(long, env = "AUTHZ_SERVICE_OTLP_RATIO", value_name = "SHARE")]
    pub otlp_ratio: Option<f64>,

    /// What to do instead of serving.
    #[command(subcommand)]
    #[serde(skip)]
    pub command: Option<Command>,
}

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--config {file}: {problem}")]
pub struct InvalidFile {
    /// The file.
    pub file: String,
    /// What is wrong, with the place where it is known.
    pub problem: String,
}

impl Options {
    /// Where traces go; `None` when they go nowhere.
    pub fn traces(&self) -> Result<Option<(SdkTracerProvider, Exporter)>, InvalidOtlp> {
        let ratio = self.otlp_ratio.unwrap_or(1.0);
        self.otlp_endpoint.as_deref().map(|endpoint| spans::open(endpoint, ratio)).transpose()
    }

    /// These options with those of the file they name behind them.
    pub fn completed(self) -> Result<Self, InvalidFile> {
        match &self.config {
            Some(path) => {
                let file = Self::read(path)?;
                Ok(self.or(file))
            }
            None => Ok(self),
        }
    }

    fn read(path: &Path) -> Result<Self, InvalidFile> {
        let invalid = |problem: String| InvalidFile { file: path.display().to_string(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
        serde_saphyr::from_str(&text).map_err(|error| invalid(error.to_string()))
    }

    fn or(self, file: Self) -> Self {
        Self {
            config: self.config,
            listen: self.listen.or(file.listen),
            admin_listen: self.admin_listen.or(file.admin_listen),
            policies: self.policies.or(file.policies),
            policies_from: self.policies_from.or(file.policies_from),
            entities: self.entities.or(file.entities),
            database: self.database.or(file.database),
            redis: self.redis.or(file.redis),
            redis_ca: self.redis_ca.or(file.redis_ca),
            redis_sentinel_user: self.redis_sentinel_user.or(file.redis_sentinel_user),
            redis_max_age: self.redis_max_age.or(file.redis_max_age),
            public_url: self.public_url.or(file.public_url),
            identity_key: match self.identity_key.is_empty() {
                true => file.identity_key,
                false => self.identity_key,
            },
            decision_max_age: self.decision_max_age.or(file.decision_max_age),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            tls_client_ca: self.tls_client_ca.or(file.tls_client_ca),
            admin_tls_cert: self.admin_tls_cert.or(file.admin_tls_cert),
            admin_tls_key: self.admin_tls_key.or(file.admin_tls_key),
            admin_client_ca: self.admin_client_ca.or(file.admin_client_ca),
            max_concurrent: self.max_concurrent.or(file.max_concurrent),
            shutdown_delay: self.shutdown_delay.or(file.shutdown_delay),
            token_lifetime: self.token_lifetime.or(file.token_lifetime),
            issuers: file.issuers,
            admin: file.admin,
            console_client_id: self.console_client_id.or(file.console_client_id),
            console_issuer: self.console_issuer.or(file.console_issuer),
            console_client_secret_file: self
                .console_client_secret_file
                .or(file.console_client_secret_file),
            console_roles_claim: self.console_roles_claim.or(file.console_roles_claim),
            console_url: self.console_url.or(file.console_url),
            command: self.command,
            log_format: self.log_format.or(file.log_format),
            decision_log: self.decision_log.or(file.decision_log),
            log_subjects: self.log_subjects.or(file.log_subjects),
            otlp_endpoint: self.otlp_endpoint.or(file.otlp_endpoint),
            otlp_ratio: self.otlp_ratio.or(file.otlp_ratio),
        }
    }
}

#[cfg(test)]
mod tests;
