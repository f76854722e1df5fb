//! `entities.json`: the subjects, resources and actions a store is seeded with.
//!
//! Everything a decision could later stumble over is refused here, with the place in the file:
//! a role name that could not be one, a value that Cedar cannot hold, an e-mail that two subjects
//! claim. Nothing else reads the file, and nothing here decides anything.

use std::collections::HashMap;
use std::path::Path;

use claimgate_authz_api::Properties;
use serde::Deserialize;

use crate::email::Email;
use crate::engine;
use crate::roles::{MAX_ROLES, RoleName};

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
}

/// A subject with its roles, as stored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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
    /// Roles, in the order they are reported.
    #[serde(default)]
    pub roles: Vec<RoleName>,
}

impl Subject {
    /// The address this subject is found by, if it has one.
    pub fn email(&self) -> Option<Email> {
        self.properties.get("email")?.as_str().and_then(Email::parse)
    }
}

/// A resource, as stored.
#[derive(Clone, Debug, PartialEq, Deserialize)]
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

/// An `entities.json` that cannot be used, and where it is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct InvalidEntities {
    /// File, or place in it (`subjects[3].properties`).
    pub at: String,
    /// What is wrong there.
    pub problem: String,
}

impl InvalidEntities {
    fn new(at: impl Into<String>, problem: &(impl ToString + ?Sized)) -> Self {
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
        entities.check_subjects()?;
        for (index, resource) in entities.resources.iter().enumerate() {
            check_named(&format!("resources[{index}]"), &resource.kind, &resource.id)?;
            check_properties(&format!("resources[{index}].properties"), &resource.properties)?;
        }
        for (index, action) in entities.actions.iter().enumerate() {
            check_named(&format!("actions[{index}]"), "action", &action.name)?;
            check_properties(&format!("actions[{index}].properties"), &action.properties)?;
        }
        Ok(entities)
    }

    fn check_subjects(&self) -> Result<(), InvalidEntities> {
        let mut owners = HashMap::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            let at = format!("subjects[{index}]");
            check_named(&at, &subject.kind, &subject.id)?;
            check_properties(&format!("{at}.properties"), &subject.properties)?;
            if subject.roles.len() > MAX_ROLES {
                let problem = format!("more than {MAX_ROLES} roles");
                return Err(InvalidEntities::new(format!("{at}.roles"), &problem));
            }
            check_email(&at, subject, &mut owners)?;
        }
        Ok(())
    }
}

fn check_named(at: &str, kind: &str, id: &str) -> Result<(), InvalidEntities> {
    if kind.is_empty() || id.is_empty() {
        return Err(InvalidEntities::new(at, "type, id and name must not be empty"));
    }
    Ok(())
}

fn check_properties(at: &str, properties: &Properties) -> Result<(), InvalidEntities> {
    engine::check_values(properties).map_err(|problem| InvalidEntities::new(at, &problem))
}

/// One address, one subject: else a role look-up by e-mail could answer for either.
fn check_email(
    at: &str,
    subject: &Subject,
    owners: &mut HashMap<String, String>,
) -> Result<(), InvalidEntities> {
    let at = format!("{at}.properties.email");
    match (subject.properties.get("email"), subject.email()) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(InvalidEntities::new(at, "must be an e-mail address")),
        (Some(_), Some(email)) => match owners.insert(email.as_str().to_owned(), at.clone()) {
            Some(owner) => Err(InvalidEntities::new(at, &format!("is already that of {owner}"))),
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests;
