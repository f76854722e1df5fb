//! Statements made about one token, kept beside it and gone with it.

use std::cell::RefCell;
use std::rc::Rc;

use super::Occasion;
use crate::policy::Route;
use crate::time::Timestamp;

/// Most statements kept with one token; beyond that the one kept longest makes room.
const MAX_ENTRIES: usize = 8;

/// Statements about one token. What else they depend on finds them: the route, the method, and the roles
/// that a decision gave.
#[derive(Debug, Default)]
pub struct StatementMemo(RefCell<Vec<Made>>);

#[derive(Debug)]
struct Made {
    route: Rc<Route>,
    method: Box<str>,
    roles: Option<Rc<str>>,
    value: Rc<str>,
    made_at: Timestamp,
    renew_at: Timestamp,
}

impl StatementMemo {
    pub(super) fn find(&self, occasion: &Occasion<'_>) -> Option<Rc<str>> {
        let entries = self.0.try_borrow().ok()?;
        let made = entries.iter().find(|made| made.is_for(occasion))?;
        // Should the clock have been set back, nobody would believe one from the future.
        let good = made.made_at <= occasion.now && occasion.now < made.renew_at;
        good.then(|| Rc::clone(&made.value))
    }

    pub(super) fn insert(&self, occasion: &Occasion<'_>, value: &Rc<str>, renew_at: Timestamp) {
        let Ok(mut entries) = self.0.try_borrow_mut() else { return };
        entries.retain(|made| !made.is_for(occasion));
        if entries.len() >= MAX_ENTRIES {
            entries.remove(0);
        }
        entries.push(Made {
            route: Rc::clone(occasion.route),
            method: occasion.method.into(),
            roles: occasion.permit.decision_roles().cloned(),
            value: Rc::clone(value),
            made_at: occasion.now,
            renew_at,
        });
    }
}

impl Made {
    fn is_for(&self, occasion: &Occasion<'_>) -> bool {
        Rc::ptr_eq(&self.route, occasion.route)
            && *self.method == *occasion.method
            && self.roles.as_ref() == occasion.permit.decision_roles()
    }
}
