//! `EntityStore` on SQLite, in memory or in a file: the embedded default, no server to run.
//!
//! Queries are checked at run time. Rows that do not read back as what was written (a file edited
//! by hand) are a fault of the store, not an unknown subject.

use std::future::Future;
use std::str::FromStr;
use std::sync::Mutex;

use async_trait::async_trait;
use claimgate_authz_api::Properties;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, Row};

use super::{CALL_LIMIT, EntityStore, StoreError};
use crate::email::Email;
use crate::entities::{Entities, Resource, Subject};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Readers at once. SQLite runs each on a thread of its own; more only adds contention.
const CONNECTIONS: u32 = 4;
/// Name of the seed that `--entities` applies.
const ENTITIES_SEED: &str = "entities";

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabase {
    /// A URL of another kind.
    #[error("--database: only `sqlite:FILE` is supported")]
    Url,
    /// It cannot be opened.
    #[error("--database: cannot open it: {0}")]
    Open(#[source] sqlx::Error),
    /// Its tables cannot be brought to this version's form.
    #[error("--database: cannot migrate it: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The seed cannot be written.
    #[error("--entities: cannot write them to the database: {0}")]
    Seed(#[source] sqlx::Error),
}

/// Subjects and resources in SQLite.
pub struct SqliteStore {
    pool: SqlitePool,
    options: SqliteConnectOptions,
    /// An in-memory database lives as long as one connection to it does; the pool may drop its.
    _keeper: Option<Mutex<SqliteConnection>>,
}

impl SqliteStore {
    /// A new database in memory, gone with the process.
    pub async fn in_memory() -> Result<Self, InvalidDatabase> {
        let options = options("sqlite::memory:")?;
        let keeper =
            SqliteConnection::connect_with(&options).await.map_err(InvalidDatabase::Open)?;
        Self::open_with(options, Some(Mutex::new(keeper))).await
    }

    /// The database in the file that `url` (`sqlite:FILE`) names; made when it does not exist.
    pub async fn open(url: &str) -> Result<Self, InvalidDatabase> {
        let is_file = url.strip_prefix("sqlite:").is_some_and(|file| {
            !file.trim_start_matches('/').is_empty() && !file.contains(":memory:")
        });
        if !is_file {
            return Err(InvalidDatabase::Url);
        }
        Self::open_with(options(url)?.create_if_missing(true), None).await
    }

    async fn open_with(
        options: SqliteConnectOptions,
        keeper: Option<Mutex<SqliteConnection>>,
    ) -> Result<Self, InvalidDatabase> {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CALL_LIMIT)
            .connect_lazy_with(options.clone());
        // Migrations may take longer than a look-up may, so they get a connection of their own.
        let mut connection =
            SqliteConnection::connect_with(&options).await.map_err(InvalidDatabase::Open)?;
        MIGRATIONS.run(&mut connection).await.map_err(InvalidDatabase::Migrate)?;
        connection.close().await.map_err(InvalidDatabase::Open)?;
        Ok(Self { pool, options, _keeper: keeper })
    }

    /// Writes `entities`, all or nothing, unless this database was seeded before. Answers whether
    /// it wrote them.
    pub async fn seed(&self, entities: &Entities) -> Result<bool, InvalidDatabase> {
        self.write_seed(entities).await.map_err(InvalidDatabase::Seed)
    }

    async fn write_seed(&self, entities: &Entities) -> Result<bool, sqlx::Error> {
        // As for migrations: the pool's limits are for look-ups.
        let mut connection = SqliteConnection::connect_with(&self.options).await?;
        let mut transaction = connection.begin().await?;
        let marked = sqlx::query("INSERT INTO seeds (name) VALUES (?) ON CONFLICT DO NOTHING")
            .bind(ENTITIES_SEED)
            .execute(&mut *transaction)
            .await?;
        if marked.rows_affected() == 0 {
            return Ok(false);
        }
        for subject in &entities.subjects {
            insert_subject(&mut transaction, subject).await?;
        }
        for resource in &entities.resources {
            sqlx::query("INSERT INTO resources (kind, id, properties) VALUES (?, ?, ?)")
                .bind(&resource.kind)
                .bind(&resource.id)
                .bind(text(&resource.properties)?)
                .execute(&mut *transaction)
                .await?;
        }
        for action in &entities.actions {
            sqlx::query("INSERT INTO actions (name, properties) VALUES (?, ?)")
                .bind(&action.name)
                .bind(text(&action.properties)?)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions, InvalidDatabase> {
    let options = SqliteConnectOptions::from_str(url).map_err(InvalidDatabase::Open)?;
    // Statement logging would put look-up keys within reach of a log level.
    Ok(options.busy_timeout(CALL_LIMIT).disable_statement_logging())
}

async fn insert_subject(
    connection: &mut SqliteConnection,
    subject: &Subject,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO subjects (kind, id, email, properties, roles) VALUES (?, ?, ?, ?, ?)")
        .bind(&subject.kind)
        .bind(&subject.id)
        .bind(subject.email().map(|email| email.as_str().to_owned()))
        .bind(text(&subject.properties)?)
        .bind(text(&subject.roles)?)
        .execute(connection)
        .await
        .map(drop)
}

fn text(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

#[async_trait]
impl EntityStore for SqliteStore {
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, StoreError> {
        let query = sqlx::query(
            "SELECT kind, id, properties, roles FROM subjects WHERE kind = ? AND id = ?",
        );
        let row = bounded(query.bind(kind).bind(id).fetch_optional(&self.pool)).await?;
        row.map(|row| read_subject(&row)).transpose().map_err(StoreError::from)
    }

    async fn subject_by_email(&self, email: &Email) -> Result<Option<Subject>, StoreError> {
        let query = sqlx::query("SELECT kind, id, properties, roles FROM subjects WHERE email = ?");
        let row = bounded(query.bind(email.as_str()).fetch_optional(&self.pool)).await?;
        row.map(|row| read_subject(&row)).transpose().map_err(StoreError::from)
    }

    async fn resource(&self, kind: &str, id: &str) -> Result<Option<Properties>, StoreError> {
        let query = sqlx::query("SELECT properties FROM resources WHERE kind = ? AND id = ?");
        let row = bounded(query.bind(kind).bind(id).fetch_optional(&self.pool)).await?;
        let read = |row: sqlx::sqlite::SqliteRow| parsed(row.try_get("properties")?);
        row.map(read).transpose().map_err(StoreError::from)
    }

    async fn subjects(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError> {
        let query = sqlx::query(
            "SELECT kind, id, properties, roles FROM subjects \
             WHERE kind = ? AND id > ? ORDER BY id LIMIT ?",
        );
        let query = query.bind(kind).bind(after.unwrap_or_default()).bind(rows(limit));
        let rows = bounded(query.fetch_all(&self.pool)).await?;
        rows.iter().map(read_subject).collect::<Result<_, _>>().map_err(StoreError::from)
    }

    async fn resources(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Resource>, StoreError> {
        let query = sqlx::query(
            "SELECT kind, id, properties FROM resources \
             WHERE kind = ? AND id > ? ORDER BY id LIMIT ?",
        );
        let query = query.bind(kind).bind(after.unwrap_or_default()).bind(rows(limit));
        let rows = bounded(query.fetch_all(&self.pool)).await?;
        rows.iter().map(read_resource).collect::<Result<_, _>>().map_err(StoreError::from)
    }

    async fn check(&self) -> Result<(), StoreError> {
        bounded(sqlx::query("SELECT 1 FROM subjects LIMIT 1").fetch_optional(&self.pool))
            .await
            .map(drop)
    }
}

fn read_subject(row: &sqlx::sqlite::SqliteRow) -> Result<Subject, sqlx::Error> {
    Ok(Subject {
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        properties: parsed(row.try_get("properties")?)?,
        roles: parsed(row.try_get("roles")?)?,
    })
}

fn read_resource(row: &sqlx::sqlite::SqliteRow) -> Result<Resource, sqlx::Error> {
    Ok(Resource {
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        properties: parsed(row.try_get("properties")?)?,
    })
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

async fn bounded<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(answer) => answer.map_err(StoreError::from),
        Err(elapsed) => Err(StoreError { source: elapsed.into(), transient: true }),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let transient = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(fault) => fault.code().is_some_and(|code| is_busy(&code)),
            _ => false,
        };
        Self { source: error.into(), transient }
    }
}

/// SQLITE_BUSY (5) and SQLITE_LOCKED (6), also in their extended forms (low byte).
fn is_busy(code: &str) -> bool {
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6))
}
