//! Reads the feed of revocations and epochs: what comes after a reader's place.

use std::time::Duration;

use jiff::Timestamp;

use super::reads::page_size;
use super::sql::{Row, Value};
use super::state::{
    Revocation, RevocationKey, StateAnswer, StateChunk, StateEntry, StateNews, StatePlace,
};
use super::writes::seconds;
use super::{ADMIN_READ_LIMIT, MAX_PAGE, SqlStore, StoreError, Version};

/// How much longer than it must a revocation is told: readers go on heeding it while a token may pass
/// whose end they tolerate, some minutes at most, and their clocks may be behind ours. Less than rows
/// are kept.
const TOLD_LONGER: Duration = Duration::from_mins(10);

/// The feed's one row of facts.
struct Head {
    store_id: String,
    version: Version,
    floor: Version,
}

impl SqlStore {
    pub(super) async fn feed(
        &self,
        place: Option<StatePlace>,
        limit: u32,
    ) -> Result<StateAnswer, StoreError> {
        // All changes up to this version are visible, and stay so for the statement that follows.
        let head = self.head().await?;
        let from = place.unwrap_or(StatePlace { base: head.version, after: Version(0) });
        if from.base > head.version || from.after > head.version {
            return Ok(StateAnswer::StartAnew);
        }
        let limit = limit.clamp(1, MAX_PAGE);
        let entries = self.entries(place.is_none(), from.after, head.version, limit).await?;
        // Asked last: what was forgotten while we read must not be missed.
        if from.base < self.head().await?.floor && place.is_some() {
            return Ok(StateAnswer::StartAnew);
        }
        let full = u32::try_from(entries.len()).is_ok_and(|read| read >= limit);
        let next = match entries.last() {
            Some(last) if full => StatePlace { base: from.base, after: last.version },
            _ => StatePlace::at(head.version),
        };
        let chunk = StateChunk { store_id: head.store_id, entries, next, complete: !full };
        Ok(StateAnswer::Chunk(chunk))
    }

    /// At a reader's beginning there is nothing that could be taken back.
    async fn entries(
        &self,
        beginning: bool,
        after: Version,
        until: Version,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError> {
        let sql = "SELECT version, body, expires_at, removed_at FROM state \
                   WHERE version > $1 AND version <= $2 \
                   AND (expires_at IS NULL OR expires_at > $3) \
                   AND (removed_at IS NULL OR $4 = 0) ORDER BY version LIMIT $5";
        let values = vec![
            after.into(),
            until.into(),
            Value::from(Timestamp::as_second((self.clock)()) - seconds(TOLD_LONGER)),
            i64::from(beginning).into(),
            page_size(limit),
        ];
        read(self.database.rows(ADMIN_READ_LIMIT, sql, values).await?)
    }

    pub(super) async fn live_revocations(
        &self,
        after: Option<Version>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError> {
        let sql = "SELECT version, body, expires_at, removed_at FROM state \
                   WHERE version > $1 AND expires_at > $2 AND removed_at IS NULL \
                   ORDER BY version LIMIT $3";
        let after = after.unwrap_or_default();
        let values = vec![after.into(), self.now_in_seconds(), page_size(limit)];
        read(self.database.rows(ADMIN_READ_LIMIT, sql, values).await?)
    }

    /// One look-up for each: there are few, and each is a row's key.
    pub(super) async fn revocations_of(
        &self,
        keys: &[RevocationKey],
    ) -> Result<Vec<Revocation>, StoreError> {
        let sql = "SELECT version, body, expires_at, removed_at FROM state \
                   WHERE key = $1 AND expires_at > $2 AND removed_at IS NULL";
        let mut found = Vec::new();
        for key in keys {
            let values = vec![key.row_key().into(), self.now_in_seconds()];
            let row = self.database.row(ADMIN_READ_LIMIT, sql, values).await?;
            if let Some(StateNews::Revoked { revocation, .. }) =
                row.map(StateEntry::read).transpose()?.map(|entry| entry.news)
            {
                found.push(revocation);
            }
        }
        Ok(found)
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let sql = "SELECT store_id, version, state_floor FROM meta";
        let row = self.database.row(ADMIN_READ_LIMIT, sql, vec![]).await?;
        let mut row = row.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Head { store_id: row.text()?, version: row.version()?, floor: row.version()? })
    }

    pub(super) fn now_in_seconds(&self) -> Value {
        Timestamp::as_second((self.clock)()).into()
    }
}

pub(super) fn read(rows: Vec<Row>) -> Result<Vec<StateEntry>, StoreError> {
    let entries: Result<_, _> = rows.into_iter().map(StateEntry::read).collect();
    entries.map_err(StoreError::from)
}
