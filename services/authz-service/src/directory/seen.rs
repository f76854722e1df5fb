//! Which of the store's changes this process has taken in. Pure: time and versions are arguments.
//!
//! Each change adds one to the store's version, and its message carries the new one. A gap means
//! that messages were missed, and so does a store that has moved on without one; then nothing that
//! was found before may be believed. Messages that are late or doubled mean nothing new.

use std::time::{Duration, Instant};

use crate::cache::Version;

/// How long what was found may be believed while the store does not say where it stands.
pub(super) const CONFIRMED_FOR: Duration = Duration::from_secs(30);

/// What follows from a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// Nothing beyond what the message itself says.
    Nothing,
    /// Something was missed: forget everything.
    Everything,
}

/// The changes taken in so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// All changes up to this version are taken in. `None` before the store was first asked.
    through: Option<Version>,
    confirmed: Option<Instant>,
}

impl Seen {
    /// All changes up to this version are taken in.
    pub(super) fn through(&self) -> Option<Version> {
        self.through
    }

    /// A message says that the store came to `version`.
    pub(super) fn heard(&mut self, version: Version) -> Follows {
        match self.through {
            None => Follows::Nothing,
            Some(through) if version <= through => Follows::Nothing,
            Some(through) => {
                self.through = Some(version);
                if version - through == 1 { Follows::Nothing } else { Follows::Everything }
            }
        }
    }

    /// The store says at `now` that it stands at `version`. `asked` is what [`Self::through`] was
    /// when it was asked: messages may have come in since.
    pub(super) fn stands(
        &mut self,
        version: Version,
        asked: Option<Version>,
        now: Instant,
    ) -> Follows {
        self.confirmed = Some(now);
        let known = match (self.through, asked) {
            // Behind what it was before the question: another store, or an older copy of this one.
            (Some(through), Some(asked)) => version >= asked && version <= through,
            _ => false,
        };
        if known {
            return Follows::Nothing;
        }
        self.through = Some(version);
        Follows::Everything
    }

    /// Whether the store said lately where it stands, seen from `now`.
    pub(super) fn is_confirmed(&self, now: Instant) -> bool {
        self.confirmed.is_some_and(|at| now.saturating_duration_since(at) < CONFIRMED_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: Version) -> Seen {
        let mut seen = Seen::default();
        assert_eq!(seen.stands(version, None, Instant::now()), Follows::Everything);
        seen
    }

    #[test]
    fn messages_in_order_mean_nothing_more_than_they_say() {
        let mut seen = at(5);
        for version in 6..10 {
            assert_eq!(seen.heard(version), Follows::Nothing);
            assert_eq!(seen.stands(version, seen.through(), Instant::now()), Follows::Nothing);
        }
    }

    #[test]
    fn a_lost_message_is_noticed_at_the_next_or_by_asking() {
        let mut seen = at(5);
        assert_eq!(seen.heard(7), Follows::Everything);
        assert_eq!(seen.heard(8), Follows::Nothing);
        assert_eq!(seen.stands(9, seen.through(), Instant::now()), Follows::Everything);
        assert_eq!(seen.stands(9, seen.through(), Instant::now()), Follows::Nothing);
    }

    #[test]
    fn late_and_doubled_messages_mean_nothing_new() {
        let mut seen = at(5);
        assert_eq!(seen.heard(7), Follows::Everything);
        for version in [6, 7, 5, 1] {
            assert_eq!(seen.heard(version), Follows::Nothing);
        }
        assert_eq!(seen.through(), Some(7));
    }

    #[test]
    fn a_message_that_overtakes_the_answer_is_no_step_back() {
        let mut seen = at(5);
        let asked = seen.through();
        assert_eq!(seen.heard(6), Follows::Nothing);
        assert_eq!(seen.heard(7), Follows::Nothing);
        assert_eq!(seen.stands(6, asked, Instant::now()), Follows::Nothing);
        assert_eq!(seen.through(), Some(7));
    }

    #[test]
    fn a_store_that_went_back_is_another_store() {
        let mut seen = at(5);
        assert_eq!(seen.stands(3, seen.through(), Instant::now()), Follows::Everything);
        assert_eq!(seen.heard(4), Follows::Nothing);
    }

    #[test]
    fn before_the_store_was_asked_a_message_moves_nothing() {
        let mut seen = Seen::default();
        assert_eq!(seen.heard(7), Follows::Nothing);
        assert_eq!(seen.through(), None);
        assert_eq!(seen.stands(7, None, Instant::now()), Follows::Everything);
    }

    #[test]
    fn a_store_that_says_nothing_is_not_confirmed_for_long() {
        let (mut seen, now) = (Seen::default(), Instant::now());
        assert!(!seen.is_confirmed(now));
        seen.stands(1, None, now);
        assert!(seen.is_confirmed(now + CONFIRMED_FOR / 2));
        assert!(!seen.is_confirmed(now + CONFIRMED_FOR));
    }
}
