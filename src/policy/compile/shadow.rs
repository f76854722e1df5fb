//! Shadows: nothing is tried without an end.

use super::{Result, needs};
use crate::config::Mode;
use crate::policy::shadow::{Shadow, day};

/// The shadow that an entry's three fields describe, if they do.
#[inline(never)]
pub(super) fn of(
    mode: Mode,
    until: Option<&str>,
    percent: Option<u8>,
    at: &str,
) -> Result<Option<Shadow>> {
    match (mode, until) {
        (Mode::Enforce, None) if percent.is_none() => Ok(None),
        (Mode::Enforce, _) => {
            Err(needs(format!("{at}.mode"), "`shadow`, as there is `until` or `percent`"))
        }
        (Mode::Shadow, None) => Err(needs(format!("{at}.until"), "a day: a shadow has to end")),
        (Mode::Shadow, Some(text)) => {
            let until = day(text);
            let until = until.ok_or_else(|| needs(format!("{at}.until"), "a day `yyyy-mm-dd`"))?;
            if percent.is_some_and(|percent| percent > 100) {
                return Err(needs(format!("{at}.percent"), "a number from 0 to 100"));
            }
            Ok(Some(Shadow::new(until, percent)))
        }
    }
}
