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
}

impl CacheControl {
    /// Reads a header value. Unknown directives are ignored.
    pub fn parse(value: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(value) else {
            return Self { no_store: true, max_age: None };
        };
        text.split(',').map(str::trim).fold(Self::default(), |found, directive| {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" | "private" => Self { no_store: true, ..found },
                "max-age" => {
                    let age = seconds(argument.trim().trim_matches('"'));
                    let shortest = found.max_age.map_or(age, |other| other.min(age));
                    Self { max_age: Some(shortest), ..found }
                }
                _ => found,
            }
        })
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
            let expected =
                CacheControl { no_store: *no_store, max_age: age.map(Duration::from_secs) };
            assert_eq!(CacheControl::parse(text.as_bytes()), expected, "{text}");
        }
        assert!(CacheControl::parse(b"\xff").no_store);
    }
}
