//! Finds a subject's roles: the one place that decides whom to believe about what.
//!
//! - No token: `guest`.
//! - An e-mail in the question: only one that is verified is looked up, in the role cache and
//!   then in the store. An unverified one has exactly `unverified-user`, so it never inherits the
//!   roles of the address's owner. A verified one that the store does not know: `verified-user`.
//! - No e-mail: the store's subject of that type and id; nobody vouches for the address of one
//!   that the store does not know, so it is an `unverified-user` as well.
//!
//! Roles only, for an e-mail: the cache holds nothing else, and a decision must not depend on
//! whether the cache was warm. A cache value is believed only when it parses as a whole;
//! anything else is ignored, logged without the value, and replaced from the store.

use std::sync::Arc;

use claimgate_authz_api::{ANONYMOUS, Properties, Subject};
use serde_json::Value;

use crate::cache::{CacheError, SharedCache};
use crate::email::Email;
use crate::engine::Slot;
use crate::entities;
use crate::keys::RoleKey;
use crate::roles::{self, RoleName};
use crate::store::{EntityStore, StoreError};

/// By what a subject is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It carries no token.
    Anonymous,
    /// It has an e-mail that nobody vouches for.
    UnverifiedEmail,
    /// It has a verified e-mail.
    VerifiedEmail(Email),
    /// It has a type and an id.
    Subject {
        /// Type of the subject.
        kind: String,
        /// Id within the type.
        id: String,
    },
}

impl Identity {
    /// By what the subject of a question is found. Null is as good as absent.
    pub fn of_subject(subject: &Subject) -> Self {
        if subject.kind == ANONYMOUS && subject.id == ANONYMOUS {
            return Self::Anonymous;
        }
        match subject.properties.get("email") {
            None | Some(Value::Null) => {
                Self::Subject { kind: subject.kind.clone(), id: subject.id.clone() }
            }
            Some(email) => {
                let verified = subject.properties.get("email_verified") == Some(&Value::Bool(true));
                Self::of_email(email.as_str().unwrap_or_default(), verified)
            }
        }
    }

    /// By what the owner of `email` is found.
    pub fn of_email(email: &str, verified: bool) -> Self {
        match Email::parse(email) {
            Some(email) if verified => Self::VerifiedEmail(email),
            _ => Self::UnverifiedEmail,
        }
    }
}

/// What is known about a subject.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Its roles, in the store's order.
    pub roles: Vec<RoleName>,
    /// Its stored attributes; none for one found by e-mail.
    pub properties: Properties,
    /// Whether the store knows it by its type and id.
    pub is_stored: bool,
    /// Whether something failed on the way. The answer is right, but nobody should keep it.
    pub degraded: bool,
    /// The subject as the engine last prepared it, with these roles and attributes.
    pub prepared: Slot,
}

impl Known {
    /// What the store knows about a subject.
    pub fn stored(subject: entities::Subject) -> Self {
        let (roles, properties) = (subject.roles, subject.properties);
        Self { roles, properties, is_stored: true, ..Self::default() }
    }

    fn roles(roles: Vec<RoleName>) -> Self {
        Self { roles, ..Self::default() }
    }
}

/// Subjects, from the store and the role cache in front of it.
pub struct Directory {
    store: Arc<dyn EntityStore>,
    cache: Arc<dyn SharedCache>,
}

impl Directory {
    /// A directory of what `store` knows, with `cache` in front.
    pub fn new(store: Arc<dyn EntityStore>, cache: Arc<dyn SharedCache>) -> Self {
        Self { store, cache }
    }

    /// What is known about `identity`.
    pub async fn find(&self, identity: &Identity) -> Result<Known, StoreError> {
        match identity {
            Identity::Anonymous => Ok(Known::roles(vec![RoleName::guest()])),
            Identity::UnverifiedEmail => Ok(Known::roles(vec![RoleName::unverified_user()])),
            Identity::VerifiedEmail(email) => self.by_email(email).await,
            Identity::Subject { kind, id } => {
                let found = self.store.subject(kind, id).await?;
                let unknown = || Known::roles(vec![RoleName::unverified_user()]);
                Ok(found.map_or_else(unknown, Known::stored))
            }
        }
    }

    async fn by_email(&self, email: &Email) -> Result<Known, StoreError> {
        let key = RoleKey::of(email);
        let cached = self.cached(&key).await;
        if let Cached::Roles(roles) = cached {
            return Ok(Known::roles(roles));
        }
        let found = self.store.subject_by_email(email).await?;
        let degraded = match (&cached, &found) {
            // Not written to either: what failed a moment ago would only cost time.
            (Cached::Unavailable, _) => true,
            (_, Some(subject)) => {
                self.cache.put(&key, roles::encode(&subject.roles)).await.is_err()
            }
            (Cached::Malformed, None) => self.cache.forget(&key).await.is_err(),
            // Not remembered, so that a subject added now is known at once.
            (_, None) => false,
        };
        let roles = found.map_or_else(|| vec![RoleName::verified_user()], |subject| subject.roles);
        Ok(Known { degraded, ..Known::roles(roles) })
    }

    async fn cached(&self, key: &RoleKey) -> Cached {
        let problem = match self.cache.fetch(key).await {
            Ok(None) => return Cached::Nothing,
            Ok(Some(value)) => match roles::decode(&value) {
                Ok(roles) => return Cached::Roles(roles),
                Err(malformed) => malformed.to_string(),
            },
            Err(CacheError::Foreign) => CacheError::Foreign.to_string(),
            Err(CacheError::Failed(_) | CacheError::CoolingDown) => return Cached::Unavailable,
        };
        tracing::warn!(problem, "ignored a malformed value in the role cache");
        Cached::Malformed
    }
}

enum Cached {
    Roles(Vec<RoleName>),
    Nothing,
    Malformed,
    Unavailable,
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json! literals read better by value")]
mod tests;
