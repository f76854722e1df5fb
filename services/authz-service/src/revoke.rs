//! Revoking what identity providers tell us to: logout tokens (OpenID Connect Back-Channel Logout)
//! and security events (Shared Signals, RFC 8935). Verified, used once, stored before they are
//! acknowledged.
//!
//! A statement that cannot be verified changes nothing. One that cannot be stored is not
//! acknowledged, so that its sender tries again. Signatures are checked for so many statements a
//! second and no more: who sends garbage must not take the decision point's time.

mod budget;
pub mod logout_token;
pub mod security_event;

use std::fmt::Display;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::Statement;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::changes::Changes;
use crate::store::{
    Actor, Change, IdempotencyKey, Precondition, Revocation, StoreError, WriteError,
};
use crate::trust::{Issuer, Issuers, TrustError, claimed_issuer};
use budget::Budget;
use logout_token::{LoggedOut, LogoutToken};
use security_event::SecurityEvent;

/// Oldest statement that is taken: as long as a sender may reasonably try again.
const MAX_AGE: Duration = Duration::from_secs(3_600);

/// Why a statement was not acted upon.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// It is not what it has to be, and will not be when it is sent again. The text names what is
    /// wrong and no value.
    #[error("{0}")]
    Invalid(String),
    /// Of an issuer that is not trusted for this.
    #[error("not an issuer that is trusted for this")]
    Issuer,
    /// Used before.
    #[error("its jti has been used")]
    Replayed,
    /// Too many at once.
    #[error("too many statements at once")]
    Busy,
    /// The issuer's keys are not to be had.
    #[error("the issuer's keys cannot be fetched")]
    Keys,
    /// It could not be stored.
    #[error("it could not be stored")]
    Store(#[source] StoreError),
}

impl RevokeError {
    /// Its kind, for who counts them.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Issuer => "issuer",
            Self::Replayed => "replayed",
            Self::Busy => "busy",
            Self::Keys => "keys",
            Self::Store(_) => "store",
        }
    }
}

/// Acts upon identity providers' statements.
pub struct Revoker {
    issuers: Issuers,
    changes: Changes,
    /// How long a revocation has to be remembered: the longest life of a token.
    lifetime: Duration,
    budget: Budget,
}

impl Revoker {
    /// For statements of `issuers`; `lifetime` is the longest that a token of theirs lives.
    pub fn new(issuers: Issuers, changes: Changes, lifetime: Duration) -> Self {
        Self { issuers, changes, lifetime, budget: Budget::default() }
    }

    /// Takes a logout token. Afterwards the session it names is over, or everything that its
    /// subject was issued before now.
    pub async fn logout(&self, token: &str) -> Result<(), RevokeError> {
        let issuer = self.issuer(token)?;
        let audiences = &issuer.options.logout_audiences;
        let statement = self.verified(issuer, token, &logout_token::TYPES, audiences).await?;
        let logout = LogoutToken::read(&statement).map_err(invalid)?;
        let revocation = revocation(&issuer.options.issuer, logout.who, Timestamp::now());
        self.revoke(issuer, "logout", &logout.jti, revocation).await
    }

    /// Takes a security event. Says whether it changed anything: events of kinds that mean nothing
    /// to us are acknowledged all the same.
    pub async fn event(&self, token: &str) -> Result<bool, RevokeError> {
        let issuer = self.issuer(token)?;
        let audiences = &issuer.options.event_audiences;
        let statement = self.verified(issuer, token, &security_event::TYPES, audiences).await?;
        let event = SecurityEvent::read(&statement).map_err(invalid)?;
        let Some(revoked) = event.revoked else { return Ok(false) };
        // Tokens are known by the issuer that made them, which need not be the one that tells.
        let of = revoked.issuer.as_deref().unwrap_or(&issuer.options.issuer);
        let now = Timestamp::now();
        let at = revoked.at.filter(|at| *at < now).unwrap_or(now);
        self.revoke(issuer, "event", &event.jti, revocation(of, revoked.who, at)).await?;
        Ok(true)
    }

    fn issuer(&self, token: &str) -> Result<&Issuer, RevokeError> {
        let claimed = claimed_issuer(token)
            .ok_or_else(|| RevokeError::Invalid("not a signed statement of an issuer".into()))?;
        let issuer = self.issuers.named(&claimed).ok_or(RevokeError::Issuer)?;
        if self.budget.spend(Instant::now()) { Ok(issuer) } else { Err(RevokeError::Busy) }
    }

    async fn verified(
        &self,
        issuer: &Issuer,
        token: &str,
        types: &[&str],
        audiences: &[String],
    ) -> Result<Statement, RevokeError> {
        let statement =
            issuer.verify(token, types, audiences).await.map_err(|error| match error {
                TrustError::Issuer => RevokeError::Issuer,
                TrustError::Statement(error) => invalid(error),
                TrustError::Keys(_) => RevokeError::Keys,
            })?;
        let age = i128::from(Timestamp::now().as_millisecond())
            - i128::from(statement.issued_at.as_millis());
        if age > i128::try_from(MAX_AGE.as_millis()).unwrap_or(i128::MAX) {
            return Err(RevokeError::Invalid("it was issued too long ago".into()));
        }
        Ok(statement)
    }

    /// The `jti` is used up together with the revocation, in one transaction and for all replicas.
    async fn revoke(
        &self,
        issuer: &Issuer,
        kind: &str,
        jti: &str,
        revocation: Revocation,
    ) -> Result<(), RevokeError> {
        let by = actor(&issuer.options.issuer)?;
        let expires_at = Timestamp::now() + self.lifetime;
        let change = Change::Revoke { revocation, expires_at };
        let key = used(kind, &issuer.options.issuer, jti)?;
        match self.changes.apply(&change, Precondition::None, &by, Some(&key)).await {
            Ok(applied) if applied.replayed => Err(RevokeError::Replayed),
            Ok(_) => Ok(()),
            Err(WriteError::KeyReused) => Err(RevokeError::Replayed),
            Err(WriteError::Store(error)) => Err(RevokeError::Store(error)),
            Err(error) => Err(invalid(error)),
        }
    }
}

fn revocation(issuer: &str, who: LoggedOut, at: Timestamp) -> Revocation {
    match who {
        LoggedOut::Session(sid) => Revocation::Session { issuer: Some(issuer.to_owned()), sid },
        LoggedOut::Subject(subject) => Revocation::Subject {
            issuer: issuer.to_owned(),
            subject,
            issued_before: next_second(at),
        },
    }
}

/// Tokens say when they were issued in whole seconds: one of this second may have been issued
/// before, and must not survive.
fn next_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() + 1).unwrap_or(at)
}

fn actor(issuer: &str) -> Result<Actor, RevokeError> {
    Actor::parse(&format!("issuer:{issuer}"))
        .ok_or_else(|| RevokeError::Invalid("the issuer's name cannot be recorded".into()))
}

/// Names a statement by its issuer and `jti`, whatever those hold.
fn used(kind: &str, issuer: &str, jti: &str) -> Result<IdempotencyKey, RevokeError> {
    let digest = Sha256::new()
        .chain_update(issuer.as_bytes())
        .chain_update([0])
        .chain_update(jti.as_bytes())
        .finalize();
    let key = format!("{kind}:{}", URL_SAFE_NO_PAD.encode(digest));
    IdempotencyKey::parse(&key).ok_or_else(|| RevokeError::Invalid("its jti cannot be kept".into()))
}

fn invalid(problem: impl Display) -> RevokeError {
    RevokeError::Invalid(problem.to_string())
}
