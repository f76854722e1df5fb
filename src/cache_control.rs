//! `cache-control` of an answer (RFC 9111 §5.2.2), as far as keys and decisions need it.
//!
//! When in doubt it says "do not keep": a directive that cannot be read counts as `max-age=0`.

use std::time::Duration;

/// The directives we act on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// `no-store`, `no-cache` or `private` (a gateway's cache is shared).
    pub no_store: bool,
    /// `max-age`; of several the shortest.
    pub max_age: Option<Duration>,
    /// `stale-while-revalidate` (RFC 5861 §3); none at all where stale answers are forbidden.
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 §4); none at all where stale answers are forbidden.
    pub stale_if_error: Option<Duration>,
}

impl CacheControl {
    /// Reads a header value. Unknown directives are ignored.
    pub fn parse(value: &[u8]) -> Self {
        let mut found = Self::default();
        match std::str::from_utf8(value) {
            Ok(text) => text.split(',').for_each(|directive| found.read(directive)),
            Err(_) => found.no_store = true,
        }
        found
    }

    fn read(&mut self, directive: &str) {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        let time = seconds(argument.trim().trim_matches('"'));
        let shortest = |known: &mut Option<Duration>, time: Duration| {
            *known = Some(known.map_or(time, |other| other.min(time)));
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" | "private" => self.no_store = true,
            "max-age" => shortest(&mut self.max_age, time),
            "stale-while-revalidate" => shortest(&mut self.stale_while_revalidate, time),
            "stale-if-error" => shortest(&mut self.stale_if_error, time),
            // RFC 9111 §5.2.2.2, §5.2.2.8: once stale, never used.
            "must-revalidate" | "proxy-revalidate" => {
                self.stale_while_revalidate = Some(Duration::ZERO);
                self.stale_if_error = Some(Duration::ZERO);
            }
            _ => {}
        }
    }
}

fn seconds(text: &str) -> Duration {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // RFC 9111 §1.2.2: a number too large to hold is as large as can be held.
    let secs = if digits { text.parse().unwrap_or(u64::from(u32::MAX)) } else { 0 };
    Duration::from_secs(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_and_doubt_keeps_nothing() {
        let table: &[(&str, bool, Option<u64>)] = &[
            ("", false, None),
            ("max-age=60", false, Some(60)),
            ("public, Max-Age = \"5\"", false, Some(5)),
            ("max-age=60, max-age=5", false, Some(5)),
            ("max-age=-1", false, Some(0)),
            ("max-age=", false, Some(0)),
            ("max-age=x", false, Some(0)),
            ("max-age=99999999999999999999", false, Some(4_294_967_295)),
            ("no-store", true, None),
            ("max-age=60, no-cache", true, Some(60)),
            ("private", true, None),
        ];
        for (text, no_store, age) in table {
            let max_age = age.map(Duration::from_secs);
            let expected = CacheControl { no_store: *no_store, max_age, ..CacheControl::default() };
            assert_eq!(CacheControl::parse(text.as_bytes()), expected, "{text}");
        }
        assert!(CacheControl::parse(b"\xff").no_store);
    }

    #[test]
    fn stale_answers_are_read_and_forbidden_where_they_are() {
        let table: &[(&str, Option<u64>, Option<u64>)] = &[
            ("max-age=5", None, None),
            ("max-age=5, stale-while-revalidate=10, Stale-If-Error=60", Some(10), Some(60)),
            ("stale-while-revalidate=x, stale-if-error", Some(0), Some(0)),
            ("stale-if-error=60, stale-if-error=30", None, Some(30)),
            ("must-revalidate, stale-if-error=60", Some(0), Some(0)),
            ("stale-while-revalidate=9, proxy-revalidate", Some(0), Some(0)),
        ];
        for (text, revalidate, error) in table {
            let read = CacheControl::parse(text.as_bytes());
            assert_eq!(read.stale_while_revalidate, revalidate.map(Duration::from_secs), "{text}");
            assert_eq!(read.stale_if_error, error.map(Duration::from_secs), "{text}");
        }
    }
}
