//! PostgreSQL: for several replicas, or where databases are run by others.
//!
//! Every wait has an end on both sides: ours (a time limit for each call) and the server's
//! (`statement_timeout`; `idle_in_transaction_session_timeout`, so that a replica that froze in
//! the middle of a change does not keep all others from writing). The URL holds a password, so no
//! error may repeat it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::database::Database;
use super::error::{InvalidDatabase, is_transient};
use super::migrations;
use super::pool::{OPENING, Pool};
use super::{ADMIN_READ_LIMIT, WRITE_LIMIT};

/// Look-ups at once, per replica.
const READERS: u32 = 10;
/// Changes at once, per replica. They wait for each other in the database anyway.
const WRITERS: u32 = 2;
/// How long a start waits for a database that does not answer.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long one attempt to connect at the start may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Pause between attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(250);
/// How long migrations may take, waiting for another replica's included.
const MIGRATION_LIMIT: Duration = Duration::from_secs(60);
/// Parameters of a URL that sqlx reads; it would log the values of others.
const PARAMETERS: [&str; 8] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "dbname", "user"];

/// The database that `url` names, with its tables brought to this version's form.
pub(super) async fn open(url: &str) -> Result<Database, InvalidDatabase> {
    let options = options(url)?;
    let connection = connect(&options).await?;
    migrate(connection).await?;
    let reading = session(&options, ADMIN_READ_LIMIT);
    let writing = session(&options, WRITE_LIMIT).options([("synchronous_commit", "on")]);
    let readers = Pool::Postgres(pool(READERS, reading));
    // A server that has no room for all of them may have it later.
    if !matches!(timeout(START_LIMIT, readers.warm(READERS)).await, Ok(Ok(()))) {
        tracing::warn!("the database does not take all connections yet");
    }
    Ok(Database {
        readers,
        writers: Pool::Postgres(pool(WRITERS, writing)),
        most_connections: READERS,
        opening: Arc::default(),
        _keeper: None,
        _lock: None,
    })
}

fn options(url: &str) -> Result<PgConnectOptions, InvalidDatabase> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
        if !PARAMETERS.contains(&name) {
            return Err(InvalidDatabase::Parameter);
        }
    }
    let options = PgConnectOptions::from_str(url).map_err(|_| InvalidDatabase::Url)?;
    // Statement logging would put look-up keys within reach of a log level.
    Ok(options.application_name("authz-service").disable_statement_logging())
}

/// The server's own limits, a little above ours, so that what nobody waits for any more ends too.
fn session(options: &PgConnectOptions, statement: Duration) -> PgConnectOptions {
    let milliseconds = |limit: Duration| (limit.as_millis() + 100).to_string();
    options.clone().options([
        ("statement_timeout", milliseconds(statement)),
        ("lock_timeout", milliseconds(statement)),
        ("idle_in_transaction_session_timeout", milliseconds(2 * WRITE_LIMIT)),
    ])
}

/// Waits for a database that is not there yet: both may have been started together. What waiting
/// cannot mend (a wrong password, a database that does not exist) fails at once.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, InvalidDatabase> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let attempt = timeout(ATTEMPT_LIMIT, PgConnection::connect_with(options));
        let error = match timeout_at(deadline, attempt).await {
            Ok(Ok(Ok(connection))) => return Ok(connection),
            Ok(Ok(Err(error))) if is_transient(&error) => error,
            Ok(Ok(Err(error))) => return Err(InvalidDatabase::Open(error)),
            Ok(Err(_)) | Err(_) => sqlx::Error::PoolTimedOut,
        };
        if Instant::now() + ATTEMPT_PAUSE >= deadline {
            return Err(InvalidDatabase::Unreachable {
                seconds: START_LIMIT.as_secs(),
                source: error,
            });
        }
        sleep(ATTEMPT_PAUSE).await;
    }
}

/// Replicas that start together wait for each other: sqlx takes a lock in the database.
async fn migrate(mut connection: PgConnection) -> Result<(), InvalidDatabase> {
    let migration = async {
        migrations::postgres().run(&mut connection).await.map_err(InvalidDatabase::Migrate)?;
        connection.close().await.map_err(InvalidDatabase::Open)
    };
    let seconds = MIGRATION_LIMIT.as_secs();
    timeout(MIGRATION_LIMIT, migration)
        .await
        .unwrap_or(Err(InvalidDatabase::SlowMigration { seconds }))
}

fn pool(size: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(OPENING)
        // A dead connection is found by using it; asking first would double every call.
        .test_before_acquire(false)
        .idle_timeout(None)
        .connect_lazy_with(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_refused_without_repeating_it() {
        for url in [
            "postgres://user:hunter2@host:port/db",
            "postgres://user:hunter2@host/db?sslmode=maybe",
            "postgres://user:hunter2@host/db?passwd=hunter2",
            "postgres://user@host/db?password=hunter2",
        ] {
            let error = options(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        options("postgres://user:p%40ss@host:5433/db?sslmode=verify-full&sslrootcert=/ca").unwrap();
        options("postgresql://host").unwrap();
    }
}
