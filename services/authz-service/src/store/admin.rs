//! What administrators read.

use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use super::reads::page_size;
use super::rows::{resource, role, subject, text};
use super::{
    ADMIN_READ_LIMIT, Actor, AdminSecret, AdminStore, Applied, AuditEntry, AuditFilter, Change,
    Counts, IdempotencyKey, KEPT_SETS, MAX_PAGE, PolicySet, PolicySetVersion, Precondition, Quota,
    Revocation, RevocationKey, SecretDigest, SqlStore, StateAnswer, StateEntry, StatePlace,
    StoreError, Stored, Version, WriteError,
};
use crate::entities::{Resource, Role, Subject};
use crate::roles::RoleName;

#[async_trait]
impl AdminStore for SqlStore {
    async fn apply(
        &self,
        change: &Change,
        on: Precondition,
        by: &Actor,
        key: Option<&IdempotencyKey>,
    ) -> Result<Applied, WriteError> {
        self.write(change, on, by, key).await
    }

    async fn store_id(&self) -> Result<String, StoreError> {
        let row = self.database.row(ADMIN_READ_LIMIT, "SELECT store_id FROM meta", vec![]).await?;
        Ok(row.ok_or(sqlx::Error::RowNotFound)?.text()?)
    }

    async fn decisions_version(&self) -> Result<Version, StoreError> {
        let row = self.database.row(ADMIN_READ_LIMIT, "SELECT decisions FROM meta", vec![]).await?;
        Ok(row.ok_or(sqlx::Error::RowNotFound)?.version()?)
    }

    async fn stored_subject(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Option<Stored<Subject>>, StoreError> {
        let sql = "SELECT version, kind, id, properties, roles FROM subjects \
                   WHERE kind = $1 AND id = $2";
        self.one(ADMIN_READ_LIMIT, sql, &[kind, id], subject).await
    }

    async fn stored_resource(
        &self,
        kind: &str,
        id: &str,
    ) -> Result<Option<Stored<Resource>>, StoreError> {
        let sql = "SELECT version, kind, id, properties FROM resources WHERE kind = $1 AND id = $2";
        self.one(ADMIN_READ_LIMIT, sql, &[kind, id], resource).await
    }

    async fn all_subjects(
        &self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Stored<Subject>>, StoreError> {
        let sql = "SELECT version, kind, id, properties, roles FROM subjects \
                   WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3";
        let (kind, id) = after.unwrap_or_default();
        self.page(sql, vec![text(kind), text(id), page_size(limit)], subject).await
    }

    async fn all_resources(
        &self,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Stored<Resource>>, StoreError> {
        let sql = "SELECT version, kind, id, properties FROM resources \
                   WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3";
        let (kind, id) = after.unwrap_or_default();
        self.page(sql, vec![text(kind), text(id), page_size(limit)], resource).await
    }

    async fn role(&self, name: &RoleName) -> Result<Option<Stored<Role>>, StoreError> {
        let sql = "SELECT version, name, parents FROM roles WHERE name = $1";
        self.one(ADMIN_READ_LIMIT, sql, &[name.as_str()], role).await
    }

    async fn policies(&self) -> Result<Option<Stored<PolicySet>>, StoreError> {
        let sql = "SELECT version, cedar_schema, documents FROM policy_sets \
                   ORDER BY version DESC LIMIT 1";
        self.one(ADMIN_READ_LIMIT, sql, &[], PolicySet::read).await
    }

    async fn policies_at(&self, version: Version) -> Result<Option<PolicySet>, StoreError> {
        let sql = "SELECT version, cedar_schema, documents FROM policy_sets WHERE version = $1";
        let found = self.page(sql, vec![version.into()], PolicySet::read).await?;
        Ok(found.into_iter().next().map(|found| found.value))
    }

    async fn policy_versions(&self) -> Result<Vec<PolicySetVersion>, StoreError> {
        let sql = "SELECT version, created_at FROM policy_sets ORDER BY version DESC LIMIT $1";
        let kept = u32::try_from(KEPT_SETS).unwrap_or(MAX_PAGE);
        let rows = self.database.rows(ADMIN_READ_LIMIT, sql, vec![kept.into()]).await?;
        let versions: Result<_, _> = rows.into_iter().map(PolicySetVersion::read).collect();
        versions.map_err(StoreError::from)
    }

    async fn quotas(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Stored<Quota>>, StoreError> {
        let sql = "SELECT version, name, key_kind, requests, per_seconds, burst FROM quotas \
                   WHERE name > $1 ORDER BY name LIMIT $2";
        let values = vec![text(after.unwrap_or_default()), page_size(limit)];
        self.page(sql, values, Quota::read).await
    }

    async fn quota(&self, name: &str) -> Result<Option<Stored<Quota>>, StoreError> {
        let sql = "SELECT version, name, key_kind, requests, per_seconds, burst FROM quotas \
                   WHERE name = $1";
        self.one(ADMIN_READ_LIMIT, sql, &[name], Quota::read).await
    }

    async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<Version>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let (sql, values) = filter.statement(before, limit.min(MAX_PAGE));
        let rows = self.database.rows(ADMIN_READ_LIMIT, AssertSqlSafe(sql), values).await?;
        let entries: Result<_, _> = rows.into_iter().map(AuditEntry::read).collect();
        entries.map_err(StoreError::from)
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.count().await
    }

    async fn revocations(
        &self,
        after: Option<Version>,
        limit: u32,
    ) -> Result<Vec<StateEntry>, StoreError> {
        self.live_revocations(after, limit).await
    }

    async fn revoked(&self, keys: &[RevocationKey]) -> Result<Vec<Revocation>, StoreError> {
        self.revocations_of(keys).await
    }

    async fn admin_secret(&self, digest: &SecretDigest) -> Result<Option<AdminSecret>, StoreError> {
        let sql = "SELECT holder, expires_at FROM admin_secrets WHERE digest = $1";
        let row = self.database.row(ADMIN_READ_LIMIT, sql, vec![text(digest.as_str())]).await?;
        row.map(AdminSecret::read).transpose().map_err(StoreError::from)
    }

    async fn state_since(
        &self,
        place: Option<StatePlace>,
        limit: u32,
    ) -> Result<StateAnswer, StoreError> {
        self.feed(place, limit).await
    }
}
