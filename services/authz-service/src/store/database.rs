//! A database as the store uses it: bounded reads, and one transaction at a time that writes.
//!
//! A read on a connection that turns out to be dead is tried on another one within the same limit,
//! so a database that was restarted costs nobody an answer. A write is never tried twice: only its
//! caller knows whether that is right.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::sqlite::SqliteConnection;
use tracing::Instrument;

use super::error::{StoreError, is_lost_connection};
use super::pool::{Connection, Lease, OPENING, Pool};
use super::sql::{Row, Value};
use crate::spans;

/// A pause between tries, so that a server that hangs up at once is not asked in a tight loop.
const PAUSE: Duration = Duration::from_millis(2);

/// Connections to one database.
pub(super) struct Database {
    pub(super) readers: Pool,
    pub(super) writers: Pool,
    /// How many connections of a pool can be dead at once.
    pub(super) most_connections: u32,
    /// Whether a connection is being opened for those who come next.
    pub(super) opening: Arc<AtomicBool>,
    /// An in-memory database lives as long as one connection to it does; the pools may drop theirs.
    pub(super) _keeper: Option<Mutex<SqliteConnection>>,
    /// Locked as long as we use the file; the lock ends with the process, however that ends.
    pub(super) _lock: Option<File>,
}

/// A transaction that writes; undone when dropped.
pub(super) struct Transaction(Lease);

impl Database {
    /// The rows that a reading statement answers with, within `limit`.
    pub(super) async fn rows(
        &self,
        limit: Duration,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into_sql_str();
        let tries = async {
            for _ in 0..self.most_connections {
                match self.try_rows(sql.clone(), values.clone()).await {
                    Err(error) if is_lost_connection(&error) => tokio::time::sleep(PAUSE).await,
                    answer => return answer,
                }
            }
            self.try_rows(sql.clone(), values.clone()).await
        };
        match tokio::time::timeout(limit, tries).instrument(spans::store("read")).await {
            Ok(answer) => answer.map_err(StoreError::from),
            Err(elapsed) => {
                self.open_in_background();
                Err(StoreError::late(elapsed))
            }
        }
    }

    /// One at a time, and never for long.
    fn open_in_background(&self) {
        if self.opening.swap(true, Ordering::AcqRel) {
            return;
        }
        let opening = Arc::clone(&self.opening);
        let open = tokio::time::timeout(OPENING, self.readers.clone().open_one());
        tokio::spawn(async move {
            // When it fails the next caller whose time is up has it tried again.
            let _ = open.await;
            opening.store(false, Ordering::Release);
        });
    }

    /// The row that a reading statement answers with, if there is one.
    pub(super) async fn row(
        &self,
        limit: Duration,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(limit, sql, values).await?.into_iter().next())
    }

    async fn try_rows(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let mut lease = self.readers.lease().await?;
        let rows = lease.connection()?.rows(sql, values).await?;
        lease.give_back();
        Ok(rows)
    }

    /// Begins a transaction. Nothing has happened yet, so a dead connection is no failure.
    pub(super) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        for _ in 0..self.most_connections {
            match self.try_begin().await {
                Err(error) if is_lost_connection(&error) => tokio::time::sleep(PAUSE).await,
                begun => return begun,
            }
        }
        self.try_begin().await
    }

    async fn try_begin(&self) -> Result<Transaction, sqlx::Error> {
        let mut lease = self.writers.lease().await?;
        lease.connection()?.execute(self.writers.begin(), Vec::new()).await?;
        Ok(Transaction(lease))
    }
}

impl Transaction {
    pub(super) fn connection(&mut self) -> Result<&mut Connection, sqlx::Error> {
        self.0.connection()
    }

    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.0.connection()?.execute("COMMIT", Vec::new()).await?;
        self.0.give_back();
        Ok(())
    }

    /// Undoes what was done. Should that fail, closing the connection does the same.
    pub(super) async fn rollback(mut self) {
        let Ok(connection) = self.0.connection() else { return };
        if connection.execute("ROLLBACK", Vec::new()).await.is_ok() {
            self.0.give_back();
        }
    }
}
