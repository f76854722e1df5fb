//! By what a subject is found: read off a question, before anything is looked up.

use claimgate_authz_api::{ANONYMOUS, Subject};
use serde_json::Value;

use super::near::Key;
use crate::email::Email;

/// By what a subject is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

impl Key for Identity {
    fn bytes(&self) -> usize {
        match self {
            Self::Anonymous | Self::UnverifiedEmail => 0,
            Self::VerifiedEmail(email) => email.as_str().len(),
            Self::Subject { kind, id } => kind.len() + id.len(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "json! literals read better by value")]
mod tests;
