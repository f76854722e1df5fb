//! SQLite, in memory or in a file: the embedded default, no server to run.
//!
//! A file is for one service process: a lock beside it refuses a second one, whose changes the
//! first would not hear of. It is in WAL mode, so that readers never wait for the writer, and
//! synchronous, so that a change that was acknowledged survives a power cut.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::database::Database;
use super::error::InvalidDatabase;
use super::migrations;
use super::pool::{OPENING, Pool};
use super::{CALL_LIMIT, WRITE_LIMIT};

/// Readers at once. SQLite runs each on a thread of its own; more only adds contention.
const READERS: u32 = 8;

/// A new database in memory, gone with the process.
pub(super) async fn in_memory() -> Result<Database, InvalidDatabase> {
    let options = options("sqlite::memory:")?;
    let keeper = SqliteConnection::connect_with(&options).await.map_err(InvalidDatabase::Open)?;
    with(options, Some(Mutex::new(keeper)), None).await
}

/// The database in the file that `url` (`sqlite:FILE`) names; made when it does not exist.
pub(super) async fn open(url: &str) -> Result<Database, InvalidDatabase> {
    let is_file = url
        .strip_prefix("sqlite:")
        .is_some_and(|file| !file.trim_start_matches('/').is_empty() && !file.contains(":memory:"));
    if !is_file {
        return Err(InvalidDatabase::Url);
    }
    let options = options(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let lock = lock(options.get_filename())?;
    with(options, None, Some(lock)).await
}

/// The database in a file that a service has made and may be using.
pub(super) async fn beside(url: &str) -> Result<Database, InvalidDatabase> {
    let options = options(url)?.synchronous(SqliteSynchronous::Full);
    connected(options, None, None).await
}

fn options(url: &str) -> Result<SqliteConnectOptions, InvalidDatabase> {
    let options = SqliteConnectOptions::from_str(url).map_err(InvalidDatabase::Open)?;
    // Statement logging would put look-up keys within reach of a log level.
    Ok(options.disable_statement_logging())
}

/// Locks a file beside the database: the database's own locks are SQLite's to take and give.
fn lock(database: &Path) -> Result<File, InvalidDatabase> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(source) => return Err(InvalidDatabase::Lock { path, source }),
    };
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(InvalidDatabase::InUse(path)),
        Err(TryLockError::Error(source)) => Err(InvalidDatabase::Lock { path, source }),
    }
}

async fn with(
    options: SqliteConnectOptions,
    keeper: Option<Mutex<SqliteConnection>>,
    lock: Option<File>,
) -> Result<Database, InvalidDatabase> {
    // Migrations may take longer than a call may, so they get a connection of their own.
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(InvalidDatabase::Open)?;
    migrations::sqlite().run(&mut connection).await.map_err(InvalidDatabase::Migrate)?;
    connection.close().await.map_err(InvalidDatabase::Open)?;
    connected(options, keeper, lock).await
}

async fn connected(
    options: SqliteConnectOptions,
    keeper: Option<Mutex<SqliteConnection>>,
    lock: Option<File>,
) -> Result<Database, InvalidDatabase> {
    let readers = pool(READERS, options.clone().busy_timeout(CALL_LIMIT));
    let writers = pool(1, options.busy_timeout(WRITE_LIMIT));
    let readers = Pool::Sqlite(readers);
    readers.warm(READERS).await.map_err(InvalidDatabase::Open)?;
    Ok(Database {
        readers,
        writers: Pool::Sqlite(writers),
        most_connections: READERS,
        opening: Arc::default(),
        _keeper: keeper,
        _lock: lock,
    })
}

/// Whoever waits for a connection may do so for as long as the call may take.
fn pool(size: u32, options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(OPENING)
        // A connection to a file does not go stale.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options)
}
