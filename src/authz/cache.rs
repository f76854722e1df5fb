//! Decisions kept for other requests that ask the same question.
//!
//! The key is the whole encoded question, compared in full; the cache belongs to one decision
//! point of one policy and goes with them. Errors are never kept.

use std::rc::Rc;

use super::Decision;
use crate::bounded::BoundedMap;
use crate::time::Timestamp;

/// Decisions of one decision point, by question.
#[derive(Debug)]
pub struct DecisionCache(BoundedMap<Rc<[u8]>, Rc<Decision>>);

impl DecisionCache {
    /// A cache of at most this many decisions.
    pub fn new(max_entries: usize) -> Self {
        Self(BoundedMap::new(max_entries))
    }

    /// The decision on a question, if one may be used now.
    pub fn find(&mut self, question: &[u8], now: Timestamp) -> Option<Rc<Decision>> {
        let decision = self.0.find(question)?;
        if now < decision.usable_until() {
            return Some(decision);
        }
        self.0.remove(question);
        None
    }

    /// Keeps a decision, unless it may not be kept.
    pub fn insert(&mut self, question: Rc<[u8]>, decision: Rc<Decision>, now: Timestamp) {
        if now < decision.usable_until() {
            self.0.insert(question, decision);
        }
    }
}
