//! Look-ups and lists that decisions are made from.
//!
//! A row that does not read back as what was written (a database edited by hand) is a fault of
//! the store, not an unknown subject.

use std::time::Duration;

use async_trait::async_trait;
use claimgate_authz_api::Properties;

use super::rows::{resource, role, subject, text};
use super::sql::{Row, Value};
use super::{ADMIN_READ_LIMIT, CALL_LIMIT, MAX_PAGE};
use super::{ETag, EntityStore, SqlStore, StoreError, Stored, Version};
use crate::email::Email;
use crate::entities::{Resource, Role, Subject};

/// Reads a row: its version, and what it holds.
pub(super) type Read<T> = fn(Row) -> Result<(Version, T), sqlx::Error>;

#[async_trait]
impl EntityStore for SqlStore {
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, StoreError> {
        let sql = "SELECT version, kind, id, properties, roles FROM subjects \
                   WHERE kind = $1 AND id = $2";
        Ok(self.one(CALL_LIMIT, sql, &[kind, id], subject).await?.map(|found| found.value))
    }

    async fn subject_by_email(&self, email: &Email) -> Result<Option<Subject>, StoreError> {
        let sql = "SELECT version, kind, id, properties, roles FROM subjects WHERE email = $1";
        Ok(self.one(CALL_LIMIT, sql, &[email.as_str()], subject).await?.map(|found| found.value))
    }

    async fn resource(&self, kind: &str, id: &str) -> Result<Option<Properties>, StoreError> {
        let sql = "SELECT version, kind, id, properties FROM resources WHERE kind = $1 AND id = $2";
        let found = self.one(CALL_LIMIT, sql, &[kind, id], resource).await?;
        Ok(found.map(|found| found.value.properties))
    }

    async fn roles(&self) -> Result<Vec<Stored<Role>>, StoreError> {
        self.page("SELECT version, name, parents FROM roles ORDER BY name", vec![], role).await
    }

    async fn subjects(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError> {
        if kind.contains('\0') {
            return Ok(Vec::new());
        }
        let sql = "SELECT version, kind, id, properties, roles FROM subjects \
                   WHERE kind = $1 AND id > $2 ORDER BY kind, id LIMIT $3";
        self.values(sql, after_id(kind, after, limit), subject).await
    }

    async fn resources(
        &self,
        kind: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Resource>, StoreError> {
        if kind.contains('\0') {
            return Ok(Vec::new());
        }
        let sql = "SELECT version, kind, id, properties FROM resources \
                   WHERE kind = $1 AND id > $2 ORDER BY kind, id LIMIT $3";
        self.values(sql, after_id(kind, after, limit), resource).await
    }

    async fn version(&self) -> Result<Version, StoreError> {
        let row = self.database.row(CALL_LIMIT, "SELECT version FROM meta", vec![]).await?;
        Ok(row.ok_or(sqlx::Error::RowNotFound)?.version()?)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.database.rows(CALL_LIMIT, "SELECT kind FROM subjects LIMIT 1", vec![]).await.map(drop)
    }
}

impl SqlStore {
    /// The one row that these texts find. No stored text has a NUL, which PostgreSQL would refuse.
    pub(super) async fn one<T>(
        &self,
        limit: Duration,
        sql: &'static str,
        by: &[&str],
        read: Read<T>,
    ) -> Result<Option<Stored<T>>, StoreError> {
        if by.iter().any(|text| text.contains('\0')) {
            return Ok(None);
        }
        let values = by.iter().map(|text| Value::from(*text)).collect();
        let row = self.database.row(limit, sql, values).await?;
        row.map(|row| stored(row, read)).transpose().map_err(StoreError::from)
    }

    async fn values<T>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        read: Read<T>,
    ) -> Result<Vec<T>, StoreError> {
        let page = self.page(sql, values, read).await?;
        Ok(page.into_iter().map(|found| found.value).collect())
    }

    pub(super) async fn page<T>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        read: Read<T>,
    ) -> Result<Vec<Stored<T>>, StoreError> {
        let rows = self.database.rows(ADMIN_READ_LIMIT, sql, values).await?;
        let page: Result<_, _> = rows.into_iter().map(|row| stored(row, read)).collect();
        page.map_err(StoreError::from)
    }
}

fn stored<T>(row: Row, read: Read<T>) -> Result<Stored<T>, sqlx::Error> {
    let (version, value) = read(row)?;
    Ok(Stored { value, etag: ETag(version) })
}

fn after_id(kind: &str, after: Option<&str>, limit: usize) -> Vec<Value> {
    let limit = u32::try_from(limit).unwrap_or(MAX_PAGE);
    vec![kind.into(), text(after.unwrap_or_default()), page_size(limit)]
}

pub(super) fn page_size(limit: u32) -> Value {
    limit.min(MAX_PAGE).into()
}
