//! `apply`: the frame of every change. What a change does to which table is in `effects`.
//!
//! The first statement gives the change its version. In PostgreSQL it also makes every other
//! change wait until this one is done, as SQLite's write lock does, so nothing that is read
//! afterwards can change under us, and versions become visible in their order. A change that
//! turns out not to be possible gives its version back.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tracing::Instrument;

use super::change::{Applied, Change, Precondition, Target};
use super::error::{StoreError, WriteError};
use super::labels::{Actor, IdempotencyKey};
use super::pool::Connection;
use super::sql::Value;
use super::version::{ETag, Version};
use super::{SqlStore, WRITE_LIMIT, effects, purge};
use crate::spans;

/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_hours(24);

/// A change with everything that is written beside it.
struct Request<'a> {
    change: &'a Change,
    on: Precondition,
    by: &'a Actor,
    key: Option<&'a IdempotencyKey>,
    now: Timestamp,
}

impl SqlStore {
    pub(super) async fn write(
        &self,
        change: &Change,
        on: Precondition,
        by: &Actor,
        key: Option<&IdempotencyKey>,
    ) -> Result<Applied, WriteError> {
        let now = (self.clock)();
        change.check(now)?;
        let request = Request { change, on, by, key, now };
        let transaction = self.transact(&request).instrument(spans::store("write"));
        match tokio::time::timeout(WRITE_LIMIT, transaction).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(StoreError::late(elapsed).into()),
        }
    }

    async fn transact(&self, request: &Request<'_>) -> Result<Applied, WriteError> {
        let mut transaction = self.database.begin().await?;
        match request.run(transaction.connection()?).await {
            Ok(applied) if applied.replayed => {
                transaction.rollback().await;
                Ok(applied)
            }
            Ok(applied) => {
                transaction.commit().await?;
                Ok(applied)
            }
            // What failed may have broken the connection; closing it undoes everything as well.
            Err(error @ WriteError::Store(_)) => Err(error),
            Err(refused) => {
                transaction.rollback().await;
                Err(refused)
            }
        }
    }
}

impl Request<'_> {
    async fn run(&self, connection: &mut Connection) -> Result<Applied, WriteError> {
        let version = next_version(connection).await?;
        if let Some(applied) = self.replay(connection).await? {
            return Ok(applied);
        }
        let found = effects::tag(connection, self.change).await?;
        if !self.on.holds(found) {
            return Err(WriteError::PreconditionFailed);
        }
        if self.change.concerns_decisions() {
            decisions_moved(connection).await?;
        }
        let etag = effects::make(connection, self.change, version, found, self.now).await?;
        let detail = self.change.detail();
        let entry = Entry { version, at: self.now, by: self.by, action: self.change.action() };
        entry.append(connection, &self.change.target(), &detail).await?;
        self.remember(connection, version, etag).await?;
        purge::now_and_then(connection, version, self.now).await?;
        Ok(Applied { version, etag, replayed: false })
    }

    /// The answer of the first time, when there was one.
    async fn replay(&self, connection: &mut Connection) -> Result<Option<Applied>, WriteError> {
        let Some(key) = self.key else { return Ok(None) };
        let sql = "SELECT request, version, etag FROM idempotency \
                   WHERE actor = $1 AND key = $2 AND created_at > $3";
        let oldest = self.now.as_second() - seconds(IDEMPOTENCY_KEPT);
        let values = vec![self.by.as_str().into(), key.as_str().into(), oldest.into()];
        let Some(mut row) = connection.row(sql, values).await? else { return Ok(None) };
        if row.text()? != self.digest()? {
            return Err(WriteError::KeyReused);
        }
        let version = row.version()?;
        let etag = row.optional_version()?.map(ETag);
        Ok(Some(Applied { version, etag, replayed: true }))
    }

    async fn remember(
        &self,
        connection: &mut Connection,
        version: Version,
        etag: Option<ETag>,
    ) -> Result<(), WriteError> {
        let Some(key) = self.key else { return Ok(()) };
        // One under the same key that is still there is too old to count.
        let sql = "INSERT INTO idempotency (actor, key, request, version, etag, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (actor, key) DO UPDATE SET \
                   request = excluded.request, version = excluded.version, \
                   etag = excluded.etag, created_at = excluded.created_at";
        let values = vec![
            self.by.as_str().into(),
            key.as_str().into(),
            self.digest()?.into(),
            version.into(),
            Value::version(etag.map(|etag| etag.0)),
            self.now.as_second().into(),
        ];
        connection.execute(sql, values).await?;
        Ok(())
    }

    fn digest(&self) -> Result<String, sqlx::Error> {
        if let Some(request) = self.key.and_then(IdempotencyKey::request) {
            return Ok(request.to_owned());
        }
        let request = serde_json::to_vec(&(self.change, self.on))
            .map_err(|error| sqlx::Error::Encode(error.into()))?;
        Ok(Sha256::digest(request).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Who does what under which version.
pub(super) struct Entry<'a> {
    pub(super) version: Version,
    pub(super) at: Timestamp,
    pub(super) by: &'a Actor,
    pub(super) action: &'static str,
}

impl Entry<'_> {
    pub(super) async fn append(
        &self,
        connection: &mut Connection,
        target: &Target,
        detail: &serde_json::Value,
    ) -> Result<(), sqlx::Error> {
        let sql = "INSERT INTO audit \
                   (version, at, actor, action, target_kind, target_id, detail) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = vec![
            self.version.into(),
            self.at.as_second().into(),
            self.by.as_str().into(),
            self.action.into(),
            target.kind.as_str().into(),
            target.id.as_str().into(),
            Value::json(detail)?,
        ];
        connection.execute(sql, values).await.map(drop)
    }
}

/// Takes the next version; from here on no other change runs until ours is done.
pub(super) async fn next_version(connection: &mut Connection) -> Result<Version, sqlx::Error> {
    let sql = "UPDATE meta SET version = version + 1 WHERE id = 1 RETURNING version";
    let row = connection.row(sql, vec![]).await?;
    row.ok_or(sqlx::Error::RowNotFound)?.version()
}

/// What was decided before the version just taken is old.
pub(super) async fn decisions_moved(connection: &mut Connection) -> Result<(), sqlx::Error> {
    connection.execute("UPDATE meta SET decisions = version", vec![]).await.map(drop)
}

/// Whole seconds, for a comparison in the database.
pub(super) fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}
