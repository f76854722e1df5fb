//! The realm's users: who they are comes from the demo's one file of users, their passwords from
//! this service's own.
//!
//! The two files must name the same people, or the service does not start. Roles stand in the
//! first file too and are not read here.

use std::collections::BTreeMap;

use serde::Deserialize;
use subtle::ConstantTimeEq;

const ENTITIES: &str = include_str!("../../demo-data/entities.json");
const CREDENTIALS: &str = include_str!("../credentials.json");

/// Everyone who can log in.
pub struct Users(Vec<Account>);

/// One person, with what their tokens say.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
    #[serde(rename = "properties")]
    pub(crate) profile: Profile,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Profile {
    pub(crate) email: String,
    pub(crate) email_verified: bool,
    pub(crate) preferred_username: String,
    pub(crate) name: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
}

/// Why two files do not make a realm.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUsers {
    /// One of the files is not what it should be.
    #[error("the embedded user data cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A person without a password.
    #[error("user `{0}` has no entry in credentials.json")]
    NoPassword(String),
    /// Passwords without a person.
    #[error("credentials.json names users that entities.json does not have: {0:?}")]
    NoUser(Vec<String>),
}

impl Users {
    /// The demo's users, embedded.
    ///
    /// # Errors
    /// When the embedded files do not fit each other.
    pub fn demo() -> Result<Self, InvalidUsers> {
        Self::from_json(ENTITIES, CREDENTIALS)
    }

    /// The users in `entities` (the authorization service's format) with their passwords in
    /// `credentials` (user name to password).
    ///
    /// # Errors
    /// When either is malformed, or names somebody the other does not.
    pub fn from_json(entities: &str, credentials: &str) -> Result<Self, InvalidUsers> {
        let entities: Entities = serde_json::from_str(entities)?;
        let mut passwords: BTreeMap<String, String> = serde_json::from_str(credentials)?;
        let mut accounts = Vec::new();
        for user in entities.subjects {
            let name = &user.profile.preferred_username;
            match passwords.remove(name) {
                Some(password) => accounts.push(Account { user, password }),
                None => return Err(InvalidUsers::NoPassword(name.clone())),
            }
        }
        if passwords.is_empty() {
            Ok(Self(accounts))
        } else {
            Err(InvalidUsers::NoUser(passwords.into_keys().collect()))
        }
    }

    /// The user of this id.
    pub(crate) fn of_id(&self, id: &str) -> Option<&User> {
        self.0.iter().map(|account| &account.user).find(|user| user.id == id)
    }

    /// The user of that name, if the password is theirs. As in Keycloak, the case of a user name
    /// does not matter.
    pub(crate) fn authenticate(&self, name: &str, password: &str) -> Option<&User> {
        let account =
            self.0.iter().find(|a| a.user.profile.preferred_username.eq_ignore_ascii_case(name))?;
        let matches: bool = account.password.as_bytes().ct_eq(password.as_bytes()).into();
        matches.then_some(&account.user)
    }
}

struct Account {
    user: User,
    password: String,
}

#[derive(Deserialize)]
struct Entities {
    subjects: Vec<User>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::grant::staff;

    const REALM: &str = include_str!("../../../keycloak/realm.json");

    #[test]
    fn the_realm_for_keycloak_has_the_same_people() {
        let realm: Value = serde_json::from_str(REALM).unwrap();
        let ours = Users::demo().unwrap().0;
        let ours: Vec<Value> = ours.iter().map(as_keycloak_has_it).collect();
        assert_eq!(realm["users"], json!(ours));
    }

    fn as_keycloak_has_it(Account { user, password }: &Account) -> Value {
        let profile = &user.profile;
        json!({
            "id": user.id, "username": profile.preferred_username, "enabled": true,
            "email": profile.email, "emailVerified": profile.email_verified,
            "firstName": profile.given_name, "lastName": profile.family_name,
            "requiredActions": [],
            "credentials": [{"type": "password", "value": password, "temporary": false}],
            "realmRoles": staff(&profile.preferred_username),
        })
    }
}
