//! What makes entities usable: each alone, and all of a file together. A store asks the same of
//! every change, so that nothing gets in by one way that the other refuses.

use std::collections::HashMap;

use claimgate_authz_api::Properties;

use super::{Entities, Hierarchy, InvalidEntities, Resource, Role, Subject};
use crate::engine;
use crate::roles::MAX_ROLES;

/// Longest type, id or name, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// Most roles that one role can inherit from directly.
const MAX_PARENTS: usize = MAX_ROLES;

/// Where each thing of a file was first seen.
type Places = HashMap<(&'static str, String, String), String>;

impl Entities {
    pub(super) fn check(&self) -> Result<(), InvalidEntities> {
        let mut places = Places::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            let at = format!("subjects[{index}]");
            subject.check(&at)?;
            once(&mut places, "subject", &subject.kind, &subject.id, &at)?;
            if let Some(email) = subject.email() {
                let at = format!("{at}.properties.email");
                once(&mut places, "email", "", email.as_str(), &at)?;
            }
        }
        for (index, resource) in self.resources.iter().enumerate() {
            let at = format!("resources[{index}]");
            resource.check(&at)?;
            once(&mut places, "resource", &resource.kind, &resource.id, &at)?;
        }
        for (index, action) in self.actions.iter().enumerate() {
            let at = format!("actions[{index}]");
            check_named(&at, "action", &action.name)?;
            check_properties(&at, &action.properties)?;
            once(&mut places, "action", "", &action.name, &at)?;
        }
        self.check_roles(&mut places)
    }

    fn check_roles(&self, places: &mut Places) -> Result<(), InvalidEntities> {
        for (index, role) in self.roles.iter().enumerate() {
            let at = format!("roles[{index}]");
            role.check(&at)?;
            once(places, "role", "", role.name.as_str(), &at)?;
        }
        Hierarchy::new(self.roles.clone())
            .map(drop)
            .map_err(|cycle| InvalidEntities::new("roles", &cycle))
    }
}

impl Subject {
    /// Whether it can be stored; `at` is where an error says it is.
    pub fn check(&self, at: &str) -> Result<(), InvalidEntities> {
        check_named(at, &self.kind, &self.id)?;
        check_properties(at, &self.properties)?;
        if self.properties.contains_key("email") && self.email().is_none() {
            let at = format!("{at}.properties.email");
            return Err(InvalidEntities::new(at, "must be an e-mail address"));
        }
        if self.roles.len() > MAX_ROLES {
            let problem = format!("more than {MAX_ROLES} roles");
            return Err(InvalidEntities::new(format!("{at}.roles"), &problem));
        }
        for (index, grant) in self.roles.iter().enumerate() {
            if self.roles.iter().take(index).any(|other| other.role == grant.role) {
                let problem = format!("`{}` is granted twice", grant.role.as_str());
                return Err(InvalidEntities::new(format!("{at}.roles[{index}]"), &problem));
            }
        }
        Ok(())
    }
}

impl Resource {
    /// Whether it can be stored; `at` is where an error says it is.
    pub fn check(&self, at: &str) -> Result<(), InvalidEntities> {
        check_named(at, &self.kind, &self.id)?;
        check_properties(at, &self.properties)
    }
}

impl Role {
    /// Whether it can be stored by itself; `at` is where an error says it is.
    pub fn check(&self, at: &str) -> Result<(), InvalidEntities> {
        if self.parents.len() > MAX_PARENTS {
            let problem = format!("more than {MAX_PARENTS} parents");
            return Err(InvalidEntities::new(format!("{at}.parents"), &problem));
        }
        Ok(())
    }
}

fn once(
    places: &mut Places,
    what: &'static str,
    kind: &str,
    id: &str,
    at: &str,
) -> Result<(), InvalidEntities> {
    match places.insert((what, kind.to_owned(), id.to_owned()), at.to_owned()) {
        // One address, one subject: else a role look-up by e-mail could answer for either.
        Some(owner) if what == "email" => {
            Err(InvalidEntities::new(at, &format!("is already that of {owner}")))
        }
        Some(first) => Err(InvalidEntities::new(at, &format!("{what} `{id}` is already {first}"))),
        None => Ok(()),
    }
}

/// A control character would not survive every store, nor every log.
fn check_named(at: &str, kind: &str, id: &str) -> Result<(), InvalidEntities> {
    if kind.is_empty() || id.is_empty() {
        return Err(InvalidEntities::new(at, "type, id and name must not be empty"));
    }
    for name in [kind, id] {
        if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            let problem = format!(
                "type, id and name must be at most {MAX_NAME_BYTES} bytes without control characters"
            );
            return Err(InvalidEntities::new(at, &problem));
        }
    }
    Ok(())
}

fn check_properties(at: &str, properties: &Properties) -> Result<(), InvalidEntities> {
    engine::check_values(properties)
        .map_err(|problem| InvalidEntities::new(format!("{at}.properties"), &problem))
}
