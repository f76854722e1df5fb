//! Versions: how far a store has come, and which change an answer belongs to.

use std::fmt;

use serde::Serialize;

/// How many changes a store has seen. Only grows, over restarts too; every change has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which change something was last changed by: a strong entity tag (RFC 9110, section 8.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ETag(pub Version);

impl ETag {
    /// Reads `"17"`, quotes included. `None` for what no store of ours ever made.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('"')?.strip_suffix('"')?;
        let number = digits.parse().ok().filter(|number: &u64| number.to_string() == digits)?;
        Some(Self(Version(number)))
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Something stored, with its tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// What is stored.
    pub value: T,
    /// Tag to compare it by.
    pub etag: ETag,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_reads_as_it_is_written() {
        let tag = ETag(Version(17));
        assert_eq!(tag.to_string(), "\"17\"");
        assert_eq!(ETag::parse("\"17\""), Some(tag));
        for text in ["17", "W/\"17\"", "\"\"", "\"017\"", "\"+17\"", "\"-1\"", "\"", "*"] {
            assert_eq!(ETag::parse(text), None, "{text}");
        }
    }
}
