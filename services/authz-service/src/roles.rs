//! Role names and the one text form of a list of them.
//!
//! A role ends up in a comma-separated header, in Cedar entity ids and in a shared cache that
//! others can write. So what may be a role name is decided once, here, for all of them; a list
//! read from outside is parsed or refused as a whole, never repaired by guessing.

use serde::{Deserialize, Serialize};

/// Longest role name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// Most roles one subject can have.
pub const MAX_ROLES: usize = 64;
/// Largest encoded list: every role at its longest, with quotes and separators.
pub const MAX_ENCODED_BYTES: usize = MAX_ROLES * (MAX_NAME_BYTES + 3) + 2;

/// The name of a role: 1 to 64 of `A-Z a-z 0-9 . _ : / -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

impl RoleName {
    /// Accepts `name` if it has the form of a role name.
    pub fn parse(name: impl Into<String>) -> Result<Self, MalformedRoles> {
        let name = name.into();
        let fits = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_name_byte);
        if fits { Ok(Self(name)) } else { Err(MalformedRoles::Name) }
    }

    /// What a request without a token has.
    pub fn guest() -> Self {
        Self("guest".into())
    }

    /// What a subject has whose e-mail nobody vouches for.
    pub fn unverified_user() -> Self {
        Self("unverified-user".into())
    }

    /// What a subject has whose verified e-mail the store does not know.
    pub fn verified_user() -> Self {
        Self("verified-user".into())
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'-')
}

impl TryFrom<String> for RoleName {
    type Error = MalformedRoles;

    fn try_from(name: String) -> Result<Self, MalformedRoles> {
        Self::parse(name)
    }
}

impl From<RoleName> for String {
    fn from(role: RoleName) -> Self {
        role.0
    }
}

/// Why a text is not a list of roles. The texts name the kind of fault and never the value: they
/// go to logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedRoles {
    /// More than [`MAX_ENCODED_BYTES`].
    #[error("larger than {MAX_ENCODED_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or JSON of another shape.
    #[error("not a JSON array of strings")]
    Shape,
    /// More than [`MAX_ROLES`].
    #[error("more than {MAX_ROLES} roles")]
    TooMany,
    /// A name that cannot be a role's.
    #[error("a role name must be 1 to {MAX_NAME_BYTES} letters, digits or `._:/-`")]
    Name,
}

/// Reads a JSON array of role names.
pub fn decode(bytes: &[u8]) -> Result<Vec<RoleName>, MalformedRoles> {
    if bytes.len() > MAX_ENCODED_BYTES {
        return Err(MalformedRoles::TooLarge);
    }
    let names: Vec<String> = serde_json::from_slice(bytes).map_err(|_| MalformedRoles::Shape)?;
    if names.len() > MAX_ROLES {
        return Err(MalformedRoles::TooMany);
    }
    names.into_iter().map(RoleName::parse).collect()
}

/// Writes the JSON array that [`decode`] reads: `["user","admin"]`.
pub fn encode(roles: &[RoleName]) -> Vec<u8> {
    // Strings of plain ASCII always encode; an empty value would be refused by `decode`.
    serde_json::to_vec(roles).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_s_form_reads_and_writes_unchanged() {
        let text = br#"["user","customer-manager"]"#;
        assert_eq!(encode(&decode(text).unwrap()), text);
        assert_eq!(decode(b"[]").unwrap(), []);
    }

    #[test]
    fn a_full_list_of_longest_names_fits() {
        let roles = vec![RoleName::parse("a".repeat(MAX_NAME_BYTES)).unwrap(); MAX_ROLES];
        assert_eq!(decode(&encode(&roles)).unwrap(), roles);
    }

    #[test]
    fn anything_else_is_refused_with_its_kind() {
        let many = serde_json::to_vec(&vec!["a"; MAX_ROLES + 1]).unwrap();
        let large = serde_json::to_vec(&vec!["a"; MAX_ENCODED_BYTES]).unwrap();
        let cases: [(&[u8], MalformedRoles); 13] = [
            (b"", MalformedRoles::Shape),
            (b"admin", MalformedRoles::Shape),
            (b"\"admin\"", MalformedRoles::Shape),
            (b"{\"roles\":[\"admin\"]}", MalformedRoles::Shape),
            (b"[\"admin\"", MalformedRoles::Shape),
            (b"[\"admin\"]x", MalformedRoles::Shape),
            (b"[\"admin\",1]", MalformedRoles::Shape),
            (b"[[\"admin\"]]", MalformedRoles::Shape),
            (b"[\"\xff\"]", MalformedRoles::Shape),
            (b"[\"\"]", MalformedRoles::Name),
            (b"[\"user,admin\"]", MalformedRoles::Name),
            (&many, MalformedRoles::TooMany),
            (&large, MalformedRoles::TooLarge),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text).unwrap_err(), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn names_that_could_end_a_header_or_a_list_are_refused() {
        for name in ["a b", "a\r\nx-user-roles: admin", "a\0", "a,b", "a\"", "ädmin", " admin"] {
            assert!(RoleName::parse(name).is_err(), "{name:?}");
        }
    }
}
