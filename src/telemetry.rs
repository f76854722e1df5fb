//! What has become of a request, in stable words: one line of JSON for access logs, and the names of
//! counters.
//!
//! Nothing in it comes from a client but a keyed hash of the subject: names of routes and rules are the
//! configuration's and plain, reasons are words of ours. So it is bounded, and needs no escaping.

use std::fmt::Write as _;
use std::rc::Rc;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::policy::{Route, Secret};

/// Name of the filter state, which Envoy shows as `wasm.claimgate`.
pub const FILTER_STATE: &str = "claimgate";
/// Names of configurations can be long; what is longer is cut.
const MAX_NAME: usize = 128;

/// Where the answer of a decision point came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// None was needed.
    #[default]
    None,
    /// It was known.
    Cache,
    /// It was known and too old, and served because asking failed or was still under way.
    Stale,
    /// It was asked for.
    Asked,
    /// It was asked for, and did not come.
    Missing,
}

/// How a request was decided, as far as it got.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Its route.
    pub route: Option<Rc<Route>>,
    /// The rule that decided.
    pub rule: Option<Box<str>>,
    /// Where the answer came from.
    pub source: Source,
    /// Who asked, as [`subject_hash`] has it.
    pub subject: Option<Box<str>>,
    /// Whether the request would have been refused, had a shadow been more than one.
    pub would_deny: bool,
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cache => "hit",
            Self::Stale => "stale",
            Self::Asked => "miss",
            Self::Missing => "missing",
        }
    }
}

impl Account {
    /// The line: outcome, reason, and what is known beside them.
    pub fn line(&self, outcome: &str, reason: &str) -> String {
        let mut line = String::with_capacity(160);
        line.push('{');
        member(&mut line, "outcome", outcome);
        member(&mut line, "reason", reason);
        if let Some(route) = &self.route {
            member(&mut line, "route", &route.name);
        }
        if let Some(rule) = &self.rule {
            member(&mut line, "rule", rule);
        }
        member(&mut line, "cache", self.source.name());
        if let Some(subject) = &self.subject {
            member(&mut line, "subject", subject);
        }
        if self.would_deny {
            line.push_str(",\"would_deny\":true");
        }
        line.push('}');
        line
    }
}

/// Adds a member, unless it says nothing.
fn member(line: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let comma = if line.len() > 1 { "," } else { "" };
    let value = value.get(..value.len().min(MAX_NAME)).unwrap_or_default();
    // Writing to a text cannot fail.
    let _ = write!(line, "{comma}\"{name}\":\"{value}\"");
}

/// A subject as logs may show it: the first 16 bytes, in hexadecimal digits, of HMAC-SHA256 under the
/// key over the type, its length before it (eight bytes, the highest first), and the id. authz-service
/// writes the same into its decision log under the same key.
pub fn subject_hash(key: &Secret, kind: &str, id: &str) -> Option<Box<str>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.reveal().as_bytes()).ok()?;
    let len = (kind.len() as u64).to_be_bytes();
    for part in [&len, kind.as_bytes(), id.as_bytes()] {
        mac.update(part);
    }
    let mut text = String::with_capacity(32);
    for byte in mac.finalize().into_bytes().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_json_whatever_is_known() {
        let bare = Account::default().line("credentials", "expired");
        let full = Account {
            rule: Some("r".repeat(500).into()),
            subject: Some("00".into()),
            would_deny: true,
            source: Source::Stale,
            ..Account::default()
        };
        for (line, outcome) in [(bare, "credentials"), (full.line("", ""), "")] {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value["outcome"].as_str().unwrap_or_default(), outcome, "{line}");
            assert!(line.len() < 400);
        }
    }
}
