//! The one way in which this service changes its store: make the change durable, then tell every
//! cache, here and in other replicas, before whoever asked for it is answered.
//!
//! It must never announce what was not stored. That an announcement gets lost is the directory's
//! to deal with; it asks the store.

use std::sync::Arc;

use crate::cache::{Invalidation, What};
use crate::directory::Directory;
use crate::store::StoreError;
use crate::store::{Actor, AdminStore, Applied, Change, IdempotencyKey, Precondition, WriteError};

/// Changes of one store.
#[derive(Clone)]
pub struct Changes {
    store: Arc<dyn AdminStore>,
    directory: Directory,
}

impl Changes {
    /// Changes of `store`, which `directory` reads.
    pub fn new(store: Arc<dyn AdminStore>, directory: Directory) -> Self {
        Self { store, directory }
    }

    /// What can be read beside being changed.
    pub fn store(&self) -> &dyn AdminStore {
        self.store.as_ref()
    }

    /// Makes `change`, as [`AdminStore::apply`] does, and announces it.
    pub async fn apply(
        &self,
        change: &Change,
        on: Precondition,
        by: &Actor,
        key: Option<&IdempotencyKey>,
    ) -> Result<Applied, WriteError> {
        // Before the change: afterwards nobody knows which address the subject had.
        let mut what = self.about(change).await.map_err(WriteError::Store)?;
        let applied = self.store.apply(change, on, by, key).await?;
        if let (Change::PutSubject(subject), What::Subject { emails, .. }) = (change, &mut what) {
            emails.extend(subject.email().map(|email| email.as_str().to_owned()));
        }
        self.directory.announce(&Invalidation { version: applied.version.0, what }).await;
        Ok(applied)
    }

    async fn about(&self, change: &Change) -> Result<What, StoreError> {
        Ok(match change {
            Change::PutSubject(subject) => self.subject(&subject.kind, &subject.id).await?,
            Change::DeleteSubject { kind, id }
            | Change::Grant { kind, id, .. }
            | Change::Withdraw { kind, id, .. } => self.subject(kind, id).await?,
            Change::PutRole(_) | Change::DeleteRole(_) => What::Roles,
            Change::PutResource(resource) => {
                What::Resource { kind: resource.kind.clone(), id: resource.id.clone() }
            }
            Change::DeleteResource { kind, id } => {
                What::Resource { kind: kind.clone(), id: id.clone() }
            }
            Change::PutPolicies(_) => What::Policies,
            Change::Revoke { .. } | Change::Unrevoke(_) | Change::RaiseEpoch(_) => What::State,
            // Nothing is kept of quotas.
            Change::PutQuota(_) | Change::DeleteQuota(_) => What::State,
            // Asked for with every request that presents one.
            Change::IssueSecret { .. } => What::State,
        })
    }

    async fn subject(&self, kind: &str, id: &str) -> Result<What, StoreError> {
        // As patient as a change is, not as hurried as a decision.
        let before = self.store.stored_subject(kind, id).await?;
        let email = before.and_then(|stored| stored.value.email());
        let emails = email.map(|email| email.as_str().to_owned()).into_iter().collect();
        Ok(What::Subject { kind: kind.to_owned(), id: id.to_owned(), emails })
    }
}
