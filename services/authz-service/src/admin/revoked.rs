//! Whether an administrator's token was revoked here: by its `jti`, its session, its subject's or everybody's
//! older tokens. The store is asked each time, so that what is revoked stops working at once.

use claimgate::authn::Statement;
use jiff::Timestamp;

use crate::store::{AdminStore, Revocation, RevocationKey, StoreError};

/// Whether a verified token of `issuer` no longer counts.
pub(super) async fn is_revoked(
    issuer: &str,
    statement: &Statement,
    store: &dyn AdminStore,
) -> Result<bool, StoreError> {
    let millis = i64::try_from(statement.issued_at.as_millis()).unwrap_or_default();
    let issued_at = Timestamp::from_millisecond(millis).unwrap_or_default();
    let found = store.revoked(&keys(issuer, statement)).await?;
    Ok(found.iter().any(|revocation| concerns(revocation, issued_at)))
}

/// A token or a session is over whenever it began; the others say what was issued before.
fn concerns(revocation: &Revocation, issued_at: Timestamp) -> bool {
    revocation.issued_before().is_none_or(|before| issued_at < before)
}

/// Everything that a revocation of this token can be about. One that names no issuer is about
/// anybody's.
fn keys(issuer: &str, statement: &Statement) -> Vec<RevocationKey> {
    let text = |name: &str| statement.claims.named(name)?.as_str().map(str::to_owned);
    let issuers = || [Some(issuer.to_owned()), None].into_iter();
    let mut keys = vec![RevocationKey::Everyone];
    if let Some(jti) = text("jti") {
        keys.extend(issuers().map(|issuer| RevocationKey::Token { issuer, jti: jti.clone() }));
    }
    if let Some(sid) = text("sid") {
        keys.extend(issuers().map(|issuer| RevocationKey::Session { issuer, sid: sid.clone() }));
    }
    if let Some(subject) = text("sub") {
        keys.push(RevocationKey::Subject { issuer: issuer.to_owned(), subject });
    }
    keys
}
