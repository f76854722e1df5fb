//! The decision point: the one sequence find → ask the engine → answer, free of any wire.
//!
//! It joins `directory` (who is this?) and `engine` (may they?). It must not answer when it could
//! not look: a store that fails is an error for the wire to report, never a denial or a permit.

mod explain;
pub mod search;

use std::borrow::Cow;
use std::sync::Arc;

use claimgate_authz_api::{EvaluationContext, EvaluationRequest, EvaluationResponse, Properties};
use jiff::Timestamp;

use crate::cache::{CacheError, SharedCache};
use crate::directory::{Directory, Identity, Known};
use crate::engine::{Engine, Question};
use crate::policies::Policies;
use crate::roles::RoleName;
use crate::spans;
use crate::store::{EntityStore, StoreError};

/// Policies with the subjects and resources they are asked about.
pub struct DecisionPoint {
    policies: Arc<Policies>,
    directory: Directory,
    store: Arc<dyn EntityStore>,
    cache: Arc<dyn SharedCache>,
    no_properties: Arc<Properties>,
}

/// A decision, and whether it may be kept.
#[derive(Debug)]
pub struct Answer {
    /// What goes to the caller.
    pub response: EvaluationResponse,
    /// Whether something failed on the way, so that the caller should ask again next time.
    pub degraded: bool,
    /// When it may no longer be kept, because a role ends.
    pub until: Option<Timestamp>,
}

/// The state of what the decision point depends on.
#[derive(Debug)]
pub struct Dependencies {
    /// Without the store there are no answers.
    pub store: Result<(), StoreError>,
    /// Without the cache there are, a little slower.
    pub cache: Result<(), CacheError>,
}

impl DecisionPoint {
    /// A decision point that decides by `policies`, whichever they are at the time.
    pub fn new(
        policies: Arc<Policies>,
        store: Arc<dyn EntityStore>,
        cache: Arc<dyn SharedCache>,
    ) -> Self {
        let directory = Directory::new(Arc::clone(&store), Arc::clone(&cache));
        Self { policies, directory, store, cache, no_properties: Arc::default() }
    }

    /// Answers one evaluation request.
    pub async fn evaluate(&self, request: &EvaluationRequest) -> Result<Answer, StoreError> {
        let subject = self.find(&Identity::of_subject(&request.subject)).await?;
        // One engine from here on: what it lists decides what is looked up for it.
        let engine = self.policies.engine();
        let resource = self.resource(&engine, request).await?;
        let response = judge(&engine, request, &subject, &resource);
        Ok(Answer { response, degraded: subject.degraded, until: subject.until })
    }

    /// The policies that decide.
    pub fn policies(&self) -> &Arc<Policies> {
        &self.policies
    }

    /// What is known about a caller.
    pub async fn find(&self, identity: &Identity) -> Result<Arc<Known>, StoreError> {
        self.directory.find(identity).await
    }

    /// Where subjects are found, for whoever changes them.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Asks every dependency whether it answers.
    pub async fn dependencies(&self) -> Dependencies {
        let (store, cache) = tokio::join!(self.store.check(), self.cache.check());
        Dependencies { store, cache }
    }

    /// A type without attributes in the schema has none worth a look-up.
    async fn resource(
        &self,
        engine: &Engine,
        request: &EvaluationRequest,
    ) -> Result<Arc<Properties>, StoreError> {
        let resource = &request.resource;
        if !engine.has_attributes(&resource.kind) {
            return Ok(Arc::clone(&self.no_properties));
        }
        self.directory.resource(&resource.kind, &resource.id).await
    }
}

/// Decides, once everything is known.
fn judge(
    engine: &Engine,
    request: &EvaluationRequest,
    subject: &Known,
    resource: &Properties,
) -> EvaluationResponse {
    let _span = spans::engine().entered();
    let verdict = engine.decide(&Question {
        request,
        roles: &subject.roles,
        subject: &subject.properties,
        resource,
        slot: Some(&subject.prepared),
    });
    let reason = verdict.reason.code();
    let policy = verdict.policy();
    tracing::debug!(decision = verdict.decision, reason, policy = policy.as_deref(), "decided");
    let context = EvaluationContext {
        roles: Some(names(&subject.roles)),
        reason: Some(reason.to_owned()),
        policy: policy.map(Cow::into_owned),
        policy_version: Some(engine.version().to_string()),
        headers: Properties::new(),
    };
    EvaluationResponse { decision: verdict.decision, context }
}

/// Roles as they go over a wire.
pub(crate) fn names(roles: &[RoleName]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}
