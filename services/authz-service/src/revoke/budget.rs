//! How many signatures may be checked: a token bucket. Time is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Checks a second, over time.
const RATE: f64 = 500.0;
/// Checks at once, after a pause: a whole company logging out.
const BURST: f64 = 2_000.0;

/// What is left to spend, and since when.
#[derive(Default)]
pub(super) struct Budget(Mutex<Option<(f64, Instant)>>);

impl Budget {
    /// Takes one; says whether there was one.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.map_or(BURST, |(left, since)| {
            let grown = now.saturating_duration_since(since).as_secs_f64() * RATE;
            (left + grown).min(BURST)
        });
        let spends = left >= 1.0;
        *state = Some((if spends { left - 1.0 } else { left }, now));
        spends
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_is_spent_and_grows_back() {
        let (budget, now) = (Budget::default(), Instant::now());
        assert_eq!((0..5_000).filter(|_| budget.spend(now)).count(), 2_000);
        let later = now + Duration::from_millis(100);
        assert_eq!((0..5_000).filter(|_| budget.spend(later)).count(), 50);
        let much_later = now + Duration::from_secs(3_600);
        assert_eq!((0..5_000).filter(|_| budget.spend(much_later)).count(), 2_000);
        // A clock that steps back gives nothing and takes nothing.
        assert!(!budget.spend(now));
    }
}
