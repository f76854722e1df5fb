//! What is tried and not yet enforced, for whom, and until when. It covers what rules and decision
//! points say, and never a signature, an expiry, a path, a size or a header.

use sha2::{Digest as _, Sha256};

use crate::authn::Caller;
use crate::time::Timestamp;

/// A trial. It ends by itself: from then on what it covered is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    until: Timestamp,
    /// For how many of a hundred subjects it is enforced already, where that is said.
    percent: Option<u8>,
}

impl Shadow {
    pub(super) const fn new(until: Timestamp, percent: Option<u8>) -> Self {
        Self { until, percent }
    }

    /// Whether it has not ended.
    pub fn is_on(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// Whether it covers this caller now. Where a share of subjects is named, everybody without one
    /// is outside.
    pub fn covers(&self, caller: &Caller, now: Timestamp) -> bool {
        let Some(percent) = self.percent.filter(|_| self.is_on(now)) else {
            return self.is_on(now);
        };
        let principal = caller.principal();
        let share =
            principal.and_then(|p| Some(share(p.claims().named("iss")?.as_str()?, p.subject()?)));
        share.is_some_and(|share| share >= percent)
    }
}

/// In which hundredth of all subjects one is: the same everywhere and always.
fn share(issuer: &str, subject: &str) -> u8 {
    let hash = Sha256::new().chain_update(issuer).chain_update([0]).chain_update(subject);
    let first = hash.finalize().first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
    // Below a hundred it fits.
    (first % 100) as u8
}

/// The day `yyyy-mm-dd`, at its beginning in UTC.
pub(super) fn day(text: &str) -> Option<Timestamp> {
    let mut parts = text.split('-');
    let mut number = |len: usize| {
        let part = parts.next().filter(|part| part.len() == len)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<u64>().ok())?
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    let last = *months.get(before)?;
    if parts.next().is_some() || year < 1970 || !(1..=last).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + months.iter().take(before).sum::<u64>() + day - 1;
    Some(Timestamp::from_secs(days * 24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_calendar_has_them() {
        for (text, secs) in [
            ("1970-01-01", 0),
            ("2000-03-01", 951_868_800),
            ("2024-02-29", 1_709_164_800),
            ("2026-11-23", 1_795_392_000),
        ] {
            assert_eq!(day(text), Some(Timestamp::from_secs(secs)), "{text}");
        }
        for text in [
            "",
            "2026-11",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-1-1",
            "2026-01-32",
            "26-01-01",
            "2026-01-01-1",
            "2026-01-0x",
            "1969-01-01",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn subjects_spread_evenly_and_stay_where_they_are() {
        let mut found = [0_u32; 100];
        for subject in 0..20_000 {
            let share = share("https://idp", &format!("user-{subject}"));
            assert_eq!(share, self::share("https://idp", &format!("user-{subject}")));
            found[usize::from(share)] += 1;
        }
        assert!(found.iter().all(|count| (120..=290).contains(count)), "{found:?}");
    }
}
