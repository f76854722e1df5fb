//! Why a poll brought nothing that can be used.

use std::fmt;

/// Why a poll brought nothing that can be used. What is known stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// The call could not be made or was not answered.
    Unreachable,
    /// It was answered with another status than 200.
    Status(u16),
    /// The answer is larger than any we read.
    TooLarge,
    /// The answer is no state document, or does not follow what was asked.
    Malformed,
    /// It is of a form that a later release reads.
    Format,
    /// It is older than what is known.
    Older,
    /// It has more revocations than are kept.
    TooMany,
}

impl FeedError {
    /// Stable name for logs and metrics: one of a few fixed words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Format => "format",
            Self::Older => "older",
            Self::TooMany => "too_many",
        }
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            other => f.write_str(other.reason()),
        }
    }
}

impl std::error::Error for FeedError {}
