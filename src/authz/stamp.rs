//! Under which state of the authorization service a decision was asked for: what it rests on, so
//! that it can be told to be old when the service says that something changed.

/// The state that a decision rests on, taken when its question is asked: an answer that was on its
/// way when something changed is old when it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Counted by [`crate::freshness`]; 0 where nobody says what changed.
    era: u64,
}

impl Stamp {
    pub(crate) const fn new(era: u64) -> Self {
        Self { era }
    }

    pub(crate) const fn era(self) -> u64 {
        self.era
    }
}
