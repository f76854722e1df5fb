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
use jiff::Timestamp;
use serde_json::Value;

use crate::cache::{CacheError, SharedCache};
use crate::email::Email;
use crate::engine::Slot;
use crate::entities::{self, Roles};
use crate::hierarchy::CurrentHierarchy;
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
    /// Its roles: those granted, in the store's order, then those they inherit.
    pub roles: Vec<RoleName>,
    /// Its stored attributes; none for one found by e-mail.
    pub properties: Properties,
    /// Whether the store knows it by its type and id.
    pub is_stored: bool,
    /// Whether something failed on the way. The answer is right, but nobody should keep it.
    pub degraded: bool,
    /// When one of its grants ends: nobody may keep the answer past it.
    pub until: Option<Timestamp>,
    /// The subject as the engine last prepared it, with these roles and attributes.
    pub prepared: Slot,
}

impl Known {
    /// What the store holds about a subject; what its roles inherit is not yet among them.
    fn stored(subject: entities::Subject) -> Self {
        let Roles { names: roles, until } = subject.roles_at(Timestamp::now());
        Self { roles, until, properties: subject.properties, is_stored: true, ..Self::default() }
    }

    fn roles(roles: Vec<RoleName>) -> Self {
        Self { roles, ..Self::default() }
    }
}

/// Subjects, from the store and the role cache in front of it.
pub struct Directory {
    store: Arc<dyn EntityStore>,
    hierarchy: CurrentHierarchy,
    cache: Arc<dyn SharedCache>,
}

impl Directory {
    /// A directory of what `store` knows, with `cache` in front.
    pub fn new(store: Arc<dyn EntityStore>, cache: Arc<dyn SharedCache>) -> Self {
        let hierarchy = CurrentHierarchy::new(Arc::clone(&store));
        Self { store, hierarchy, cache }
    }

    /// What is known about `identity`.
    pub async fn find(&self, identity: &Identity) -> Result<Known, StoreError> {
        let known = self.granted(identity).await?;
        if matches!(identity, Identity::Anonymous | Identity::UnverifiedEmail) {
            return Ok(known);
        }
        self.inherit(known).await
    }

    /// What is known about a subject that was just read from the store.
    pub async fn of_stored(&self, subject: entities::Subject) -> Result<Known, StoreError> {
        self.inherit(Known::stored(subject)).await
    }

    async fn inherit(&self, known: Known) -> Result<Known, StoreError> {
        let roles = self.hierarchy.find().await?.effective(&known.roles);
        Ok(Known { roles, ..known })
    }

    async fn granted(&self, identity: &Identity) -> Result<Known, StoreError> {
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
        let found = found.map(|subject| subject.roles_at(Timestamp::now()));
        let degraded = match (&cached, &found) {
            // Not written to either: what failed a moment ago would only cost time.
            (Cached::Unavailable, _) => true,
            (_, Some(Roles { names, until: None })) => {
                self.cache.put(&key, roles::encode(names)).await.is_err()
            }
            (Cached::Malformed, _) => self.cache.forget(&key).await.is_err(),
            // Whoever reads it from the cache would not see its end.
            (_, Some(_)) => false,
            // Not remembered, so that a subject added now is known at once.
            (_, None) => false,
        };
        let unknown = || Roles { names: vec![RoleName::verified_user()], until: None };
        let Roles { names, until } = found.unwrap_or_else(unknown);
        Ok(Known { degraded, until, ..Known::roles(names) })
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
