//! The one owner of what our keys in a shared cache look like. Other systems read and write the
//! first of them, so a change there is a change of a public contract.
//!
//! | key | value | lives |
//! |---|---|---|
//! | `user:platform-roles:<ASCII-lower-cased e-mail>` | JSON array of role names, `["user","admin"]` | 300 s, or until a grant ends |
//! | `claimgate:authz:changed:{<the key above>}` | version of the store that last changed what is there, in decimal | 10 s |
//! | `claimgate:quota:{<quota>:<what it counts>}` | how much of the window is taken, in decimal | the window |
//!
//! and the channel `claimgate:authz:changes`, on which changes are told (see `cache::Invalidation`).
//!
//! What a caller can choose is always the last part, so whatever it holds cannot make a key of
//! another kind. The braces keep a key and its mark on one node of a cluster.
//!
//! Others may write the first key at any time. Such a value is believed, and seen after 5 s at
//! most ([`SEEN_WITHIN`]; `--redis-max-age` sets another bound).

use std::fmt;
use std::time::Duration;

use crate::email::Email;

/// Where changes are told to other replicas.
pub const CHANNEL: &str = "claimgate:authz:changes";
/// How long what was read from a cache that others write is believed without asking it again,
/// unless configured otherwise.
pub const SEEN_WITHIN: Duration = Duration::from_secs(5);
/// How long it is remembered that an entry was changed: much longer than a look-up that began
/// before the change can take.
pub const CHANGED_TTL: Duration = Duration::from_secs(10);

const CHANGED: &str = "claimgate:authz:changed:";
/// Longest name of a quota, in bytes.
const MAX_QUOTA_BYTES: usize = 64;
/// Longest description of what a quota counts, in bytes.
const MAX_COUNTED_BYTES: usize = 512;

/// Key of the roles of the owner of a verified e-mail address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoleKey(String);

impl RoleKey {
    /// How long an entry may be believed after it was written.
    pub const TTL: Duration = Duration::from_secs(300);

    /// The key for `email`.
    pub fn of(email: &Email) -> Self {
        Self(format!("user:platform-roles:{}", email.as_str()))
    }

    /// The key as the cache sees it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Key of the mark that says when the entry was last changed, on the same node of a cluster.
    /// `None` for an address with braces that make that impossible.
    pub fn changed(&self) -> Option<String> {
        // Redis places a key by what is between its first `{` and the next `}`, if anything is.
        let (before, after) = match self.0.split_once('{') {
            None => (self.0.as_str(), ""),
            Some(parts) => parts,
        };
        match after.split_once('}') {
            Some((placed_by, _)) if !placed_by.is_empty() => Some(format!("{CHANGED}{}", self.0)),
            None if after.is_empty() && !before.contains('}') && before.len() == self.0.len() => {
                Some(format!("{CHANGED}{{{}}}", self.0))
            }
            _ => None,
        }
    }
}

/// A key holds an e-mail address, which must not reach a log.
impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoleKey(…)")
    }
}

/// Key of a counter of a quota.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct QuotaKey(String);

impl QuotaKey {
    /// The counter of the quota named `quota` for `counted` (a subject, an address). `None` when
    /// the name is not 1 to 64 of `A-Z a-z 0-9 . _ -`, or `counted` is longer than 512 bytes.
    pub fn of(quota: &str, counted: &str) -> Option<Self> {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=MAX_QUOTA_BYTES).contains(&quota.len()) && quota.bytes().all(named);
        let fits = fits && counted.len() <= MAX_COUNTED_BYTES;
        fits.then(|| Self(format!("claimgate:quota:{{{quota}:{counted}}}")))
    }

    /// The key as the cache sees it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key holds who is counted, which must not reach a log.
impl fmt::Debug for QuotaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QuotaKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(email: &str) -> RoleKey {
        RoleKey::of(&Email::parse(email).unwrap())
    }

    /// What Redis places a key by (Redis Cluster specification, "Hash tags").
    fn placed_by(key: &str) -> &str {
        let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        tag.map(|(tag, _)| tag).filter(|tag| !tag.is_empty()).unwrap_or(key)
    }

    #[test]
    fn the_format_is_the_contract_s() {
        let key = key("Test.User-CM@Example.com");
        assert_eq!(key.as_str(), "user:platform-roles:test.user-cm@example.com");
        assert_eq!(RoleKey::TTL.as_secs(), 300);
        let changed = "claimgate:authz:changed:{user:platform-roles:test.user-cm@example.com}";
        assert_eq!(key.changed().as_deref(), Some(changed));
    }

    #[test]
    fn a_key_and_its_mark_are_on_one_node_or_there_is_no_mark() {
        let tagged = ["a@example.com", "{a}@b", "a{b}c@d", "{a@b}", "{a}{b}@c", "x{y}}@z"];
        for email in tagged {
            let (key, changed) = (key(email), key(email).changed().unwrap());
            assert_eq!(placed_by(&changed), placed_by(key.as_str()), "{email}");
        }
        for email in ["{}@b", "a}b@c", "{a@b", "}{@c", "a{@b"] {
            assert_eq!(key(email).changed(), None, "{email}");
        }
    }

    #[test]
    fn counters_of_quotas_do_not_meet() {
        let key = |quota, counted| QuotaKey::of(quota, counted).unwrap();
        assert_eq!(key("q", "a:b}").as_str(), "claimgate:quota:{q:a:b}}");
        assert_ne!(key("q", "a"), key("q.a", ""));
        for quota in ["", "a:b", "a{", "a b", &"a".repeat(65)] {
            assert_eq!(QuotaKey::of(quota, "x"), None, "{quota}");
        }
        assert_eq!(QuotaKey::of("q", &"x".repeat(513)), None);
    }

    #[test]
    fn debug_output_hides_whose_key_it_is() {
        assert!(!format!("{:?}", key("a@example.com")).contains("example"));
        assert!(!format!("{:?}", QuotaKey::of("q", "a@example.com")).contains("example"));
    }
}
