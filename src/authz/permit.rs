//! The permit: without one nothing is forwarded, and identity headers are made of nothing else.

use std::rc::Rc;

use super::{Decision, HeaderPair};
use crate::authn::Caller;
use crate::policy::Allowed;

/// Evidence that a request may go upstream, and for whom. Made only from what a rule allowed.
#[derive(Debug)]
pub struct Permit<'a> {
    caller: &'a Caller,
    decision: Option<Rc<Decision>>,
    rule: &'a str,
    assumed: bool,
}

impl<'a> Permit<'a> {
    /// The permit that follows from an allowing rule. `decision` is what the decision point said,
    /// if it was asked.
    pub fn issue(
        allowed: &Allowed<'a>,
        caller: &'a Caller,
        decision: Option<Rc<Decision>>,
    ) -> Self {
        Self { caller, decision, rule: allowed.rule(), assumed: allowed.assumed() }
    }

    /// Who may.
    pub const fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Their roles, joined with commas, as far as the decision point named them.
    pub fn decision_roles(&self) -> Option<&Rc<str>> {
        self.decision.as_ref()?.roles_text()
    }

    /// The same, one by one.
    pub fn decision_role_list(&self) -> Option<&[Box<str>]> {
        self.decision.as_ref()?.roles()
    }

    /// Headers that the decision point gave.
    pub fn decision_headers(&self) -> &[HeaderPair] {
        self.decision.as_ref().map_or(&[], |decision| decision.headers())
    }

    /// The rule that allowed it.
    pub const fn rule(&self) -> &'a str {
        self.rule
    }

    /// Whether the failure mode stood in for an answer.
    pub const fn assumed(&self) -> bool {
        self.assumed
    }
}
