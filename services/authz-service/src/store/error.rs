//! What can go wrong with a store, and whether asking again can help.
//!
//! Nothing here may repeat a database's URL: it holds a password.

use std::path::PathBuf;

use sqlx::error::DatabaseError;

use crate::entities::InvalidEntities;

/// A call that gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("the store gave no answer: {source}")]
pub struct StoreError {
    /// What went wrong. Holds no look-up key, so it may be logged.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
    /// Whether the same call can succeed in a moment (busy, slow, unreachable, full), as opposed
    /// to a fault that stays until someone mends the database. Decides between 503 and 500.
    pub transient: bool,
}

/// A change that did not happen. After a [`StoreError`] nobody can tell whether it did: asking
/// again under the same idempotency key is safe.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The change itself cannot be stored.
    #[error(transparent)]
    Invalid(#[from] InvalidEntities),
    /// The target is not, or no longer, what the precondition says.
    #[error("the precondition does not hold")]
    PreconditionFailed,
    /// There is no such thing to change.
    #[error("there is no such thing")]
    NotFound,
    /// Something else stands in the way.
    #[error("{what}")]
    Conflict {
        /// What.
        what: String,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabase {
    /// Neither of the forms of a URL that we know.
    #[error(
        "--database: must be `sqlite:FILE` or `postgres://[user[:password]@]host[:port]/database[?sslmode=…]`"
    )]
    Url,
    /// A parameter of the URL that we do not know.
    #[error(
        "--database: unknown parameter; known are sslmode, sslrootcert, sslcert, sslkey, host, port, dbname, user"
    )]
    Parameter,
    /// Another process uses the file.
    #[error(
        "--database: another authz-service uses this file ({} is locked): several need PostgreSQL",
        .0.display()
    )]
    InUse(PathBuf),
    /// The lock beside the file cannot be made.
    #[error("--database: cannot open it: {}: {source}", .path.display())]
    Lock {
        /// The file that is locked.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It cannot be opened.
    #[error("--database: cannot open it: {0}")]
    Open(#[source] sqlx::Error),
    /// It did not answer for as long as a start waits.
    #[error("--database: not reachable within {seconds} s: {source}")]
    Unreachable {
        /// How long the start waited.
        seconds: u64,
        /// The last attempt's error.
        #[source]
        source: sqlx::Error,
    },
    /// Its tables cannot be brought to this version's form.
    #[error("--database: cannot migrate it: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Bringing its tables to this version's form takes too long.
    #[error("--database: migrating it takes longer than {seconds} s; is another one at it?")]
    SlowMigration {
        /// How long the start waited.
        seconds: u64,
    },
    /// The seed cannot be written.
    #[error("--entities: cannot write them to the database: {0}")]
    Seed(#[source] sqlx::Error),
}

impl StoreError {
    /// It took longer than it may.
    pub(super) fn late(elapsed: tokio::time::error::Elapsed) -> Self {
        Self { source: elapsed.into(), transient: true }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let transient = is_transient(&error);
        Self { source: error.into(), transient }
    }
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Whether the same call can succeed in a moment.
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(fault) => is_transient_fault(&**fault),
        _ => false,
    }
}

/// Whether the connection, not the statement, is what failed: another one may do.
pub(super) fn is_lost_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(fault) => fault.code().is_some_and(|code| {
            // 57P01 to 57P03: shut down, crashed, not yet up; 08: connection; 25P03: idle too long.
            code.starts_with("08") || code.starts_with("57P0") || code == "25P03"
        }),
        _ => false,
    }
}

fn is_transient_fault(fault: &dyn DatabaseError) -> bool {
    let Some(code) = fault.code() else { return false };
    if fault.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        is_transient_state(&code)
    } else {
        is_transient_result(&code)
    }
}

/// Classes of SQLSTATE: 08 connection, 25P03 idle for too long, 40 rolled back, 53 out of
/// resources (connections, memory, disk), 55P03 lock not available, 57 operator intervention.
fn is_transient_state(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "40" | "53" | "57")) || matches!(code, "25P03" | "55P03")
}

/// SQLite's result codes, in their extended forms too (low byte): BUSY, LOCKED and FULL. Of the
/// I/O errors only the one that means that its shared memory has no room.
fn is_transient_result(code: &str) -> bool {
    const NO_ROOM_FOR_SHARED_MEMORY: u32 = 4_874;
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 13) || code == NO_ROOM_FOR_SHARED_MEMORY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_transient() {
        for code in ["08006", "08P01", "40001", "53100", "53300", "57P01", "57014", "55P03"] {
            assert!(is_transient_state(code), "{code}");
        }
        for code in ["28P01", "3D000", "42P01", "23505", "22021", "P0001", "58030", "", "5"] {
            assert!(!is_transient_state(code), "{code}");
        }
        for code in ["5", "6", "13", "261", "517", "262", "4874"] {
            assert!(is_transient_result(code), "{code}");
        }
        for code in ["1", "11", "19", "2067", "10", "", "08006"] {
            assert!(!is_transient_result(code), "{code}");
        }
    }
}
