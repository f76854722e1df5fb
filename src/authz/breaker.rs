//! The breaker of a decision point: who asks one that does not answer waits for nothing, so after a
//! few failures in a row nobody asks any more until one question has shown that it is back.
//!
//! Whoever uses it tells it of failures that no client can bring about, and of nothing else; an
//! answer of any kind closes it. It belongs to one worker, as the cache does.

use std::time::Duration;

use crate::time::Timestamp;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Failures in a row that open it; 0: nothing does.
    pub failures: usize,
    /// All of them within this time.
    pub window: Duration,
    /// How long it then lets nobody through, before it lets one.
    pub open: Duration,
}

/// A breaker.
#[derive(Debug)]
pub struct Breaker {
    limits: BreakerLimits,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Everybody is let through. When the last failures were: fewer than open it.
    Closed(Vec<Timestamp>),
    /// Nobody is.
    Open { until: Timestamp },
    /// One was; another may try when that one is not heard of.
    Probing { until: Timestamp },
}

impl Breaker {
    /// One that is closed.
    pub const fn new(limits: BreakerLimits) -> Self {
        Self { limits, state: State::Closed(Vec::new()) }
    }

    /// Whether a question may be asked now. Who is let through has to say what came of it.
    pub fn admits(&mut self, now: Timestamp) -> bool {
        let (State::Open { until } | State::Probing { until }) = self.state else { return true };
        // A time that could not have been set is one from before the clock went back.
        let over = now >= until || until > now.after(self.limits.open);
        if over {
            self.state = State::Probing { until: now.after(self.limits.open) };
        }
        over
    }

    /// The decision point has answered, whatever it said.
    pub fn answered(&mut self) {
        match &mut self.state {
            State::Closed(failures) => failures.clear(),
            State::Open { .. } | State::Probing { .. } => self.state = State::Closed(Vec::new()),
        }
    }

    /// It has not. Whether that opened the breaker.
    pub fn failed(&mut self, now: Timestamp) -> bool {
        let limits = self.limits;
        match &mut self.state {
            State::Open { .. } => return false,
            State::Probing { .. } => {}
            State::Closed(failures) => {
                failures.retain(|then| now.since(*then) < limits.window);
                failures.push(now);
                if failures.len() < limits.failures || limits.failures == 0 {
                    failures.truncate(limits.failures);
                    return false;
                }
            }
        }
        self.state = State::Open { until: now.after(limits.open) };
        true
    }

    /// Who was let through has not asked after all.
    pub fn abandoned(&mut self, now: Timestamp) {
        if matches!(self.state, State::Probing { .. }) {
            self.state = State::Open { until: now };
        }
    }

    /// Whether anybody is kept from asking.
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BreakerLimits = BreakerLimits {
        failures: 3,
        window: Duration::from_secs(10),
        open: Duration::from_secs(5),
    };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    fn opened(now: u64) -> Breaker {
        let mut breaker = Breaker::new(LIMITS);
        assert!(!breaker.failed(at(now)) && !breaker.failed(at(now)));
        assert!(breaker.failed(at(now)), "the third opens it");
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_nothing_else_does() {
        let mut breaker = Breaker::new(LIMITS);
        for now in 0..20 {
            assert!(!breaker.failed(at(now)) && breaker.admits(at(now)));
            assert!(!breaker.failed(at(now)) && breaker.admits(at(now)));
            breaker.answered();
        }
        let mut breaker = opened(0);
        assert!(!breaker.admits(at(0)) && breaker.is_open());
    }

    #[test]
    fn failures_that_are_far_apart_do_not_open_it() {
        let mut breaker = Breaker::new(LIMITS);
        for now in 0..20 {
            assert!(!breaker.failed(at(now * 5)), "two in any ten seconds");
        }
    }

    #[test]
    fn after_a_while_one_may_ask_and_an_answer_closes_it() {
        let mut breaker = opened(0);
        assert!(!breaker.admits(at(4)));
        assert!(breaker.admits(at(5)));
        assert!(!breaker.admits(at(5)) && !breaker.admits(at(6)), "one and not two");
        breaker.answered();
        assert!(breaker.admits(at(6)) && breaker.admits(at(6)) && !breaker.is_open());
        assert!(!breaker.failed(at(6)), "counted from the beginning");
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let mut breaker = opened(0);
        assert!(breaker.admits(at(5)) && breaker.failed(at(6)));
        assert!(!breaker.admits(at(10)) && breaker.admits(at(11)));
    }

    #[test]
    fn a_probe_that_is_not_heard_of_is_followed_by_another() {
        let mut breaker = opened(0);
        assert!(breaker.admits(at(5)) && !breaker.admits(at(9)) && breaker.admits(at(10)));
        breaker.abandoned(at(10));
        assert!(breaker.admits(at(10)), "given up before it was asked");
    }

    #[test]
    fn late_failures_of_those_who_asked_before_keep_it_open_no_longer() {
        let mut breaker = opened(0);
        assert!(!breaker.failed(at(4)));
        assert!(breaker.admits(at(5)));
    }

    #[test]
    fn an_answer_to_who_asked_before_it_opened_closes_it() {
        let mut breaker = opened(0);
        breaker.answered();
        assert!(breaker.admits(at(1)));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_keep_it_open() {
        let mut breaker = opened(1_000);
        assert!(breaker.admits(at(0)));
    }

    #[test]
    fn without_a_limit_it_never_opens() {
        let mut breaker = Breaker::new(BreakerLimits { failures: 0, ..LIMITS });
        for _ in 0..100 {
            assert!(!breaker.failed(at(0)) && breaker.admits(at(0)));
        }
    }

    /// What it remembers is bounded whatever happens.
    #[test]
    fn it_remembers_no_more_failures_than_open_it() {
        for failures in [0, 1, 3] {
            let mut breaker = Breaker::new(BreakerLimits { failures, ..LIMITS });
            for now in 0..1_000 {
                breaker.failed(at(now / 7));
                breaker.admits(at(now / 7));
                let State::Closed(kept) = &breaker.state else { continue };
                assert!(kept.len() < failures.max(1));
            }
        }
    }
}
