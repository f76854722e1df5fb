//! What each change does: which row it is about, and what becomes of it.

use jiff::Timestamp;

use super::change::Change;
use super::error::WriteError;
use super::pool::Connection;
use super::rows::{self, resource_values, role_values, subject_values, text};
use super::sql::Value;
use super::state::{Body, EpochScope, Revocation, RevocationKey};
use super::version::{ETag, Version};
use super::{KEPT_SETS, PolicySet, Quota};
use crate::entities::{Grant, Hierarchy, Resource, Role, Subject};
use crate::roles::{MAX_ROLES, RoleName};

/// Most roles of the hierarchy.
const MAX_HIERARCHY: usize = 1_024;

/// The tag of what `change` is about, if it is there.
pub(super) async fn tag(
    connection: &mut Connection,
    change: &Change,
) -> Result<Option<ETag>, sqlx::Error> {
    let (sql, values) = lookup(change);
    let row = connection.row(sql, values).await?;
    row.map(|mut row| row.version().map(ETag)).transpose()
}

fn lookup(change: &Change) -> (&'static str, Vec<Value>) {
    const STATE: &str = "SELECT version FROM state WHERE key = $1 AND removed_at IS NULL";
    match change {
        Change::PutSubject(Subject { kind, id, .. })
        | Change::DeleteSubject { kind, id }
        | Change::Grant { kind, id, .. }
        | Change::Withdraw { kind, id, .. } => {
            ("SELECT version FROM subjects WHERE kind = $1 AND id = $2", vec![text(kind), text(id)])
        }
        Change::PutResource(Resource { kind, id, .. }) | Change::DeleteResource { kind, id } => (
            "SELECT version FROM resources WHERE kind = $1 AND id = $2",
            vec![text(kind), text(id)],
        ),
        Change::PutRole(Role { name, .. }) | Change::DeleteRole(name) => {
            ("SELECT version FROM roles WHERE name = $1", vec![name.as_str().into()])
        }
        Change::PutPolicies(_) => {
            ("SELECT version FROM policy_sets ORDER BY version DESC LIMIT 1", vec![])
        }
        Change::Revoke { revocation, .. } => (STATE, vec![revocation.key().row_key().into()]),
        Change::Unrevoke(key) => (STATE, vec![key.row_key().into()]),
        Change::RaiseEpoch(scope) => (STATE, vec![scope.row_key().into()]),
        Change::PutQuota(Quota { name, .. }) | Change::DeleteQuota(name) => {
            ("SELECT version FROM quotas WHERE name = $1", vec![text(name)])
        }
        Change::IssueSecret { digest, .. } => {
            ("SELECT version FROM admin_secrets WHERE digest = $1", vec![text(digest.as_str())])
        }
    }
}

/// Makes the change. Answers with the tag of what it is about from now on.
pub(super) async fn make(
    connection: &mut Connection,
    change: &Change,
    version: Version,
    found: Option<ETag>,
    now: Timestamp,
) -> Result<Option<ETag>, WriteError> {
    let needs_target = !matches!(
        change,
        Change::PutSubject(_)
            | Change::PutRole(_)
            | Change::PutResource(_)
            | Change::PutPolicies(_)
            | Change::PutQuota(_)
            | Change::Revoke { .. }
            | Change::RaiseEpoch(_)
            | Change::IssueSecret { .. }
    );
    if needs_target && found.is_none() {
        return Err(WriteError::NotFound);
    }
    let mut effect = Effect { connection, version, now };
    match change {
        Change::PutSubject(subject) => effect.put_subject(subject).await?,
        Change::Grant { kind, id, role, expires_at } => {
            let grant = Grant { role: role.clone(), expires_at: *expires_at };
            effect.grant(kind, id, grant).await?;
        }
        Change::Withdraw { kind, id, role } => effect.withdraw(kind, id, role).await?,
        Change::PutRole(role) => effect.put_role(role).await?,
        Change::PutResource(resource) => effect.put_resource(resource).await?,
        Change::PutPolicies(set) => effect.put_policies(set).await?,
        Change::PutQuota(quota) => effect.put_quota(quota).await?,
        Change::Revoke { revocation, expires_at } => {
            effect.revoke(revocation.clone(), *expires_at).await?;
        }
        Change::RaiseEpoch(scope) => effect.raise(scope).await?,
        Change::IssueSecret { digest, holder, expires_at } => {
            effect.issue(digest.as_str(), holder, *expires_at).await?;
        }
        Change::DeleteSubject { kind, id } => {
            let sql = "DELETE FROM subjects WHERE kind = $1 AND id = $2";
            return effect.delete(sql, &[kind, id]).await;
        }
        Change::DeleteResource { kind, id } => {
            let sql = "DELETE FROM resources WHERE kind = $1 AND id = $2";
            return effect.delete(sql, &[kind, id]).await;
        }
        Change::DeleteRole(name) => {
            return effect.delete("DELETE FROM roles WHERE name = $1", &[name.as_str()]).await;
        }
        Change::DeleteQuota(name) => {
            return effect.delete("DELETE FROM quotas WHERE name = $1", &[name]).await;
        }
        Change::Unrevoke(key) => return effect.unrevoke(key).await,
    }
    Ok(Some(ETag(version)))
}

struct Effect<'a> {
    connection: &'a mut Connection,
    version: Version,
    now: Timestamp,
}

impl Effect<'_> {
    async fn run(&mut self, sql: &'static str, values: Vec<Value>) -> Result<(), WriteError> {
        self.connection.execute(sql, values).await?;
        Ok(())
    }

    async fn delete(&mut self, sql: &'static str, by: &[&str]) -> Result<Option<ETag>, WriteError> {
        self.run(sql, by.iter().map(|text| Value::from(*text)).collect()).await?;
        Ok(None)
    }

    async fn put_subject(&mut self, subject: &Subject) -> Result<(), WriteError> {
        self.check_owner(subject).await?;
        let sql = "INSERT INTO subjects (kind, id, email, properties, roles, version) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, id) DO UPDATE SET \
                   email = excluded.email, properties = excluded.properties, \
                   roles = excluded.roles, version = excluded.version";
        self.run(sql, subject_values(subject, self.version)?).await
    }

    /// One address, one subject: else a role look-up by e-mail could answer for either.
    async fn check_owner(&mut self, subject: &Subject) -> Result<(), WriteError> {
        let Some(email) = subject.email() else { return Ok(()) };
        let sql = "SELECT version, kind, id, properties, roles FROM subjects WHERE email = $1";
        let row = self.connection.row(sql, vec![email.as_str().into()]).await?;
        let Some((_, owner)) = row.map(rows::subject).transpose()? else { return Ok(()) };
        if (owner.kind.as_str(), owner.id.as_str()) == (&subject.kind, &subject.id) {
            return Ok(());
        }
        Err(WriteError::Conflict { what: "another subject has this e-mail address".to_owned() })
    }

    async fn grants(&mut self, kind: &str, id: &str) -> Result<Vec<Grant>, WriteError> {
        let sql = "SELECT roles FROM subjects WHERE kind = $1 AND id = $2";
        let row = self.connection.row(sql, vec![kind.into(), id.into()]).await?;
        let mut grants: Vec<Grant> = row.ok_or(WriteError::NotFound)?.json()?;
        grants.retain(|grant| grant.holds(self.now));
        Ok(grants)
    }

    async fn set_grants(
        &mut self,
        kind: &str,
        id: &str,
        grants: &[Grant],
    ) -> Result<(), WriteError> {
        let sql = "UPDATE subjects SET roles = $1, version = $2 WHERE kind = $3 AND id = $4";
        let values = vec![Value::json(&grants)?, self.version.into(), kind.into(), id.into()];
        self.run(sql, values).await
    }

    async fn grant(&mut self, kind: &str, id: &str, grant: Grant) -> Result<(), WriteError> {
        let mut grants = self.grants(kind, id).await?;
        if let Some(other) = grants.iter_mut().find(|other| other.role == grant.role) {
            *other = grant;
        } else if grants.len() < MAX_ROLES {
            grants.push(grant);
        } else {
            return Err(WriteError::Conflict { what: format!("more than {MAX_ROLES} roles") });
        }
        self.set_grants(kind, id, &grants).await
    }

    async fn withdraw(&mut self, kind: &str, id: &str, role: &RoleName) -> Result<(), WriteError> {
        let mut grants = self.grants(kind, id).await?;
        let before = grants.len();
        grants.retain(|grant| grant.role != *role);
        if grants.len() == before {
            return Err(WriteError::NotFound);
        }
        self.set_grants(kind, id, &grants).await
    }

    async fn put_role(&mut self, role: &Role) -> Result<(), WriteError> {
        let rows = self.connection.rows("SELECT version, name, parents FROM roles", vec![]).await?;
        let others: Result<Vec<_>, _> = rows.into_iter().map(rows::role).collect();
        let others = others?.into_iter().map(|(_, other)| other);
        let others: Vec<_> = others.filter(|other| other.name != role.name).collect();
        if others.len() >= MAX_HIERARCHY {
            return Err(WriteError::Conflict { what: format!("more than {MAX_HIERARCHY} roles") });
        }
        Hierarchy::new(others.into_iter().chain([role.clone()]))
            .map_err(|cycle| WriteError::Conflict { what: cycle.to_string() })?;
        let sql = "INSERT INTO roles (name, parents, version) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET \
                   parents = excluded.parents, version = excluded.version";
        self.run(sql, role_values(role, self.version)?).await
    }

    async fn put_resource(&mut self, resource: &Resource) -> Result<(), WriteError> {
        let sql = "INSERT INTO resources (kind, id, properties, version) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT (kind, id) DO UPDATE SET \
                   properties = excluded.properties, version = excluded.version";
        self.run(sql, resource_values(resource, self.version)?).await
    }

    async fn put_policies(&mut self, set: &PolicySet) -> Result<(), WriteError> {
        let sql = "INSERT INTO policy_sets (version, cedar_schema, documents, created_at) \
                   VALUES ($1, $2, $3, $4)";
        let values = vec![
            self.version.into(),
            set.schema.as_str().into(),
            Value::json(&set.documents)?,
            self.now.as_second().into(),
        ];
        self.run(sql, values).await?;
        let sql = "DELETE FROM policy_sets WHERE version NOT IN \
                   (SELECT version FROM policy_sets ORDER BY version DESC LIMIT $1)";
        let kept = i64::try_from(KEPT_SETS).unwrap_or(i64::MAX);
        self.run(sql, vec![kept.into()]).await
    }

    async fn put_quota(&mut self, quota: &Quota) -> Result<(), WriteError> {
        let sql = "INSERT INTO quotas (name, key_kind, requests, per_seconds, burst, version) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET \
                   key_kind = excluded.key_kind, requests = excluded.requests, \
                   per_seconds = excluded.per_seconds, burst = excluded.burst, \
                   version = excluded.version";
        self.run(sql, quota.values(self.version)?).await
    }

    /// Never reaches less far than before: a reader may have forgotten by then what it was told
    /// first.
    async fn revoke(
        &mut self,
        mut revocation: Revocation,
        expires_at: Timestamp,
    ) -> Result<(), WriteError> {
        let key = revocation.key().row_key();
        let sql = "SELECT body, expires_at, removed_at FROM state WHERE key = $1";
        let mut end = expires_at.as_second();
        if let Some(mut row) = self.connection.row(sql, vec![key.as_str().into()]).await? {
            let earlier: Body = row.json()?;
            end = end.max(row.optional_int()?.unwrap_or(end));
            let taken_back = row.optional_int()?.is_some();
            if let (Body::Revocation(earlier), false) = (earlier, taken_back) {
                revocation = revocation.reaching(&earlier);
            }
        }
        self.put_state(key, &Body::Revocation(revocation), Some(end)).await
    }

    async fn raise(&mut self, scope: &EpochScope) -> Result<(), WriteError> {
        self.put_state(scope.row_key(), &Body::Epoch(scope.clone()), None).await
    }

    async fn issue(
        &mut self,
        digest: &str,
        holder: &str,
        end: Timestamp,
    ) -> Result<(), WriteError> {
        let ended = vec![self.now.as_second().into()];
        self.run("DELETE FROM admin_secrets WHERE expires_at <= $1", ended).await?;
        let sql = "INSERT INTO admin_secrets (digest, holder, expires_at, version) \
                   VALUES ($1, $2, $3, $4)";
        let end = end.as_second().into();
        self.run(sql, vec![digest.into(), holder.into(), end, self.version.into()]).await
    }

    async fn put_state(
        &mut self,
        key: String,
        body: &Body,
        end: Option<i64>,
    ) -> Result<(), WriteError> {
        let sql = "INSERT INTO state (key, body, expires_at, removed_at, version) \
                   VALUES ($1, $2, $3, NULL, $4) ON CONFLICT (key) DO UPDATE SET \
                   body = excluded.body, expires_at = excluded.expires_at, \
                   removed_at = NULL, version = excluded.version";
        let values = vec![key.into(), Value::json(body)?, Value::Int(end), self.version.into()];
        self.run(sql, values).await
    }

    /// The row stays and tells readers; `purge` removes it.
    async fn unrevoke(&mut self, key: &RevocationKey) -> Result<Option<ETag>, WriteError> {
        let sql = "UPDATE state SET removed_at = $1, version = $2 WHERE key = $3";
        let now = self.now.as_second();
        self.run(sql, vec![now.into(), self.version.into(), key.row_key().into()]).await?;
        Ok(None)
    }
}
