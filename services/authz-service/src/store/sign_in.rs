//! Whether a sign-in of somebody who administers has been revoked since.

use jiff::Timestamp;

use super::feed::read;
use super::state::{Revocation, RevocationKey, StateNews};
use super::{ADMIN_READ_LIMIT, SqlStore, StoreError};

/// A sign-in, as far as a revocation can be about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedSignIn {
    /// `iss` of its token.
    pub issuer: String,
    /// Its `sub`.
    pub subject: String,
    /// Its `sid`, where it has one.
    pub session: Option<String>,
    /// Its `iat`.
    pub issued_at: Timestamp,
}

impl IssuedSignIn {
    /// What would revoke it.
    fn keys(&self) -> [RevocationKey; 4] {
        let subject =
            RevocationKey::Subject { issuer: self.issuer.clone(), subject: self.subject.clone() };
        let session = |issuer: Option<String>| match self.session.clone() {
            Some(sid) => RevocationKey::Session { issuer, sid },
            None => subject.clone(),
        };
        let (own, any) = (session(Some(self.issuer.clone())), session(None));
        [own, any, subject, RevocationKey::Everyone]
    }

    /// Whether one of those does.
    fn is_revoked_by(&self, revocation: &Revocation) -> bool {
        revocation.issued_before().is_none_or(|before| self.issued_at < before)
    }
}

impl SqlStore {
    pub(super) async fn revokes(&self, sign_in: &IssuedSignIn) -> Result<bool, StoreError> {
        let sql = "SELECT version, body, expires_at, removed_at FROM state \
                   WHERE key IN ($1, $2, $3, $4) AND expires_at > $5 AND removed_at IS NULL";
        let keys = sign_in.keys().into_iter().map(|key| key.row_key().into());
        let values = keys.chain([self.now_in_seconds()]).collect();
        let found = read(self.database.rows(ADMIN_READ_LIMIT, sql, values).await?)?;
        Ok(found.iter().any(|entry| match &entry.news {
            StateNews::Revoked { revocation, .. } => sign_in.is_revoked_by(revocation),
            StateNews::Unrevoked(_) | StateNews::Epoch { .. } => false,
        }))
    }
}
