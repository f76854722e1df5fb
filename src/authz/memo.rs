//! The decisions that a verified token has been given, kept beside it.
//!
//! What is asked about a token depends on its claims, the route and the method alone, so those two
//! find the decision again without writing the question down. It holds no decision that the cache
//! may not hold, and none for longer; it goes with the token.

use std::cell::RefCell;
use std::rc::Rc;

use super::Decision;
use crate::policy::Route;
use crate::time::Timestamp;

/// Most decisions kept with one token; beyond that the one kept longest makes room.
const MAX_ENTRIES: usize = 8;

/// Decisions given for one token.
#[derive(Debug, Default)]
pub struct DecisionMemo(RefCell<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    route: Rc<Route>,
    method: Box<str>,
    decision: Rc<Decision>,
}

impl DecisionMemo {
    /// The decision for a request, if one may be used now.
    pub fn find(&self, route: &Rc<Route>, method: &str, now: Timestamp) -> Option<Rc<Decision>> {
        let entries = self.0.try_borrow().ok()?;
        let entry = entries.iter().find(|entry| entry.is_for(route, method))?;
        (now < entry.decision.usable_until()).then(|| Rc::clone(&entry.decision))
    }

    /// Keeps a decision in place of an older one for the same request.
    pub fn insert(&self, route: &Rc<Route>, method: &str, decision: &Rc<Decision>) {
        let Ok(mut entries) = self.0.try_borrow_mut() else { return };
        entries.retain(|entry| !entry.is_for(route, method));
        if entries.len() >= MAX_ENTRIES {
            entries.remove(0);
        }
        let (route, decision) = (Rc::clone(route), Rc::clone(decision));
        entries.push(Entry { route, method: method.into(), decision });
    }
}

impl Entry {
    fn is_for(&self, route: &Rc<Route>, method: &str) -> bool {
        Rc::ptr_eq(&self.route, route) && *self.method == *method
    }
}
