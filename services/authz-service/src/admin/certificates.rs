//! Administrators by their client certificates: the name that one has, and the roles that the
//! configuration gives to that name. That an authority vouches for it is the listener's to check.

use serde::Deserialize;

use super::access::{Administrator, InvalidAdmin};
use crate::roles::{MAX_ROLES, RoleName};
use crate::store::Actor;

/// A certificate that administers, as the configuration file has it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateOptions {
    /// Its name: its URI, exactly, or, where it has none, its DNS name.
    pub name: String,
    /// The roles of who holds it.
    pub roles: Vec<String>,
}

/// Names with what they may do.
#[derive(Default)]
pub(super) struct Certificates(Vec<(String, Administrator)>);

impl Certificates {
    pub(super) fn new(options: Vec<CertificateOptions>) -> Result<Self, InvalidAdmin> {
        let mut known = Vec::new();
        for CertificateOptions { name, roles } in options {
            let administrator = administrator(&name, &roles)?;
            if known.iter().any(|(other, _)| *other == name) {
                return Err(invalid(&name, "is there twice"));
            }
            known.push((name, administrator));
        }
        Ok(Self(known))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who the certificate of this name stands for.
    pub(super) fn administrator(&self, name: &str) -> Option<&Administrator> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, administrator)| administrator)
    }
}

fn administrator(name: &str, roles: &[String]) -> Result<Administrator, InvalidAdmin> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid(name, "must be printable ASCII without spaces"));
    }
    let actor = Actor::parse(&format!("certificate:{name}"));
    let actor = actor.ok_or_else(|| invalid(name, "is too long"))?;
    if roles.len() > MAX_ROLES {
        return Err(invalid(name, "has too many roles"));
    }
    let roles: Result<_, _> = roles.iter().map(|role| RoleName::parse(role.as_str())).collect();
    let roles = roles.map_err(|_| invalid(name, "has a role that cannot be one's name"))?;
    Ok(Administrator { actor, roles })
}

fn invalid(name: &str, problem: &str) -> InvalidAdmin {
    InvalidAdmin { field: "certificates", problem: format!("{name:?} {problem}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificates(options: &[(&str, &[&str])]) -> Result<Certificates, InvalidAdmin> {
        let option = |(name, roles): &(&str, &[&str])| CertificateOptions {
            name: (*name).to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        Certificates::new(options.iter().map(option).collect())
    }

    #[test]
    fn a_name_stands_for_its_roles_and_for_nobody_else() {
        let known = certificates(&[("spiffe://x/ci", &["operator"]), ("b.example", &[])]).unwrap();
        let found = known.administrator("spiffe://x/ci").unwrap();
        assert_eq!(found.actor.as_str(), "certificate:spiffe://x/ci");
        assert_eq!(found.roles, [RoleName::parse("operator").unwrap()]);
        for name in ["spiffe://x/CI", "spiffe://x/ci/", "", "example"] {
            assert!(known.administrator(name).is_none(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_its_name() {
        let long = "x".repeat(300);
        for options in [
            &[("", &[][..])][..],
            &[("a b", &[])],
            &[(&long, &[])],
            &[("a", &["not a role"])],
            &[("a", &[]), ("a", &["admin"])],
        ] {
            let text = certificates(options).err().unwrap().to_string();
            assert!(text.starts_with("admin.certificates: \""), "{text}");
        }
    }
}
