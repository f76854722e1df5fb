//! Conditions written in CEL, the Common Expression Language: only in `plugin-full.wasm` (cargo
//! feature `full`). Without the feature an [`Expression`] is a type that nobody can make.
//!
//! An expression is read once, when the configuration is: its length and nesting are bounded before
//! the parser sees it, and every name and function in it is one that we know. There is nothing in it that
//! repeats, so an evaluation takes no more steps than the expression has parts, over inputs that are
//! bounded too. Nothing is checked of its types but what a trial on samples shows.
//!
//! It must never panic, whatever is written and whatever a request looks like, and it must never take an
//! error for an answer: what cannot be told is [`Truth::Unknown`](crate::policy::Truth).

#[cfg(not(feature = "full"))]
mod absent;
#[cfg(feature = "full")]
mod check;
#[cfg(feature = "full")]
mod expression;
mod inputs;
#[cfg(feature = "full")]
mod invalid;
#[cfg(feature = "full")]
mod memo;
#[cfg(feature = "full")]
mod scan;
#[cfg(feature = "full")]
mod source;
#[cfg(feature = "full")]
mod trial;

#[cfg(not(feature = "full"))]
pub use absent::{Expression, InvalidExpression, Memo};
#[cfg(feature = "full")]
pub use expression::Expression;
pub use inputs::{Header, Inputs, Reads};
#[cfg(feature = "full")]
pub use invalid::InvalidExpression;
#[cfg(feature = "full")]
pub use memo::Memo;

#[cfg(all(test, feature = "full"))]
mod tests;
