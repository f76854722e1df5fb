//! What deciding about a verified token has found, kept beside it and gone with it.
//!
//! What is asked about a token depends on its claims, the route and the method alone, so those two
//! find the decision again without writing the question down. The decisions are the cache's: what that
//! has dropped, for room or for good, is gone here too. What the token alone says about a route's rules stays true as
//! long as the token.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::Decision;
use crate::cel::Memo;
use crate::policy::{Opening, Route};
use crate::time::Timestamp;
use crate::upstream::signed::StatementMemo;

/// Most of either kept with one token; beyond that the one kept longest makes room.
const MAX_ENTRIES: usize = 8;

/// Decisions given for one token, and what it says about rules.
#[derive(Debug, Default)]
pub struct DecisionMemo {
    given: RefCell<Vec<Given>>,
    openings: RefCell<Vec<(Rc<Route>, Opening)>>,
    expressions: Memo,
    statements: StatementMemo,
}

#[derive(Debug)]
struct Given {
    route: Rc<Route>,
    method: Box<str>,
    decision: Weak<Decision>,
}

impl DecisionMemo {
    /// The decision for a request, if one may be used now.
    pub fn find(&self, route: &Rc<Route>, method: &str, now: Timestamp) -> Option<Rc<Decision>> {
        let entries = self.given.try_borrow().ok()?;
        let entry = entries.iter().find(|entry| entry.is_for(route, method))?;
        entry.decision.upgrade().filter(|decision| now < decision.usable_until())
    }

    /// Keeps a decision in place of an older one for the same request.
    pub fn insert(&self, route: &Rc<Route>, method: &str, decision: &Rc<Decision>) {
        let Ok(mut entries) = self.given.try_borrow_mut() else { return };
        entries.retain(|entry| entry.is_kept() && !entry.is_for(route, method));
        let (route, decision) = (Rc::clone(route), Rc::downgrade(decision));
        keep(&mut entries, Given { route, method: method.into(), decision });
    }

    /// What the token says about a route's rules; `find` finds that out the first time.
    pub fn opening(&self, route: &Rc<Route>, find: impl FnOnce() -> Opening) -> Opening {
        let Ok(mut entries) = self.openings.try_borrow_mut() else { return find() };
        let known = entries.iter().find(|(of, _)| Rc::ptr_eq(of, route));
        if let Some((_, known)) = known {
            return *known;
        }
        let found = find();
        keep(&mut entries, (Rc::clone(route), found));
        found
    }

    /// Statements made about the token.
    pub const fn statements(&self) -> &StatementMemo {
        &self.statements
    }

    /// What expressions say about the token.
    pub const fn expressions(&self) -> &Memo {
        &self.expressions
    }
}

fn keep<T>(entries: &mut Vec<T>, entry: T) {
    if entries.len() >= MAX_ENTRIES {
        entries.remove(0);
    }
    entries.push(entry);
}

impl Given {
    fn is_kept(&self) -> bool {
        self.decision.strong_count() > 0
    }

    fn is_for(&self, route: &Rc<Route>, method: &str) -> bool {
        Rc::ptr_eq(&self.route, route) && *self.method == *method
    }
}
