//! A subject made ready once and asked about many times.
//!
//! Converting and validating a subject's attributes costs several times what a decision does, and
//! between two requests of the same client nothing of it changes. So the result is kept beside
//! what the directory knows about the subject. It belongs to the engine that made it and to what
//! the request said about the subject; when either differs, it is made again.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use cedar_policy::{Entities, EntityUid};
use claimgate_authz_api::Subject;

use super::Reason;
use super::index::BucketNumber;
use super::scope::Place;

/// A subject with its attributes converted and validated, its role parents, and the policies
/// that could be about it.
pub struct Prepared {
    generation: u64,
    subject: Subject,
    pub(super) principal: Principal,
}

impl Prepared {
    pub(super) fn new(generation: u64, subject: &Subject, principal: Principal) -> Self {
        Self { generation, subject: subject.clone(), principal }
    }

    fn is_of(&self, generation: u64, subject: &Subject) -> bool {
        self.generation == generation && self.subject == *subject
    }
}

/// Where a subject's prepared form is kept. It belongs to one list of roles and one set of stored
/// attributes: whoever changes those starts with an empty slot.
#[derive(Default)]
pub struct Slot(ArcSwapOption<Prepared>);

impl Slot {
    pub(super) fn find_or_make(
        &self,
        generation: u64,
        subject: &Subject,
        make: impl FnOnce() -> Arc<Prepared>,
    ) -> Arc<Prepared> {
        if let Some(found) = self.0.load_full().filter(|found| found.is_of(generation, subject)) {
            return found;
        }
        let made = make();
        self.0.store(Some(Arc::clone(&made)));
        made
    }
}

/// A copy starts empty: it may be about to get other roles.
impl Clone for Slot {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What is in a slot makes no difference but of time.
impl PartialEq for Slot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.load().is_some() { "Slot(prepared)" } else { "Slot(empty)" })
    }
}

/// A subject as the policies see it.
pub(super) struct Principal {
    pub(super) uid: EntityUid,
    pub(super) place: Place,
    /// Buckets of policies that could be about it.
    pub(super) buckets: Vec<BucketNumber>,
    /// Whether its attributes could be converted.
    pub(super) values: Result<(), Reason>,
    /// Whether the schema takes it as it is.
    pub(super) valid: Result<(), Reason>,
    /// What Cedar evaluates conditions with: the subject, where there is anything to it, and the
    /// action groups, where a condition could ask for them.
    pub(super) entities: Entities,
}
