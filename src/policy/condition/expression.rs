//! Expressions in CEL as conditions: what of a request's facts they may look at.

use std::rc::Rc;

use super::{Facts, Truth};
use crate::authn::Principal;
use crate::cel::{Expression, Inputs};

/// Whether an expression holds; what it says about the token alone is kept with the token.
pub(super) fn truth(expression: &Rc<Expression>, facts: &Facts<'_>) -> Truth {
    match facts.caller.principal() {
        Some(principal) => principal.decisions().expressions().truth(expression, inputs(facts)),
        None => expression.truth(inputs(facts)),
    }
}

/// What expressions may look at.
fn inputs<'a>(facts: &Facts<'a>) -> Inputs<'a> {
    let principal = facts.caller.principal();
    Inputs {
        claims: principal.map(Principal::claims),
        subject: principal.and_then(Principal::subject),
        provider: facts.provider,
        roles_claim: facts.roles_claim,
        head: Some(facts.head),
        path: facts.head.path(),
        template: Some(facts.template),
    }
}
