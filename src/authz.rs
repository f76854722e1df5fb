//! What the policy decision point says: asking it in AuthZEN's terms, reading its answer, keeping
//! it for as long as it allows, not asking while nobody answers, and the permit that comes of it.

mod breaker;
mod cache;
mod check;
mod memo;
mod permit;
mod question;
mod stamp;
mod waiver;

use std::fmt;
use std::rc::Rc;

use crate::time::Timestamp;

pub use breaker::{Breaker, BreakerLimits};
pub use cache::DecisionCache;
pub use check::{CalloutResponse, Lifetime, MAX_ANSWER, decode};
pub use memo::DecisionMemo;
pub use permit::Permit;
pub use question::{Asking, Mapping, Properties, Source};
pub use stamp::Stamp;
pub use waiver::Waiver;

/// An answer of the decision point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    allows: bool,
    roles: Option<Roles>,
    headers: Box<[HeaderPair]>,
    /// What it rests on.
    stamp: Stamp,
    usable_until: Timestamp,
    /// Until when it may serve while a newer one is asked for.
    revalidate_until: Timestamp,
    /// Until when it may stand in for one that cannot be had.
    stands_in_until: Timestamp,
}

impl Decision {
    /// Whether it said yes.
    pub const fn allows(&self) -> bool {
        self.allows
    }

    /// The caller's roles; `None` when it did not say.
    pub fn roles(&self) -> Option<&[Box<str>]> {
        self.roles.as_ref().map(|roles| &*roles.names)
    }

    /// The caller's roles joined with commas, made once for the header.
    pub fn roles_text(&self) -> Option<&Rc<str>> {
        self.roles.as_ref().map(|roles| &roles.text)
    }

    /// Headers that go upstream with it, those that the policy takes.
    pub fn headers(&self) -> &[HeaderPair] {
        &self.headers
    }

    /// Until when it may be used for other requests.
    pub const fn usable_until(&self) -> Timestamp {
        self.usable_until
    }

    /// The state that it rests on.
    pub const fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Whether it may be used for other requests now.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.usable_until
    }

    /// Whether it may be used now while a newer one is asked for.
    pub fn may_serve(&self, now: Timestamp) -> bool {
        now < self.revalidate_until
    }

    /// Whether it may be used now if a newer one cannot be had, for a reason that a failure mode
    /// covers.
    pub fn may_stand_in(&self, now: Timestamp) -> bool {
        now < self.stands_in_until
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        const ITSELF: usize = 192;
        let roles = self.roles.as_ref().map_or(0, Roles::weight);
        let headers: usize = self.headers.iter().map(|(_, value)| value.len() + 32).sum();
        ITSELF + roles + headers
    }
}

/// Name and value of a header.
pub type HeaderPair = (Rc<str>, Rc<str>);

/// Roles, one by one and as a header carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Roles {
    names: Vec<Box<str>>,
    text: Rc<str>,
}

impl Roles {
    fn weight(&self) -> usize {
        // Each is there by itself, with its place and its allocation, and once more in the text.
        self.names.len() * 24 + self.text.len() * 2
    }
}

impl From<Vec<Box<str>>> for Roles {
    fn from(names: Vec<Box<str>>) -> Self {
        let text = names.join(",").into();
        Self { names, text }
    }
}

/// Why there is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckError {
    /// The token names no subject to ask about.
    NoSubject,
    /// The question would be larger than any we send.
    TooLarge,
    /// The request has something that a question cannot carry, or lacks what it needs.
    NotEncodable,
    /// The decision point found the question wrong (4xx).
    Refused(u16),
    /// The call could not be made, or broke.
    Unreachable,
    /// No answer within the time limit.
    Timeout,
    /// The decision point, or Envoy for it, answered 5xx.
    Failed(u16),
    /// The answer is not a decision.
    Malformed,
    /// Nobody was asked, because nobody has answered lately.
    Open,
}

impl CheckError {
    /// Whether the caller brought it about, so that it is a refusal and not an outage.
    pub const fn is_the_callers(self) -> bool {
        match self {
            Self::NoSubject | Self::TooLarge | Self::NotEncodable => true,
            Self::Refused(_)
            | Self::Unreachable
            | Self::Timeout
            | Self::Failed(_)
            | Self::Malformed
            | Self::Open => false,
        }
    }

    /// Whether the question itself could not be written: too large, or of a value that cannot be in it.
    pub const fn is_unsendable(self) -> bool {
        matches!(self, Self::TooLarge | Self::NotEncodable)
    }

    /// Whether a route's `failure_mode: allow` covers it. What a client could provoke is not.
    pub const fn may_fail_open(self) -> bool {
        match self {
            Self::Unreachable | Self::Timeout | Self::Failed(_) | Self::Malformed | Self::Open => {
                true
            }
            Self::NoSubject | Self::TooLarge | Self::NotEncodable | Self::Refused(_) => false,
        }
    }

    /// Stable name for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoSubject => "no_subject",
            Self::TooLarge => "question_too_large",
            Self::NotEncodable => "not_encodable",
            Self::Refused(_) => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Failed(_) => "failed",
            Self::Malformed => "malformed",
            Self::Open => "breaker_open",
        }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for CheckError {}
