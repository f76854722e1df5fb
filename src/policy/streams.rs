//! How long a stream may outlive the token it was let through with.

use std::time::Duration;

/// What is ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPolicy {
    /// How much longer than its token a stream may last.
    pub grace: Duration,
    /// Whether every request counts, and not only those that look long-lived.
    pub all_requests: bool,
}
