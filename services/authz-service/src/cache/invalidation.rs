//! `Invalidation`: what one replica tells the others after it changed the store.
//!
//! The message is a small JSON document with the format's number:
//! `{"v":1,"version":7,"what":{"of":"subject","type":"identity","id":"1","emails":["a@example.com"]}}`.
//! A message is a hint that may be lost, doubled, late or written by a newer release: whoever
//! cannot read one forgets everything, and nobody relies on having got them all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest message in bytes. A larger one is not read.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024;
const FORMAT: u32 = 1;

/// A change of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidation {
    /// Version of the store after the change; each change is one more than the last.
    pub version: u64,
    /// What changed.
    pub what: What,
}

/// What a change is about. A kind that this release does not know is everything.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum What {
    /// A subject: its roles, its properties, or whether it is there.
    Subject {
        /// Its type.
        #[serde(rename = "type")]
        kind: String,
        /// Its id.
        id: String,
        /// Every address that it was found by before or is found by now.
        #[serde(default)]
        emails: Vec<String>,
    },
    /// A resource.
    Resource {
        /// Its type.
        #[serde(rename = "type")]
        kind: String,
        /// Its id.
        id: String,
    },
    /// Which roles other roles bring with them.
    Roles,
    /// The policies.
    Policies,
    /// Revocations and epochs.
    State,
    /// Anything.
    #[serde(other)]
    Everything,
}

/// Names the kind only: a subject's id and address must not reach a log.
impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Subject { .. } => "Subject(…)",
            Self::Resource { .. } => "Resource(…)",
            Self::Roles => "Roles",
            Self::Policies => "Policies",
            Self::State => "State",
            Self::Everything => "Everything",
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Message<T> {
    v: u32,
    #[serde(flatten)]
    change: T,
}

impl Invalidation {
    /// The message that says so. What does not fit into one becomes a change of everything.
    pub fn encode(&self) -> Vec<u8> {
        let text = serde_json::to_vec(&Message { v: FORMAT, change: self }).unwrap_or_default();
        if (1..=MAX_MESSAGE_BYTES).contains(&text.len()) {
            return text;
        }
        let everything = Self { version: self.version, what: What::Everything };
        serde_json::to_vec(&Message { v: FORMAT, change: everything }).unwrap_or_default()
    }

    /// Reads a message; `None` for one that cannot be understood.
    pub fn decode(message: &[u8]) -> Option<Self> {
        if message.len() > MAX_MESSAGE_BYTES {
            return None;
        }
        let message: Message<Self> = serde_json::from_slice(message).ok()?;
        (message.v == FORMAT).then_some(message.change)
    }
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A change.
    Change(Invalidation),
    /// A message that nobody can read: anything can have changed.
    Unreadable,
    /// The connection is new. Messages may have been missed, and a cache that failed over can have
    /// lost what was written to it last.
    Resumed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(emails: &[&str]) -> What {
        let emails = emails.iter().map(ToString::to_string).collect();
        What::Subject { kind: "identity".into(), id: "1".into(), emails }
    }

    #[test]
    fn a_message_reads_back_and_looks_as_documented() {
        let change = Invalidation { version: 7, what: subject(&["a@example.com"]) };
        let text = r#"{"v":1,"version":7,"what":{"of":"subject","type":"identity","id":"1","emails":["a@example.com"]}}"#;
        assert_eq!(String::from_utf8(change.encode()).unwrap(), text);
        let resource = What::Resource { kind: "record".into(), id: "r".into() };
        let others = [resource, What::Roles, What::Policies, What::State, What::Everything];
        for what in others.into_iter().chain([change.what]) {
            let change = Invalidation { version: u64::MAX, what };
            assert_eq!(Invalidation::decode(&change.encode()), Some(change));
        }
    }

    #[test]
    fn an_unknown_kind_is_everything_and_unknown_fields_are_skipped() {
        let text = br#"{"v":1,"version":3,"what":{"of":"tenant","id":"t"},"by":"x"}"#;
        let everything = Invalidation { version: 3, what: What::Everything };
        assert_eq!(Invalidation::decode(text), Some(everything));
    }

    #[test]
    fn anything_else_is_not_understood() {
        let huge = format!(r#"{{"v":1,"version":1,"what":{{"of":"roles"}}}}{}"#, " ".repeat(9000));
        for text in [
            "",
            "x",
            "[]",
            r#"{"v":1}"#,
            r#"{"version":1,"what":{"of":"roles"}}"#,
            r#"{"v":2,"version":1,"what":{"of":"roles"}}"#,
            r#"{"v":1,"version":-1,"what":{"of":"roles"}}"#,
            r#"{"v":1,"version":1,"what":{"of":"subject"}}"#,
            &huge,
        ] {
            assert_eq!(Invalidation::decode(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_into_a_message_becomes_everything() {
        let change = Invalidation { version: 9, what: subject(&["x".repeat(9000).as_str()]) };
        let told = Invalidation::decode(&change.encode()).unwrap();
        assert_eq!(told, Invalidation { version: 9, what: What::Everything });
    }

    #[test]
    fn debug_output_names_nobody() {
        let change = Invalidation { version: 7, what: subject(&["a@example.com"]) };
        assert_eq!(format!("{change:?}"), "Invalidation { version: 7, what: Subject(…) }");
    }
}
