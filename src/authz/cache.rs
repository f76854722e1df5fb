//! Decisions kept for other requests that ask the same question.
//!
//! The key is the whole encoded question, compared in full; the cache belongs to one decision
//! point of one policy and goes with them. Errors are never kept. Whether what a decision rests on
//! has changed is not known here: whoever takes one out asks that every time.

use std::rc::Rc;

use super::Decision;
use crate::bounded::BoundedMap;
use crate::policy::CacheLimits;
use crate::time::Timestamp;

/// Decisions of one decision point, by question.
#[derive(Debug)]
pub struct DecisionCache(BoundedMap<Rc<[u8]>, Rc<Decision>>);

impl DecisionCache {
    /// An empty cache.
    pub fn new(limits: &CacheLimits) -> Self {
        Self(BoundedMap::weighing(limits.max_entries, limits.max_bytes))
    }

    /// The decision on a question, if it is of any use now: fresh, or old and still good for
    /// something.
    pub fn find(&mut self, question: &[u8], now: Timestamp) -> Option<Rc<Decision>> {
        let decision = self.0.find(question)?;
        if decision.is_fresh(now) || decision.may_serve(now) || decision.may_stand_in(now) {
            return Some(decision);
        }
        self.0.remove(question);
        None
    }

    /// Takes a decision in place of an older one on the same question. One that may not be kept
    /// takes the older one's place all the same.
    pub fn insert(&mut self, question: Rc<[u8]>, decision: &Rc<Decision>, now: Timestamp) {
        if decision.is_fresh(now) {
            let weight = question.len() + decision.weight();
            self.0.insert_weighing(question, Rc::clone(decision), weight);
        } else {
            self.0.remove(&question);
        }
    }

    /// How many decisions there are, and about how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        (self.0.len(), self.0.weight())
    }
}

#[cfg(test)]
mod tests;
