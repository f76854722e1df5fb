//! `entities.json`: the subjects, resources, actions and roles a store is seeded with, and the
//! types that a store keeps.
//!
//! Everything a decision could later stumble over is refused here, with the place in the file:
//! a role name that could not be one, a value that Cedar cannot hold, an e-mail that two subjects
//! claim, one id twice, roles that inherit from themselves. Nothing else reads the file, and
//! nothing here decides anything.

mod check;
mod grant;
mod hierarchy;

use std::path::Path;

use claimgate_authz_api::Properties;
use serde::{Deserialize, Serialize};

use crate::email::Email;

pub use grant::{Grant, Roles};
pub use hierarchy::{Cycle, Hierarchy, Role};

/// What `entities.json` holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entities {
    /// Who can ask.
    #[serde(default)]
    pub subjects: Vec<Subject>,
    /// What can be asked for.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// What can be done.
    #[serde(default)]
    pub actions: Vec<Action>,
    /// Which roles inherit from which; without it none does.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// A subject with its roles, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Kind of subject; the Cedar entity type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier, unique within the kind.
    pub id: String,
    /// Attributes. `email`, when present, is the address the subject is found by.
    #[serde(default)]
    pub properties: Properties,
    /// Roles granted, in the order they are reported; each once.
    #[serde(default)]
    pub roles: Vec<Grant>,
}

impl Subject {
    /// The address this subject is found by, if it has one.
    pub fn email(&self) -> Option<Email> {
        self.properties.get("email")?.as_str().and_then(Email::parse)
    }
}

/// A resource, as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Kind of resource; the Cedar entity type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Identifier, unique within the kind.
    pub id: String,
    /// Attributes.
    #[serde(default)]
    pub properties: Properties,
}

/// An action, as stored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Name; the id of the Cedar action.
    pub name: String,
    /// Attributes.
    #[serde(default)]
    pub properties: Properties,
}

/// An entity that cannot be used, and where it is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct InvalidEntities {
    /// File, or place in it (`subjects[3].properties`).
    pub at: String,
    /// What is wrong there.
    pub problem: String,
}

impl InvalidEntities {
    pub(crate) fn new(at: impl Into<String>, problem: &(impl ToString + ?Sized)) -> Self {
        Self { at: at.into(), problem: problem.to_string() }
    }
}

impl Entities {
    /// Reads and checks the file at `path`.
    pub fn load(path: &Path) -> Result<Self, InvalidEntities> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| InvalidEntities::new(&file, &e))?;
        Self::parse(&text).map_err(|e| InvalidEntities { at: format!("{file}: {}", e.at), ..e })
    }

    /// Reads and checks the text of a file.
    pub fn parse(text: &str) -> Result<Self, InvalidEntities> {
        let entities: Self =
            serde_json::from_str(text).map_err(|e| InvalidEntities::new("not entities", &e))?;
        entities.check()?;
        Ok(entities)
    }
}

#[cfg(test)]
mod tests;
