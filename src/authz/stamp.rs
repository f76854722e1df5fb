//! Under which state of the authorization service a decision was asked for: what it rests on, so
//! that it can be told to be old when the service says that something changed.

/// The state that a decision rests on, taken when its question is asked: an answer that was on its
/// way when something changed is old when it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {}
