//! Times of day on some days of the week, on a clock that is as far from UTC all year.

use crate::time::Timestamp;

const MINUTES: i64 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// 1970-01-01 was a Thursday.
const FIRST_DAY: i64 = 3;

/// When it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Minute of the day.
    from: i64,
    /// Minute of the day; before `from`: of the next one.
    until: i64,
    /// A bit for each day, Monday's first.
    days: u8,
    /// Minutes ahead of UTC.
    offset: i64,
}

impl Schedule {
    /// From times `hh:mm`, names of days and an offset `+hh:mm`; what is wrong with them otherwise.
    pub(in crate::policy) fn new(
        from: Option<&str>,
        until: Option<&str>,
        days: Option<&[String]>,
        offset: Option<&str>,
    ) -> Result<Self, (&'static str, &'static str)> {
        let from = from.map_or(Some(0), minute).filter(|from| *from < MINUTES);
        let from = from.ok_or((".from", "a time `hh:mm`, up to `23:59`"))?;
        let until = until.map_or(Some(MINUTES), minute);
        let until = until.ok_or((".until", "a time `hh:mm`, up to `24:00`"))?;
        if from == until {
            return Err((".until", "another time than `from`"));
        }
        let days = match days {
            None => Some(0x7f),
            Some(days) => days.iter().try_fold(0, |days, day| Some(days | day_bit(day)?)),
        };
        let days = days.filter(|days| *days != 0);
        let days = days.ok_or((".days", "days: mon, tue, wed, thu, fri, sat, sun"))?;
        let offset = offset.map_or(Some(0), signed);
        let offset = offset.ok_or((".offset", "`+hh:mm` or `-hh:mm`, up to 14 hours"))?;
        Ok(Self { from, until, days, offset })
    }

    /// Whether it holds at this time.
    pub fn holds(&self, now: Timestamp) -> bool {
        let minutes = i64::try_from(now.as_millis() / 60_000).unwrap_or(0) + self.offset;
        let (day, minute) = (minutes.div_euclid(MINUTES), minutes.rem_euclid(MINUTES));
        if self.from < self.until {
            return self.has(day) && (self.from..self.until).contains(&minute);
        }
        (self.has(day) && minute >= self.from) || (self.has(day - 1) && minute < self.until)
    }

    fn has(&self, day: i64) -> bool {
        let weekday = (day + FIRST_DAY).rem_euclid(7);
        self.days & (1 << weekday) != 0
    }
}

fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<i64>().ok() } else { None }
    };
    let (hours, minutes) = (two(hours)?, two(minutes).filter(|minutes| *minutes < 60)?);
    Some(hours * 60 + minutes).filter(|minute| *minute <= MINUTES)
}

fn signed(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    minute(rest).filter(|minutes| *minutes <= 14 * 60).map(|minutes| sign * minutes)
}

fn day_bit(name: &str) -> Option<u8> {
    DAYS.iter().position(|day| *day == name).map(|at| 1 << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23, a Monday, at midnight UTC.
    const MONDAY: u64 = 1_795_392_000;

    fn schedule(from: &str, until: &str, days: &[&str], offset: &str) -> Schedule {
        let days: Vec<String> = days.iter().map(ToString::to_string).collect();
        Schedule::new(Some(from), Some(until), Some(&days), Some(offset)).unwrap()
    }

    fn holds(schedule: &Schedule, day: u64, hour: u64, minute: u64) -> bool {
        schedule.holds(Timestamp::from_secs(MONDAY + (day * 24 + hour) * 3_600 + minute * 60))
    }

    #[test]
    fn office_hours_are_on_workdays_by_the_office_clock() {
        let office = schedule("08:00", "18:00", &["mon", "tue"], "+01:00");
        assert!(!holds(&office, 0, 6, 59));
        assert!(holds(&office, 0, 7, 0));
        assert!(holds(&office, 1, 16, 59));
        assert!(!holds(&office, 1, 17, 0));
        assert!(!holds(&office, 2, 12, 0));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_began() {
        let night = schedule("22:00", "06:00", &["mon"], "+00:00");
        assert!(!holds(&night, 0, 5, 0));
        assert!(holds(&night, 0, 22, 0));
        assert!(holds(&night, 1, 5, 59));
        assert!(!holds(&night, 1, 22, 0));
    }

    #[test]
    fn an_offset_can_move_the_day() {
        let monday = schedule("00:00", "24:00", &["mon"], "-05:00");
        assert!(!holds(&monday, 0, 4, 59));
        assert!(holds(&monday, 0, 5, 0));
        assert!(holds(&monday, 1, 4, 59));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let new = |from, until, offset| Schedule::new(Some(from), Some(until), None, Some(offset));
        for (from, until, offset, at) in [
            ("8:00", "18:00", "+00:00", ".from"),
            ("24:00", "18:00", "+00:00", ".from"),
            ("08:60", "18:00", "+00:00", ".from"),
            ("08:00", "24:01", "+00:00", ".until"),
            ("08:00", "08:00", "+00:00", ".until"),
            ("08:00", "18:00", "01:00", ".offset"),
            ("08:00", "18:00", "+15:00", ".offset"),
        ] {
            assert_eq!(new(from, until, offset).map_err(|(at, _)| at), Err(at));
        }
        let days = ["mo".to_owned()];
        assert!(Schedule::new(None, None, Some(&days), None).is_err());
        assert!(Schedule::new(None, None, Some(&[]), None).is_err());
    }
}
