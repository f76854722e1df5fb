//! Who may, what to, and which actions: the search of AuthZEN 1.0 section 8.
//!
//! A search is the evaluation of every candidate, with everything else as it was sent, so a
//! result can never be one that an evaluation would deny. Candidates are what the store (subjects,
//! resources) or the schema (actions) lists, in the order of their ids. Whoever is asked *about*
//! by type and id must be known: of a stranger nothing is found.
//!
//! Each call examines a bounded number of candidates and says where to go on. It must not hold a
//! thread: others get their turn between chunks.

use std::sync::Arc;

use claimgate_authz_api::{EvaluationRequest, Properties};

use super::{DecisionPoint, judge};
use crate::directory::{Identity, Known};
use crate::engine::Engine;
use crate::store::StoreError;

/// Most results of one call.
pub const MAX_RESULTS: usize = 1_000;
/// Most candidates that one call examines: some 20 ms of work.
const MAX_EXAMINED: usize = 2_000;
/// Candidates examined before others get the thread.
const CHUNK: usize = 64;

/// From where, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// The last candidate that was examined before; `None` at the beginning.
    pub after: Option<&'a str>,
    /// Most results, at most [`MAX_RESULTS`].
    pub limit: usize,
}

/// What one call found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Ids of subjects or resources, names of actions.
    pub results: Vec<String>,
    /// Where to go on; `None` when every candidate was examined.
    pub next: Option<Position>,
}

/// A place among the candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Before the first.
    Start,
    /// Behind this one.
    After(String),
}

/// The candidates examined so far.
struct Progress {
    found: Found,
    limit: usize,
    examined: usize,
    position: Position,
}

impl Progress {
    fn new(window: Window) -> Self {
        let position = window.after.map_or(Position::Start, |id| Position::After(id.to_owned()));
        let limit = window.limit.min(MAX_RESULTS);
        Self { found: Found::default(), limit, examined: 0, position }
    }

    fn is_full(&self) -> bool {
        self.found.results.len() >= self.limit || self.examined >= MAX_EXAMINED
    }

    fn after(&self) -> Option<&str> {
        match &self.position {
            Position::Start => None,
            Position::After(id) => Some(id),
        }
    }

    fn examined(&mut self, id: String, permitted: bool) {
        self.examined += 1;
        if permitted {
            self.found.results.push(id.clone());
        }
        self.position = Position::After(id);
    }

    /// Ends before the last candidate.
    fn interrupted(self) -> Found {
        Found { next: Some(self.position), ..self.found }
    }
}

/// A chunk, and whether it is the last: one candidate more than a chunk tells.
fn chunk<T>(mut found: Vec<T>) -> (Vec<T>, bool) {
    let is_last = found.len() <= CHUNK;
    found.truncate(CHUNK);
    (found, is_last)
}

impl DecisionPoint {
    /// The stored subjects of the asked type that may do the action to the resource. The id in
    /// `request.subject` is ignored.
    pub async fn search_subjects(
        &self,
        mut request: EvaluationRequest,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        let engine = self.policies.engine();
        let Some(resource) = self.known_resource(&engine, &request).await? else {
            return Ok(Found::default());
        };
        let mut progress = Progress::new(window);
        loop {
            let kind = &request.subject.kind;
            let (chunk, is_last) =
                chunk(self.store.subjects(kind, progress.after(), CHUNK + 1).await?);
            for subject in chunk {
                if progress.is_full() {
                    return Ok(progress.interrupted());
                }
                request.subject.id.clone_from(&subject.id);
                let id = subject.id.clone();
                let known = self.directory.of_stored(subject).await?;
                let permitted = judge(&engine, &request, &known, &resource).decision;
                progress.examined(id, permitted);
            }
            if is_last {
                return Ok(progress.found);
            }
            tokio::task::yield_now().await;
        }
    }

    /// The stored resources of the asked type that the subject may do the action to. The id in
    /// `request.resource` is ignored.
    pub async fn search_resources(
        &self,
        mut request: EvaluationRequest,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        let Some(subject) = self.known_subject(&request).await? else {
            return Ok(Found::default());
        };
        let engine = self.policies.engine();
        let mut progress = Progress::new(window);
        loop {
            let kind = &request.resource.kind;
            let (chunk, is_last) =
                chunk(self.store.resources(kind, progress.after(), CHUNK + 1).await?);
            for resource in chunk {
                if progress.is_full() {
                    return Ok(progress.interrupted());
                }
                request.resource.id.clone_from(&resource.id);
                let permitted = judge(&engine, &request, &subject, &resource.properties).decision;
                progress.examined(resource.id, permitted);
            }
            if is_last {
                return Ok(progress.found);
            }
            tokio::task::yield_now().await;
        }
    }

    /// The actions of the schema that the subject may do to the resource. `request.action` is
    /// ignored.
    pub async fn search_actions(
        &self,
        mut request: EvaluationRequest,
        window: Window<'_>,
    ) -> Result<Found, StoreError> {
        let Some(subject) = self.known_subject(&request).await? else {
            return Ok(Found::default());
        };
        let engine = self.policies.engine();
        let Some(resource) = self.known_resource(&engine, &request).await? else {
            return Ok(Found::default());
        };
        let mut progress = Progress::new(window);
        for name in engine.action_names() {
            if window.after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            if progress.is_full() {
                return Ok(progress.interrupted());
            }
            request.action.name.clone_from(&name);
            let permitted = judge(&engine, &request, &subject, &resource).decision;
            progress.examined(name, permitted);
        }
        Ok(progress.found)
    }

    /// The subject asked about, unless it is named by a type and id that the store does not know.
    async fn known_subject(
        &self,
        request: &EvaluationRequest,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        let identity = Identity::of_subject(&request.subject);
        let known = self.find(&identity).await?;
        let stranger = matches!(identity, Identity::Subject { .. }) && !known.is_stored;
        Ok((!stranger).then_some(known))
    }

    /// The attributes of the resource asked about, unless the store should have some and has not.
    async fn known_resource(
        &self,
        engine: &Engine,
        request: &EvaluationRequest,
    ) -> Result<Option<Properties>, StoreError> {
        let resource = &request.resource;
        if !engine.has_attributes(&resource.kind) {
            return Ok(Some(Properties::new()));
        }
        self.store.resource(&resource.kind, &resource.id).await
    }
}
