//! The state document: what a filter must know beside a token to trust it, or beside a decision to
//! go on using it.
//!
//! A reader begins without a place, applies the entries in order, and asks again from the place it
//! was given (`?since=`) until the document is complete; from then on it asks for what is new. It
//! never goes back: a document of the same store with a lower version is an old one.
//!
//! Entries of a kind that a reader does not know are [`StateEntry::Unknown`], so that neighbouring
//! releases understand each other; instants are seconds since the epoch.

use serde::{Deserialize, Serialize};

/// Path of the state document.
pub const STATE_PATH: &str = "/v1/state";
/// Version of the document's form.
pub const STATE_FORMAT: u32 = 1;

/// Part of the state, or what changed since a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateDocument {
    /// Version of this form: [`STATE_FORMAT`]. A reader refuses a higher one.
    pub format: u32,
    /// Which store this is. State of another store is forgotten as a whole.
    pub store: String,
    /// The store's version that this document leads up to; it never falls.
    pub version: u64,
    /// Changes whenever entities or policies did: decisions made under another one are old.
    pub decisions: u64,
    /// Version of the policies in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<String>,
    /// Whether what was known before is to be forgotten: the first document of a snapshot.
    pub snapshot: bool,
    /// Whether there is no more for now.
    pub complete: bool,
    /// Where to go on.
    pub place: String,
    /// In the order in which they are to be applied.
    pub entries: Vec<StateEntry>,
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StateEntry {
    /// A token is revoked.
    Token {
        /// Its `iss`; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iss: Option<String>,
        /// Its `jti`.
        jti: String,
        /// Until when that has to be remembered; 0: it is no longer revoked.
        until: u64,
    },
    /// A session's tokens are revoked.
    Session {
        /// Their `iss`; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        iss: Option<String>,
        /// Their `sid`.
        sid: String,
        /// Until when that has to be remembered; 0: no longer revoked.
        until: u64,
    },
    /// A subject's older tokens are revoked; one without `iat` counts as older.
    Subject {
        /// Their `iss`.
        iss: String,
        /// Their `sub`.
        sub: String,
        /// Those with an `iat` below this.
        before: u64,
        /// Until when that has to be remembered; 0: no longer revoked.
        until: u64,
    },
    /// Everybody's older tokens are revoked; one without `iat` counts as older.
    Everyone {
        /// Those with an `iat` below this.
        before: u64,
        /// Until when that has to be remembered; 0: no longer revoked.
        until: u64,
    },
    /// Decisions made before this are old.
    Epoch {
        /// Whose decisions.
        scope: EpochScope,
        /// The epoch's number; it never falls.
        number: u64,
    },
    /// Of a kind that this release does not know.
    #[serde(other)]
    Unknown,
}

/// Whose decisions an epoch is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpochScope {
    /// Everybody's.
    Global,
    /// A tenant's.
    Tenant(String),
    /// A subject's.
    Subject {
        /// `iss` of its tokens.
        iss: String,
        /// `sub` of its tokens.
        sub: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn entries_of_a_later_release_are_unknown_and_not_an_error() {
        let entries: Vec<StateEntry> = serde_json::from_value(json!([
            {"kind": "session", "sid": "s", "until": 5, "since": 3},
            {"kind": "device", "id": 7},
        ]))
        .unwrap();
        let session = StateEntry::Session { iss: None, sid: "s".into(), until: 5 };
        assert_eq!(entries, [session, StateEntry::Unknown]);
    }

    #[test]
    fn scopes_read_as_they_are_written() {
        for (scope, text) in [
            (EpochScope::Global, json!("global")),
            (EpochScope::Tenant("t".into()), json!({"tenant": "t"})),
            (
                EpochScope::Subject { iss: "i".into(), sub: "s".into() },
                json!({"subject": {"iss": "i", "sub": "s"}}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&scope).unwrap(), text);
            assert_eq!(serde_json::from_value::<EpochScope>(text).unwrap(), scope);
        }
    }
}
