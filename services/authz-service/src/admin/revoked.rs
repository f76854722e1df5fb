//! Whether what an administrator proved themselves with was revoked here: by its `jti`, its session, its
//! subject's or everybody's older tokens. The store is asked each time, so that what is revoked stops
//! working at once.

use claimgate::authn::Statement;
use jiff::Timestamp;

use crate::store::{AdminStore, Revocation, RevocationKey, StoreError};

/// A verified token, as far as a revocation can be about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Issued {
    issuer: String,
    jti: Option<String>,
    sid: Option<String>,
    sub: Option<String>,
    at: Timestamp,
}

impl Issued {
    /// Of what `issuer` said.
    pub(crate) fn of(issuer: &str, statement: &Statement) -> Self {
        let text = |name: &str| statement.claims.named(name)?.as_str().map(str::to_owned);
        let millis = i64::try_from(statement.issued_at.as_millis()).unwrap_or_default();
        Self {
            issuer: issuer.to_owned(),
            jti: text("jti"),
            sid: text("sid"),
            sub: text("sub"),
            // One that cannot be told is older than every revocation.
            at: Timestamp::from_millisecond(millis).unwrap_or_default(),
        }
    }

    /// Whether it no longer counts.
    pub(crate) async fn is_revoked(&self, store: &dyn AdminStore) -> Result<bool, StoreError> {
        let found = store.revoked(&self.keys()).await?;
        Ok(found.iter().any(|revocation| self.is_revoked_by(revocation)))
    }

    /// A token or a session is over whenever it began; the others say what was issued before.
    fn is_revoked_by(&self, revocation: &Revocation) -> bool {
        revocation.issued_before().is_none_or(|before| self.at < before)
    }

    /// Everything that a revocation of it can be about. One that names no issuer is about anybody's.
    fn keys(&self) -> Vec<RevocationKey> {
        let issuers = || [Some(self.issuer.clone()), None].into_iter();
        let mut keys = vec![RevocationKey::Everyone];
        if let Some(jti) = &self.jti {
            keys.extend(issuers().map(|issuer| RevocationKey::Token { issuer, jti: jti.clone() }));
        }
        if let Some(sid) = &self.sid {
            let session = |issuer| RevocationKey::Session { issuer, sid: sid.clone() };
            keys.extend(issuers().map(session));
        }
        if let Some(subject) = self.sub.clone() {
            keys.push(RevocationKey::Subject { issuer: self.issuer.clone(), subject });
        }
        keys
    }
}
