//! Connections to either database, and what becomes of them.
//!
//! A connection is given back only by [`Lease::give_back`], after a call that went well. After an
//! error, a time-out or a call that nobody waits for any more it is closed: whatever state it is
//! in, nobody else gets it, and an open transaction ends with it.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};

/// How long giving a connection back may take; a server that froze just now would hold it, and
/// with it the pool's room for another, for good.
const GIVING_BACK: Duration = Duration::from_secs(1);

/// How long opening a connection may take. Longer than a call: see [`Pool::open_one`].
pub(super) const OPENING: Duration = Duration::from_secs(3);

/// Connections of one kind of use.
#[derive(Clone)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A connection to either database.
pub(super) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A connection taken from a pool; closed when dropped.
pub(super) struct Lease(Option<Connection>);

impl Pool {
    pub(super) async fn lease(&self) -> Result<Lease, sqlx::Error> {
        let connection = match self {
            Self::Sqlite(pool) => Connection::Sqlite(pool.acquire().await?),
            Self::Postgres(pool) => Connection::Postgres(pool.acquire().await?),
        };
        Ok(Lease(Some(connection)))
    }

    /// Opens `connections` of them: the first callers should not wait for it.
    pub(super) async fn warm(&self, connections: u32) -> Result<(), sqlx::Error> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(self.lease().await?);
        }
        open.into_iter().for_each(Lease::give_back);
        Ok(())
    }

    /// Opens one more when none is free, and leaves it for whoever comes next. A caller that opens
    /// one itself stops when its time is up, so that where it takes longer (a slow network, a busy
    /// server) none would ever be open.
    pub(super) async fn open_one(self) {
        if let Ok(lease) = self.lease().await {
            lease.give_back();
        }
    }

    /// The statement that begins a transaction that writes. SQLite's takes the write lock at once:
    /// a transaction that read before could not get it any more.
    pub(super) fn begin(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "BEGIN IMMEDIATE",
            Self::Postgres(_) => "BEGIN",
        }
    }
}

impl Lease {
    pub(super) fn connection(&mut self) -> Result<&mut Connection, sqlx::Error> {
        self.0.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// For the next caller.
    pub(super) fn give_back(mut self) {
        match self.0.take() {
            Some(Connection::Sqlite(mut connection)) => bounded(connection.return_to_pool()),
            Some(Connection::Postgres(mut connection)) => bounded(connection.return_to_pool()),
            None => {}
        }
    }
}

fn bounded(returning: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(tokio::time::timeout(GIVING_BACK, returning));
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Connection::Sqlite(connection)) => drop(connection.detach()),
            Some(Connection::Postgres(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}
