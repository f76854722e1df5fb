//! What the policy decision point says: asking it in AuthZEN's terms, reading its answer, keeping
//! it for as long as it allows, and the permit that comes of it.

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

pub use cache::DecisionCache;
pub use check::{CalloutResponse, MAX_ANSWER, decode};
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
    usable_until: Timestamp,
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
}

/// Name and value of a header.
pub type HeaderPair = (Rc<str>, Rc<str>);

/// Roles, one by one and as a header carries them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Roles {
    names: Vec<Box<str>>,
    text: Rc<str>,
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
            | Self::Malformed => false,
        }
    }

    /// Whether a route's `failure_mode: allow` covers it. What a client could provoke is not.
    pub const fn may_fail_open(self) -> bool {
        match self {
            Self::Unreachable | Self::Timeout | Self::Failed(_) | Self::Malformed => true,
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
        }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for CheckError {}
