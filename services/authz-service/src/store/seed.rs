//! `--entities`: what a store begins with. Written once, all or nothing, as one change.

use std::time::Duration;

use serde_json::json;

use super::SqlStore;
use super::change::Target;
use super::error::InvalidDatabase;
use super::labels::Actor;
use super::pool::Connection;
use super::rows::{resource_values, role_values, subject_values};
use super::sql::Value;
use super::version::Version;
use super::writes::{Entry, decisions_moved, next_version};
use crate::entities::Entities;

/// Name of the seed that `--entities` applies.
const ENTITIES_SEED: &str = "entities";
/// Who seeds, for the audit log.
const ACTOR: &str = "authz-service";
/// How long a start spends on it.
const LIMIT: Duration = Duration::from_secs(120);

impl SqlStore {
    /// Writes `entities`, all or nothing, unless this database was seeded before. Answers whether
    /// it wrote them.
    pub async fn seed(&self, entities: &Entities) -> Result<bool, InvalidDatabase> {
        let late = || sqlx::Error::PoolTimedOut;
        let outcome = tokio::time::timeout(LIMIT, self.write_seed(entities)).await;
        outcome.unwrap_or_else(|_| Err(late())).map_err(InvalidDatabase::Seed)
    }

    async fn write_seed(&self, entities: &Entities) -> Result<bool, sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        let connection = transaction.connection()?;
        // Before anything else: replicas that start together seed one after the other.
        let version = next_version(connection).await?;
        let sql = "INSERT INTO seeds (name) VALUES ($1) ON CONFLICT DO NOTHING";
        if connection.execute(sql, vec![ENTITIES_SEED.into()]).await? == 0 {
            transaction.rollback().await;
            return Ok(false);
        }
        decisions_moved(connection).await?;
        insert(connection, entities, version).await?;
        if let Some(by) = &Actor::parse(ACTOR) {
            let entry = Entry { version, at: (self.clock)(), by, action: "seed" };
            let detail = json!({
                "subjects": entities.subjects.len(),
                "resources": entities.resources.len(),
                "roles": entities.roles.len(),
            });
            entry.append(connection, &Target::new("entities", ""), &detail).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

async fn insert(
    connection: &mut Connection,
    entities: &Entities,
    version: Version,
) -> Result<(), sqlx::Error> {
    for subject in &entities.subjects {
        let sql = "INSERT INTO subjects (kind, id, email, properties, roles, version) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        connection.execute(sql, subject_values(subject, version)?).await?;
    }
    for resource in &entities.resources {
        let sql = "INSERT INTO resources (kind, id, properties, version) VALUES ($1, $2, $3, $4)";
        connection.execute(sql, resource_values(resource, version)?).await?;
    }
    for role in &entities.roles {
        let sql = "INSERT INTO roles (name, parents, version) VALUES ($1, $2, $3)";
        connection.execute(sql, role_values(role, version)?).await?;
    }
    for action in &entities.actions {
        let sql = "INSERT INTO actions (name, properties) VALUES ($1, $2)";
        let values = vec![action.name.as_str().into(), Value::json(&action.properties)?];
        connection.execute(sql, values).await?;
    }
    Ok(())
}
