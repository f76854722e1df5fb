//! What is known about one subject, however it was found.

use std::time::Duration;

use claimgate_authz_api::Properties;
use jiff::Timestamp;

use crate::engine::Slot;
use crate::entities::{self, Roles};
use crate::roles::RoleName;

/// What is known about a subject.
#[derive(Debug, Default)]
pub struct Known {
    /// Its roles: those granted, in the store's order, then those they inherit.
    pub roles: Vec<RoleName>,
    /// Its stored attributes; none for one found by e-mail.
    pub properties: Properties,
    /// Whether the store knows it by its type and id.
    pub is_stored: bool,
    /// Whether something failed on the way. The answer is right, but nobody should keep it.
    pub degraded: bool,
    /// When the first of its roles ends; nothing that depends on them may be kept longer.
    pub until: Option<Timestamp>,
    /// The subject as the engine last prepared it, with these roles and attributes.
    pub prepared: Slot,
}

impl Known {
    /// What the store holds about a subject; what its roles inherit is not yet among them.
    pub(super) fn stored(subject: entities::Subject) -> Self {
        let Roles { names: roles, until } = subject.roles_at(Timestamp::now());
        Self { roles, until, properties: subject.properties, is_stored: true, ..Self::default() }
    }

    pub(super) fn roles(roles: Vec<RoleName>) -> Self {
        Self { roles, ..Self::default() }
    }

    /// How long this stays true: until a role ends.
    pub(super) fn stays(&self) -> Duration {
        let Some(until) = self.until else { return Duration::MAX };
        Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
    }
}
