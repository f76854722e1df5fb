//! What expressions say about one token: those that look at nothing else say it of every request.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Expression, Inputs};
use crate::policy::Truth;

/// Most answers kept with one token; beyond that the one kept longest makes room.
const MAX_ENTRIES: usize = 32;

/// Answers of expressions about one token.
#[derive(Debug, Default)]
pub struct Memo(RefCell<Vec<(Rc<Expression>, Truth)>>);

impl Memo {
    /// Whether an expression holds, which is found out once where it looks at the token alone.
    pub fn truth(&self, expression: &Rc<Expression>, inputs: Inputs<'_>) -> Truth {
        let Ok(mut entries) = self.0.try_borrow_mut() else { return expression.truth(inputs) };
        if !expression.reads().token_only() {
            return expression.truth(inputs);
        }
        if let Some((_, truth)) = entries.iter().find(|(of, _)| Rc::ptr_eq(of, expression)) {
            return *truth;
        }
        let truth = expression.truth(inputs);
        if entries.len() >= MAX_ENTRIES {
            entries.remove(0);
        }
        entries.push((Rc::clone(expression), truth));
        truth
    }
}
