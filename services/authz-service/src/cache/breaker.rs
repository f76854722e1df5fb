//! A small circuit breaker: after a failure nobody asks for a while, then one caller tries.
//!
//! One failure opens it. The cost of opening too early is a second of look-ups in the store; the
//! cost of opening late is a limit's worth of waiting on every request. Time is an argument.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Closed (calls pass) or open until a moment; the first caller after it is the probe.
pub struct Breaker {
    cool_down: Duration,
    open_until: Mutex<Option<Instant>>,
}

impl Breaker {
    /// A closed breaker that, once opened, stays open for `cool_down`.
    pub fn new(cool_down: Duration) -> Self {
        Self { cool_down, open_until: Mutex::new(None) }
    }

    /// Whether a call may be made now. A probe pushes the moment on, so that there is one at a
    /// time, also when it never reports back.
    pub fn admits(&self, now: Instant) -> bool {
        let mut open_until = self.state();
        match *open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                *open_until = Some(now + self.cool_down);
                true
            }
        }
    }

    /// A call was answered. Says whether that closed the breaker.
    pub fn succeeded(&self) -> bool {
        self.state().take().is_some()
    }

    /// A call failed. Says whether that opened the breaker.
    pub fn failed(&self, now: Instant) -> bool {
        self.state().replace(now + self.cool_down).is_none()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.open_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(1);

    #[test]
    fn it_opens_at_the_first_failure_and_says_so_once() {
        let (breaker, now) = (Breaker::new(COOL_DOWN), Instant::now());
        assert!(breaker.admits(now));
        assert!(breaker.failed(now));
        assert!(!breaker.failed(now));
        assert!(!breaker.admits(now + COOL_DOWN / 2));
    }

    #[test]
    fn after_the_cool_down_one_caller_probes() {
        let (breaker, now) = (Breaker::new(COOL_DOWN), Instant::now());
        breaker.failed(now);
        let later = now + COOL_DOWN;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later));
        assert!(breaker.succeeded());
        assert!(breaker.admits(later) && breaker.admits(later));
        assert!(!breaker.succeeded());
    }

    #[test]
    fn a_probe_that_never_reports_is_followed_by_another() {
        let (breaker, now) = (Breaker::new(COOL_DOWN), Instant::now());
        breaker.failed(now);
        assert!(breaker.admits(now + COOL_DOWN));
        assert!(breaker.admits(now + COOL_DOWN * 2));
    }
}
