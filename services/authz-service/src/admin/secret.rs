//! Secrets for who has nothing else: made by a command on the machine, kept as a digest, gone after
//! a while. Whoever can write to the database could do anything anyway; this way it is in the
//! audit log.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::store::{
    Actor, AdminStore, Change, InvalidDatabase, Precondition, SecretDigest, WriteError, open_beside,
};

/// What every secret begins with; no JSON Web Token does.
const PREFIX: &str = "authz-admin_";
const RANDOM_BYTES: usize = 32;

/// Why no secret was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// There is no store that a running service would share.
    #[error("--database is required: without one there is nothing that a service could share")]
    NoDatabase,
    /// The store cannot be opened.
    #[error(transparent)]
    Database(#[from] InvalidDatabase),
    /// The store did not take it.
    #[error("{0}; has a service of this version used this database?")]
    Write(#[from] WriteError),
    /// The system gives no random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// Who asks has no name.
    #[error("the user who asks cannot be told")]
    Nobody,
}

/// Whether a credential is to be looked up as a secret.
pub(super) fn is_one(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// Makes a secret that administers for `lifetime` what uses `database`.
pub async fn issue_secret(
    database: Option<&str>,
    lifetime: Duration,
) -> Result<String, IssueError> {
    let store = open_beside(database.ok_or(IssueError::NoDatabase)?).await?;
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(IssueError::Random)?;
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let holder = format!("break-glass:{}", user().ok_or(IssueError::Nobody)?);
    let actor = Actor::parse(&holder).ok_or(IssueError::Nobody)?;
    // At least a day's worth of seconds always fits.
    let expires_at = Timestamp::now().saturating_add(lifetime).map_err(|_| IssueError::Nobody)?;
    let change = Change::IssueSecret { digest: SecretDigest::of(&secret), holder, expires_at };
    store.apply(&change, Precondition::Absent, &actor, None).await?;
    Ok(secret)
}

/// The user that this process runs as: what the system says, not the environment.
fn user() -> Option<String> {
    let id = std::fs::metadata("/proc/self").ok()?.uid();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| format!("uid {id}")))
}
