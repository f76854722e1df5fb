//! What stands in for expressions in a build without them: a type without a value, so that what is
//! done with one is compiled away.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::{Header, Inputs, Reads};
use crate::config::ClaimType;
use crate::policy::Truth;

/// A condition in CEL. This build has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {}

/// Why there is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidExpression;

impl fmt::Display for InvalidExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("needs plugin-full.wasm: this build has no CEL")
    }
}

impl Expression {
    /// Says that there are no expressions.
    pub fn compile(
        _text: &str,
        _claims: Option<&BTreeMap<String, ClaimType>>,
        _header: Header<'_>,
    ) -> Result<Self, InvalidExpression> {
        Err(InvalidExpression)
    }

    /// What its answer depends on.
    pub const fn reads(&self) -> &Reads {
        match *self {}
    }

    /// Whether it holds.
    pub const fn truth(&self, _inputs: Inputs<'_>) -> Truth {
        match *self {}
    }
}

/// Answers of expressions about one token.
#[derive(Debug, Default)]
pub struct Memo;

impl Memo {
    /// Whether an expression holds.
    pub fn truth(&self, expression: &Rc<Expression>, inputs: Inputs<'_>) -> Truth {
        expression.truth(inputs)
    }
}
