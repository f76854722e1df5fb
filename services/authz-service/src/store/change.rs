//! What can be changed, under which condition, by whom: the only way to write to a store.
//!
//! A change is checked here before a store sees it, and says here what the audit log keeps of it:
//! names and numbers, never attribute values or policy texts.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::policies::PolicySet;
use super::quotas::Quota;
use super::secrets::{SecretDigest, check_holder};
use super::state::{EpochScope, Revocation, RevocationKey};
use super::version::{ETag, Version};
use crate::entities::{InvalidEntities, Resource, Role, Subject};
use crate::roles::RoleName;

/// One change. All of it happens, with its audit entry, or nothing does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Makes or replaces a subject, its grants included.
    PutSubject(Subject),
    /// Removes a subject with its grants.
    DeleteSubject {
        /// Type of the subject.
        kind: String,
        /// Id within the type.
        id: String,
    },
    /// Gives a subject a role, or another end to one it has. Grants that have ended make room.
    Grant {
        /// Type of the subject.
        kind: String,
        /// Id within the type.
        id: String,
        /// The role.
        role: RoleName,
        /// When it ends; `None` for never.
        expires_at: Option<Timestamp>,
    },
    /// Takes a role from a subject.
    Withdraw {
        /// Type of the subject.
        kind: String,
        /// Id within the type.
        id: String,
        /// The role.
        role: RoleName,
    },
    /// Makes or replaces a role with what it inherits from.
    PutRole(Role),
    /// Removes a role from the hierarchy; who has been granted it keeps the name.
    DeleteRole(RoleName),
    /// Makes or replaces a resource.
    PutResource(Resource),
    /// Removes a resource.
    DeleteResource {
        /// Type of the resource.
        kind: String,
        /// Id within the type.
        id: String,
    },
    /// Activates a whole set of policies with its schema.
    PutPolicies(PolicySet),
    /// Revokes until `expires_at`. Revoking again can only reach further.
    Revoke {
        /// What no longer counts.
        revocation: Revocation,
        /// Until when this has to be remembered: the end of the last token it can be about.
        expires_at: Timestamp,
    },
    /// Takes a revocation back.
    Unrevoke(RevocationKey),
    /// Makes everything that was decided before, within the scope, count as old.
    RaiseEpoch(EpochScope),
    /// Makes or replaces the definition of a quota.
    PutQuota(Quota),
    /// Removes the definition of a quota.
    DeleteQuota(String),
    /// Lets whoever presents a secret administer until `expires_at`. Secrets that have ended are
    /// forgotten with it.
    IssueSecret {
        /// Of the secret.
        digest: SecretDigest,
        /// The actor of what is done with it.
        holder: String,
        /// When it ends.
        expires_at: Timestamp,
    },
}

/// What a change is about, as the audit log names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `subject`, `resource`, `role`, `policies`, `revocation`, `epoch`, `quota`,
    /// `admin_secret` or `entities`.
    pub kind: String,
    /// Its id; `<type>/<id>` of subjects and resources, empty for policies.
    pub id: String,
}

impl Target {
    pub(super) fn new(kind: &str, id: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into() }
    }

    fn entity(kind: &str, of: &str, id: &str) -> Self {
        Self::new(kind, format!("{of}/{id}"))
    }
}

/// What must be so for a change to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// Nothing.
    None,
    /// The target is there, whatever it is (`If-Match: *`).
    Exists,
    /// The target is there and nobody changed it since (`If-Match`).
    Matches(ETag),
    /// The target is not there (`If-None-Match: *`).
    Absent,
}

impl Precondition {
    /// Whether it holds for a target with this tag, `None` for one that is not there.
    pub(super) fn holds(self, found: Option<ETag>) -> bool {
        match self {
            Self::None => true,
            Self::Exists => found.is_some(),
            Self::Matches(tag) => found == Some(tag),
            Self::Absent => found.is_none(),
        }
    }
}

/// A change that happened and will not be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The store's version with it.
    pub version: Version,
    /// Tag of the target; `None` once it is removed.
    pub etag: Option<ETag>,
    /// Whether it happened before, under the same idempotency key.
    pub replayed: bool,
}

impl Change {
    /// Name of the kind of change in the audit log.
    pub fn action(&self) -> &'static str {
        match self {
            Self::PutSubject(_) | Self::PutRole(_) | Self::PutResource(_) => "put",
            Self::PutPolicies(_) | Self::PutQuota(_) => "put",
            Self::DeleteSubject { .. } | Self::DeleteResource { .. } => "delete",
            Self::DeleteRole(_) | Self::DeleteQuota(_) => "delete",
            Self::Grant { .. } => "grant",
            Self::Withdraw { .. } => "withdraw",
            Self::Revoke { .. } => "revoke",
            Self::Unrevoke(_) => "unrevoke",
            Self::RaiseEpoch(_) => "raise",
            Self::IssueSecret { .. } => "issue",
        }
    }

    /// Whether decisions can come out otherwise for it.
    pub(super) fn concerns_decisions(&self) -> bool {
        match self {
            Self::PutSubject(_)
            | Self::DeleteSubject { .. }
            | Self::Grant { .. }
            | Self::Withdraw { .. }
            | Self::PutRole(_)
            | Self::DeleteRole(_)
            | Self::PutResource(_)
            | Self::DeleteResource { .. }
            | Self::PutPolicies(_) => true,
            Self::Revoke { .. }
            | Self::Unrevoke(_)
            | Self::RaiseEpoch(_)
            | Self::PutQuota(_)
            | Self::DeleteQuota(_)
            | Self::IssueSecret { .. } => false,
        }
    }

    /// What it is about.
    pub fn target(&self) -> Target {
        match self {
            Self::PutSubject(subject) => Target::entity("subject", &subject.kind, &subject.id),
            Self::DeleteSubject { kind, id }
            | Self::Grant { kind, id, .. }
            | Self::Withdraw { kind, id, .. } => Target::entity("subject", kind, id),
            Self::PutRole(role) => Target::new("role", role.name.as_str()),
            Self::DeleteRole(name) => Target::new("role", name.as_str()),
            Self::PutResource(Resource { kind, id, .. }) | Self::DeleteResource { kind, id } => {
                Target::entity("resource", kind, id)
            }
            Self::PutPolicies(_) => Target::new("policies", ""),
            Self::Revoke { revocation, .. } => Target::new("revocation", revocation.key().text()),
            Self::Unrevoke(key) => Target::new("revocation", key.text()),
            Self::RaiseEpoch(scope) => Target::new("epoch", scope.text()),
            Self::PutQuota(quota) => Target::new("quota", quota.name.as_str()),
            Self::DeleteQuota(name) => Target::new("quota", name.as_str()),
            Self::IssueSecret { digest, .. } => Target::new("admin_secret", digest.short()),
        }
    }

    /// What the audit log keeps beside action and target.
    pub(super) fn detail(&self) -> Value {
        match self {
            Self::PutSubject(subject) => json!({
                "properties": subject.properties.keys().collect::<Vec<_>>(),
                "roles": subject.roles,
            }),
            Self::PutResource(resource) => {
                json!({"properties": resource.properties.keys().collect::<Vec<_>>()})
            }
            Self::Grant { role, expires_at, .. } => {
                json!({"role": role, "expires_at": expires_at})
            }
            Self::Withdraw { role, .. } => json!({"role": role}),
            Self::PutRole(role) => json!({"parents": role.parents}),
            Self::PutPolicies(set) => json!({"documents": set.names()}),
            Self::Revoke { revocation, expires_at } => {
                json!({"issued_before": revocation.issued_before(), "expires_at": expires_at})
            }
            Self::PutQuota(quota) => json!(quota),
            Self::IssueSecret { expires_at, .. } => json!({"expires_at": expires_at}),
            Self::DeleteSubject { .. }
            | Self::DeleteResource { .. }
            | Self::DeleteRole(_)
            | Self::Unrevoke(_)
            | Self::RaiseEpoch(_)
            | Self::DeleteQuota(_) => json!({}),
        }
    }

    /// Refuses what must never be stored, whoever asks for it.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), InvalidEntities> {
        match self {
            Self::PutSubject(subject) => subject.check("subject"),
            Self::PutRole(role) => role.check("role"),
            Self::PutResource(resource) => resource.check("resource"),
            Self::PutPolicies(set) => set.check(),
            Self::PutQuota(quota) => quota.check(),
            Self::Revoke { revocation, expires_at } => {
                revocation.check()?;
                future("expires_at", Some(*expires_at), now)
            }
            Self::Grant { expires_at, .. } => future("expires_at", *expires_at, now),
            Self::RaiseEpoch(scope) => scope.check(),
            Self::IssueSecret { holder, expires_at, .. } => {
                check_holder(holder)?;
                future("expires_at", Some(*expires_at), now)
            }
            Self::DeleteSubject { .. }
            | Self::Withdraw { .. }
            | Self::DeleteRole(_)
            | Self::DeleteResource { .. }
            | Self::Unrevoke(_)
            | Self::DeleteQuota(_) => Ok(()),
        }
    }
}

/// An end that has passed is a mistake: the change would do nothing.
fn future(at: &str, end: Option<Timestamp>, now: Timestamp) -> Result<(), InvalidEntities> {
    match end {
        Some(end) if end <= now => Err(InvalidEntities::new(at, "must be in the future")),
        _ => Ok(()),
    }
}
