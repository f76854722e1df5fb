//! Policies that the store holds: read at start, and again whenever the store has another set, so
//! that every replica decides by it within a second.
//!
//! A store without policies takes those of the directory, once, as it takes entities. A set that
//! cannot be used leaves the one before; so does a store that gives no answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Directory, Policies, Texts};
use crate::engine::{InvalidPolicies, Source};
use crate::store::{
    Actor, AdminStore, Change, ETag, PolicyDocument, PolicySet, Precondition, StoreError,
    WriteError,
};

/// How often the store is asked.
const POLL: Duration = Duration::from_millis(500);
/// Who puts the first set, for the audit log.
const ACTOR: &str = "authz-service";

/// Why there are no policies to start with.
#[derive(Debug, thiserror::Error)]
pub enum NoStoredPolicies {
    /// Nowhere.
    #[error("--policies-from store: it holds none; name the first ones with --policies DIR")]
    None,
    /// They cannot be used.
    #[error(transparent)]
    Invalid(#[from] InvalidPolicies),
    /// They cannot be read.
    #[error("--policies-from store: {0}")]
    Store(#[from] StoreError),
    /// The first ones cannot be stored.
    #[error("--policies-from store: the first ones cannot be stored: {0}")]
    Write(WriteError),
}

/// The store's policies; those of `first` when it has none yet.
pub async fn load(
    store: &dyn AdminStore,
    first: Option<&Directory>,
) -> Result<Policies, NoStoredPolicies> {
    if let Some(stored) = store.policies().await? {
        return Ok(Policies::load(&texts(stored.value))?);
    }
    let texts = first.ok_or(NoStoredPolicies::None)?.read()?;
    let policies = Policies::load(&texts)?;
    let actor = Actor::parse(ACTOR).ok_or(NoStoredPolicies::None)?;
    let change = Change::PutPolicies(set(texts));
    match store.apply(&change, Precondition::Absent, &actor, None).await {
        // Another replica was first; what it put is followed from now on.
        Ok(_) | Err(WriteError::PreconditionFailed) => Ok(policies),
        Err(error) => Err(NoStoredPolicies::Write(error)),
    }
}

/// Follows the store until `ended` says so.
pub async fn follow(
    policies: Arc<Policies>,
    store: Arc<dyn AdminStore>,
    mut ended: watch::Receiver<bool>,
) {
    let mut seen = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            // The sender is gone when the server is.
            _ = ended.wait_for(|ended| *ended) => return,
        }
        // Without an answer what there is goes on; the store's own state says that it is away.
        if let Ok(Some(now)) = changed(store.as_ref(), &mut seen).await {
            let policies = Arc::clone(&policies);
            let offered = tokio::task::spawn_blocking(move || policies.offer(Ok(texts(now)))).await;
            if let Err(error) = offered {
                tracing::error!(%error, "taking policies over ended early");
            }
        }
    }
}

/// The set in force, when it is another one than was `seen`.
async fn changed(
    store: &dyn AdminStore,
    seen: &mut Option<ETag>,
) -> Result<Option<PolicySet>, StoreError> {
    let newest = store.policy_versions().await?.first().map(|set| ETag(set.version));
    if newest.is_none() || newest == *seen {
        return Ok(None);
    }
    let Some(stored) = store.policies().await? else { return Ok(None) };
    *seen = Some(stored.etag);
    Ok(Some(stored.value))
}

/// The texts of a stored set.
pub fn texts(set: PolicySet) -> Texts {
    let source = |document: PolicyDocument| Source { file: document.name, text: document.text };
    Texts {
        schema: Source { file: "schema.cedarschema".into(), text: set.schema },
        policies: set.documents.into_iter().map(source).collect(),
    }
}

fn set(texts: Texts) -> PolicySet {
    let document = |source: Source| PolicyDocument { name: source.file, text: source.text };
    PolicySet {
        schema: texts.schema.text,
        documents: texts.policies.into_iter().map(document).collect(),
    }
}
