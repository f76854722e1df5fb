//! What a source of keys says about itself.

use std::time::Duration;

/// What a request that needs keys has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Wait for the end of a fetch.
    Wait {
        /// It had started already, so its answer may be older than the question.
        joined: bool,
    },
    /// The key is known not to be there.
    Unknown,
    /// Fetching fails, and it is too early to try again.
    Unavailable,
}

/// A fetch that requests wait for and that has ended without a word to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Ours; it will never be answered and counts as failed.
    Lost,
    /// Another VM's, well or not.
    Elsewhere,
}

/// How a source is, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long ago its keys were fetched; `None` when it has none.
    pub age: Option<Duration>,
    /// How many keys may be used.
    pub keys: usize,
    /// Whether there are keys and the last fetch was good.
    pub healthy: bool,
}

/// What an answer has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Keys: the fetch has ended.
    Keys,
    /// The address of the keys: one more call, to [`super::JwksSource::endpoint`].
    Address,
}
