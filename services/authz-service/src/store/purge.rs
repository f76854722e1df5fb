//! Removes what has ended, a bounded number of rows at a time and with the changes that come
//! anyway, so that it needs no task of its own and never holds anybody up. What has ended is left
//! out of every answer whether its row is still there or not.

use std::time::Duration;

use jiff::Timestamp;

use super::pool::Connection;
use super::state::TOMBSTONES_KEPT;
use super::version::Version;
use super::writes::{IDEMPOTENCY_KEPT, seconds};

/// Every how many changes.
const EVERY: u64 = 16;
/// Most rows of a kind at a time: more than `EVERY`, so that none pile up.
const STEP: i64 = 256;
/// How much longer than it must an ended revocation stays, for clocks that differ.
const GRACE: Duration = Duration::from_hours(1);

/// Removes some rows with every sixteenth change.
pub(super) async fn now_and_then(
    connection: &mut Connection,
    version: Version,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    if !version.0.is_multiple_of(EVERY) {
        return Ok(());
    }
    let before = |span| now.as_second() - seconds(span);
    let sql = "DELETE FROM idempotency WHERE (actor, key) IN \
               (SELECT actor, key FROM idempotency WHERE created_at <= $1 LIMIT $2)";
    connection.execute(sql, vec![before(IDEMPOTENCY_KEPT).into(), STEP.into()]).await?;
    // Readers know the end of what they were told, so its removal needs no telling.
    let sql = "DELETE FROM state WHERE key IN \
               (SELECT key FROM state WHERE expires_at <= $1 LIMIT $2)";
    connection.execute(sql, vec![before(GRACE).into(), STEP.into()]).await?;
    forget_tombstones(connection, before(TOMBSTONES_KEPT)).await
}

/// Oldest first. A reader that has not seen the newest of them must start anew: the floor says so.
async fn forget_tombstones(connection: &mut Connection, before: i64) -> Result<(), sqlx::Error> {
    let sql = "SELECT version FROM state WHERE removed_at <= $1 \
               ORDER BY removed_at, version LIMIT $2";
    let rows = connection.rows(sql, vec![before.into(), STEP.into()]).await?;
    let versions: Result<Vec<_>, _> = rows.into_iter().map(|mut row| row.version()).collect();
    let Some(newest) = versions?.into_iter().max() else { return Ok(()) };
    let sql = "DELETE FROM state WHERE removed_at <= $1 AND version <= $2";
    connection.execute(sql, vec![before.into(), newest.into()]).await?;
    let sql = "UPDATE meta SET state_floor = $1 WHERE id = 1 AND state_floor < $1";
    connection.execute(sql, vec![newest.into()]).await.map(drop)
}
