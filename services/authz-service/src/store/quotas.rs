//! Definitions of quotas: kept and versioned here, enforced elsewhere.

use serde::{Deserialize, Serialize};

use super::check::{fits, not_zero};
use super::sql::{Row, Value};
use super::version::Version;
use crate::entities::InvalidEntities;

/// How much of something is allowed to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// Whose requests are counted together.
    pub key: QuotaKey,
    /// Requests allowed per period.
    pub requests: u32,
    /// Length of the period in seconds.
    pub per_seconds: u32,
    /// Requests that may come at once.
    pub burst: u32,
}

/// Whose requests a quota counts together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaKey {
    /// One subject's.
    Subject,
    /// One tenant's.
    Tenant,
    /// Everybody's.
    Global,
    /// Those with the same value in this header.
    Header(String),
}

impl Quota {
    pub(super) fn check(&self) -> Result<(), InvalidEntities> {
        fits("quota.name", &self.name)?;
        if let QuotaKey::Header(name) = &self.key {
            fits("quota.key", name)?;
        }
        not_zero("quota.requests", self.requests)?;
        not_zero("quota.per_seconds", self.per_seconds)?;
        not_zero("quota.burst", self.burst)
    }

    pub(super) fn read(mut row: Row) -> Result<(Version, Self), sqlx::Error> {
        let version = row.version()?;
        let quota = Self {
            name: row.text()?,
            key: row.json()?,
            requests: row.number()?,
            per_seconds: row.number()?,
            burst: row.number()?,
        };
        Ok((version, quota))
    }

    pub(super) fn values(&self, version: Version) -> Result<Vec<Value>, sqlx::Error> {
        Ok(vec![
            self.name.as_str().into(),
            Value::json(&self.key)?,
            i64::from(self.requests).into(),
            i64::from(self.per_seconds).into(),
            i64::from(self.burst).into(),
            version.into(),
        ])
    }
}
