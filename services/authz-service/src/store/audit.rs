//! The audit log: who changed what, when. One entry for every version, written with the change,
//! never altered: the database itself refuses to.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::change::Target;
use super::labels::Actor;
use super::sql::{Row, Value as Bound};
use super::version::Version;

/// One change, as it is remembered.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The store's version with it.
    pub version: Version,
    /// When it happened; whole seconds.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done: `put`, `delete`, `grant`, `withdraw`, `revoke`, `unrevoke`, `raise`,
    /// `issue`, `seed`.
    pub action: String,
    /// To what.
    pub target: Target,
    /// Names and numbers that say more; no values and no texts.
    pub detail: Map<String, Value>,
}

/// Which entries are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this actor.
    pub actor: Option<Actor>,
    /// About this target.
    pub target: Option<Target>,
    /// At this instant or later.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// The statement for a page of at most `limit` entries before `before`, newest first.
    pub(super) fn statement(&self, before: Option<Version>, limit: u32) -> (String, Vec<Bound>) {
        let mut sql = "SELECT version, at, actor, action, target_kind, target_id, detail \
                       FROM audit WHERE 1 = 1"
            .to_owned();
        let mut values: Vec<Bound> = Vec::new();
        let mut and = |condition: &str, value: Bound| {
            values.push(value);
            sql.push_str(&format!(" AND {condition} ${}", values.len()));
        };
        if let Some(version) = before {
            and("version <", version.into());
        }
        if let Some(actor) = &self.actor {
            and("actor =", actor.as_str().into());
        }
        if let Some(target) = &self.target {
            and("target_kind =", target.kind.as_str().into());
            and("target_id =", target.id.as_str().into());
        }
        if let Some(since) = self.since {
            and("at >=", since.as_second().into());
        }
        if let Some(until) = self.until {
            and("at <", until.as_second().into());
        }
        sql.push_str(&format!(" ORDER BY version DESC LIMIT {limit}"));
        (sql, values)
    }
}

impl AuditEntry {
    pub(super) fn read(mut row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            version: row.version()?,
            at: row.instant()?,
            actor: row.text()?,
            action: row.text()?,
            target: Target { kind: row.text()?, id: row.text()? },
            detail: row.json()?,
        })
    }
}
