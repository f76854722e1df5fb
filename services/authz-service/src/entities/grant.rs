//! A role granted to a subject, for good or until an instant.
//!
//! In JSON a grant is the role's name, `"admin"`, or `{"role": "admin", "expires_at": "…Z"}`.

use std::fmt;

use jiff::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Subject;
use crate::roles::RoleName;

/// A role that a subject has been given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which.
    pub role: RoleName,
    /// From when on it is no longer in force; `None` for never.
    pub expires_at: Option<Timestamp>,
}

/// The roles in force at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// Their names, in the order they were granted.
    pub names: Vec<RoleName>,
    /// When the next of them ends: nothing that depends on them may be kept past it.
    pub until: Option<Timestamp>,
}

impl Grant {
    /// A grant without an end.
    pub fn of(role: RoleName) -> Self {
        Self { role, expires_at: None }
    }

    /// Whether it is in force at `now`; at its end it no longer is.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl Subject {
    /// The grants in force at `now`, without what they inherit.
    pub fn roles_at(&self, now: Timestamp) -> Roles {
        let holding = || self.roles.iter().filter(|grant| grant.holds(now));
        Roles {
            names: holding().map(|grant| grant.role.clone()).collect(),
            until: holding().filter_map(|grant| grant.expires_at).min(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    role: RoleName,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.expires_at {
            None => self.role.serialize(serializer),
            end => Full { role: self.role.clone(), expires_at: end }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GrantVisitor)
    }
}

/// By hand: an untagged enum would not say what is wrong.
struct GrantVisitor;

impl<'de> Visitor<'de> for GrantVisitor {
    type Value = Grant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a role name, or an object with `role` and `expires_at`")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Grant, E> {
        RoleName::parse(name).map(Grant::of).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Grant, A::Error> {
        let Full { role, expires_at } = Full::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Grant { role, expires_at })
    }
}
