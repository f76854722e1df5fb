//! The one owner of what our keys in a shared cache look like. Other systems read and write the
//! same keys, so a change here is a change of a public contract.
//!
//! | key | value | lives |
//! |---|---|---|
//! | `user:platform-roles:<ASCII-lower-cased e-mail>` | JSON array of role names, `["user","admin"]` | 300 s |
//!
//! The e-mail is always the last part, so whatever it holds cannot make a key of another kind.

use std::fmt;
use std::time::Duration;

use crate::email::Email;

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
}

/// A key holds an e-mail address, which must not reach a log.
impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoleKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_contract_s() {
        let key = RoleKey::of(&Email::parse("Test.User-CM@Example.com").unwrap());
        assert_eq!(key.as_str(), "user:platform-roles:test.user-cm@example.com");
        assert_eq!(RoleKey::TTL.as_secs(), 300);
    }

    #[test]
    fn debug_output_hides_the_address() {
        let key = RoleKey::of(&Email::parse("a@example.com").unwrap());
        assert!(!format!("{key:?}").contains("example"));
    }
}
