//! Command line and environment. Flags win over the environment; secrets come from the
//! environment alone, so that they are not in the process list.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::wire::{Credential, InvalidCredential};

/// Environment variable with the callers' bearer secret.
pub const TOKEN_VARIABLE: &str = "AUTHZ_SERVICE_TOKEN";

/// A policy decision point: OpenID AuthZEN in front, Cedar policies inside.
///
/// Callers present `Authorization: Bearer $AUTHZ_SERVICE_TOKEN`; without that variable the
/// service only starts on a loopback address.
#[derive(Parser)]
#[command(name = "authz-service", version)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "AUTHZ_SERVICE_LISTEN", default_value = "127.0.0.1:8003")]
    pub listen: SocketAddr,

    /// Directory with `schema.cedarschema` and `policies/*.cedar`.
    #[arg(long, env = "AUTHZ_SERVICE_POLICIES", value_name = "DIR")]
    pub policies: PathBuf,

    /// File with the subjects, resources and actions to start with. Without --database they are
    /// kept in memory; a database takes them once.
    #[arg(
        long,
        env = "AUTHZ_SERVICE_ENTITIES",
        value_name = "FILE",
        required_unless_present = "database"
    )]
    pub entities: Option<PathBuf>,

    /// Where entities are kept: `sqlite:FILE`.
    #[arg(long, env = "AUTHZ_SERVICE_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,

    /// Role cache shared between replicas: `redis://[user:password@]host[:port][/database]`.
    /// Without it roles are cached in this process.
    #[arg(long, env = "AUTHZ_SERVICE_REDIS", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// Base URL that discovery names [default: http:// and the address listened on]
    #[arg(long, env = "AUTHZ_SERVICE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// How long a caller may keep a decision; 0 for not at all.
    #[arg(
        long,
        env = "AUTHZ_SERVICE_DECISION_MAX_AGE",
        value_name = "SECONDS",
        default_value_t = 5
    )]
    pub decision_max_age: u32,
}

/// Why the callers' credential does not allow a start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnguardedListener {
    /// Reachable from elsewhere and nothing to tell callers apart.
    #[error(
        "--listen {0} is not a loopback address: set {TOKEN_VARIABLE} to the secret that callers present"
    )]
    NoCredential(SocketAddr),
    /// The secret is unusable.
    #[error("{TOKEN_VARIABLE} {0}")]
    Credential(#[from] InvalidCredential),
}

/// The credential that callers of a listener on `listen` must present, from the value of
/// [`TOKEN_VARIABLE`]. `None` on loopback without that variable.
pub fn credential_for(
    listen: SocketAddr,
    token: Option<String>,
) -> Result<Option<Credential>, UnguardedListener> {
    match token {
        Some(secret) => Ok(Some(Credential::parse(secret)?)),
        None if listen.ip().is_loopback() => Ok(None),
        None => Err(UnguardedListener::NoCredential(listen)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Config::command().debug_assert();
    }

    #[test]
    fn only_loopback_goes_without_a_credential() {
        for listen in ["127.0.0.1:0", "[::1]:0", "127.8.8.8:1"] {
            assert!(credential_for(listen.parse().unwrap(), None).unwrap().is_none());
        }
        for listen in ["0.0.0.0:0", "[::]:0", "192.168.1.1:80", "[::ffff:127.0.0.1]:80"] {
            let listen = listen.parse().unwrap();
            assert!(credential_for(listen, None).is_err(), "{listen}");
            assert!(credential_for(listen, Some("0123456789abcdef".into())).unwrap().is_some());
        }
    }

    #[test]
    fn a_weak_secret_is_refused_everywhere() {
        for secret in ["", "short", "0123456789abcde\n", "with space 012345", "ünïcode-0123456789"]
        {
            assert!(credential_for("127.0.0.1:0".parse().unwrap(), Some(secret.into())).is_err());
        }
    }
}
