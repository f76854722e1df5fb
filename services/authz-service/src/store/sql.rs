//! One statement on either database: the same text, values in, rows out.
//!
//! SQLite and PostgreSQL both take `$1` and the little SQL that we need, so every statement is
//! written once. Only texts and whole numbers cross this line; the rest is JSON in a text.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Row as _, SqlSafeStr, TypeInfo, ValueRef};

use super::pool::Connection;
use super::version::Version;

/// A value bound to a statement, or read from a row.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
}

impl Value {
    pub(super) fn json(value: &impl Serialize) -> Result<Self, sqlx::Error> {
        let text =
            serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))?;
        Ok(text.into())
    }

    /// Beyond the largest signed number no version is ever reached.
    pub(super) fn version(version: Option<Version>) -> Self {
        Self::Int(version.map(|version| i64::try_from(version.0).unwrap_or(i64::MAX)))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(Some(number.into()))
    }
}

impl From<Version> for Value {
    fn from(version: Version) -> Self {
        Self::version(Some(version))
    }
}

/// A row, read column by column in the order of the statement.
pub(super) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(super) fn text(&mut self) -> Result<String, sqlx::Error> {
        match self.0.next() {
            Some(Value::Text(Some(text))) => Ok(text),
            _ => Err(unexpected("a text")),
        }
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, sqlx::Error> {
        serde_json::from_str(&self.text()?).map_err(|error| sqlx::Error::Decode(error.into()))
    }

    pub(super) fn int(&mut self) -> Result<i64, sqlx::Error> {
        self.optional_int()?.ok_or_else(|| unexpected("a number"))
    }

    pub(super) fn optional_int(&mut self) -> Result<Option<i64>, sqlx::Error> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            // What SQLite says of any null.
            Some(Value::Text(None)) => Ok(None),
            _ => Err(unexpected("a number")),
        }
    }

    pub(super) fn number<N: TryFrom<i64>>(&mut self) -> Result<N, sqlx::Error> {
        N::try_from(self.int()?).map_err(|_| unexpected("a number in its range"))
    }

    pub(super) fn version(&mut self) -> Result<Version, sqlx::Error> {
        self.number().map(Version)
    }

    pub(super) fn optional_version(&mut self) -> Result<Option<Version>, sqlx::Error> {
        let number = self.optional_int()?;
        let read = |number| u64::try_from(number).map(Version);
        number.map(read).transpose().map_err(|_| unexpected("a version"))
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, sqlx::Error> {
        self.optional_instant()?.ok_or_else(|| unexpected("an instant"))
    }

    pub(super) fn optional_instant(&mut self) -> Result<Option<Timestamp>, sqlx::Error> {
        let read = |seconds| Timestamp::from_second(seconds);
        self.optional_int()?.map(read).transpose().map_err(|_| unexpected("an instant"))
    }
}

/// A row that does not read back as what was written: someone else wrote to the database.
fn unexpected(wanted: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("a column is not {wanted}").into())
}

macro_rules! bound {
    ($sql:expr, $values:expr) => {{
        let mut query = sqlx::query($sql);
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(number) => query.bind(number),
            };
        }
        query
    }};
}

impl Connection {
    /// Runs a statement that answers with rows.
    pub(super) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let rows = bound!(sql, values).fetch_all(&mut **connection).await?;
                rows.iter().map(read_sqlite).collect()
            }
            Self::Postgres(connection) => {
                let rows = bound!(sql, values).fetch_all(&mut **connection).await?;
                rows.iter().map(read_postgres).collect()
            }
        }
    }

    /// Runs a statement that answers with one row at most.
    pub(super) async fn row(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs a statement, and says how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let done = bound!(sql, values).execute(&mut **connection).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(connection) => {
                let done = bound!(sql, values).execute(&mut **connection).await?;
                Ok(done.rows_affected())
            }
        }
    }
}

fn read_sqlite(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let value = |index| match row.try_get_raw(index)?.type_info().name() {
        "INTEGER" => row.try_get(index).map(Value::Int),
        // Of any type, also null.
        _ => row.try_get(index).map(Value::Text),
    };
    let columns: Result<Vec<_>, _> = (0..row.columns().len()).map(value).collect();
    Ok(Row(columns?.into_iter()))
}

fn read_postgres(row: &PgRow) -> Result<Row, sqlx::Error> {
    let value = |column: &sqlx::postgres::PgColumn| match column.type_info().name() {
        "INT8" => row.try_get(column.ordinal()).map(Value::Int),
        _ => row.try_get(column.ordinal()).map(Value::Text),
    };
    let columns: Result<Vec<_>, _> = row.columns().iter().map(value).collect();
    Ok(Row(columns?.into_iter()))
}
