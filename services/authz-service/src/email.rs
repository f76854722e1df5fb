//! An e-mail address as a look-up key: compared ASCII-lower-cased, as the demo contract says.
//!
//! Only ASCII is folded: Unicode case mapping would let two different addresses meet. Nothing
//! here says that an address is verified; that is for `directory` to ask before it looks one up.

use std::fmt;

/// Longest address that can be looked up, in bytes (RFC 5321 allows 254; some room for others).
const MAX_BYTES: usize = 320;

/// An ASCII-lower-cased, non-empty address of bounded length.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// `None` for what cannot be an address: empty, too long, or with control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The lower-cased address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address must not reach a log, not even by `{:?}` of something that holds one.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ascii_is_folded() {
        assert_eq!(
            Email::parse("Admin.User@Example.COM").unwrap().as_str(),
            "admin.user@example.com"
        );
        // U+212A KELVIN SIGN lower-cases to `k` in Unicode.
        assert_ne!(Email::parse("\u{212a}@example.com"), Email::parse("k@example.com"));
        assert_eq!(Email::parse("ÄB@example.com").unwrap().as_str(), "Äb@example.com");
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        assert_eq!(Email::parse(""), None);
        assert_eq!(Email::parse("a\n@example.com"), None);
        assert_eq!(Email::parse(&"a".repeat(MAX_BYTES + 1)), None);
    }

    #[test]
    fn debug_output_hides_the_address() {
        assert!(!format!("{:?}", Email::parse("a@example.com")).contains('@'));
    }
}
