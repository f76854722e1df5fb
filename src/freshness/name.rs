//! Names of what can be revoked or made old: short hashes in place of texts, so that a hundred
//! thousand of them are a few megabytes, and no claim lies in the host's shared data.

use std::cell::{Cell, OnceCell};

use sha2::{Digest as _, Sha256};

use crate::authn::{ClaimPath, VerifiedToken};

/// The first half of a SHA-256 over kind, issuer and value, each with its length.
pub(super) type Name = [u8; 16];

/// What a name is of. The numbers are written in shared data and never change their meaning.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Token = 1,
    Session = 2,
    Subject = 3,
    Everyone = 4,
    Tenant = 5,
    Store = 6,
    Policies = 7,
}

/// The name of `value`, as `issuer` gave it.
pub(super) fn name(kind: Kind, issuer: Option<&str>, value: &str) -> Name {
    let mut hash = Sha256::new();
    hash.update([kind as u8, issuer.is_some().into()]);
    for part in [issuer.unwrap_or_default(), value] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut name = Name::default();
    for (to, from) in name.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    name
}

/// Everybody's name.
pub(super) fn everyone() -> Name {
    name(Kind::Everyone, None, "")
}

/// What is remembered with a verified token, so that looking at it again costs next to nothing.
#[derive(Debug, Default)]
pub struct Marks {
    /// The edition of revocations under which it was last found good; 0 before that.
    checked: Cell<u64>,
    names: OnceCell<Names>,
}

/// The names that a token goes by.
#[derive(Debug)]
pub(super) struct Names {
    /// A revocation under any of these is about it.
    pub(super) revocable: Vec<Name>,
    /// Its subject's.
    pub(super) subjects: Vec<Name>,
    /// Its tenant's, where it says which.
    pub(super) tenant: Option<Name>,
}

impl Marks {
    pub(super) const fn checked(&self) -> u64 {
        self.checked.get()
    }

    pub(super) fn check(&self, edition: u64) {
        self.checked.set(edition);
    }

    pub(super) fn names(&self, token: &VerifiedToken, tenant: Option<&ClaimPath>) -> &Names {
        self.names.get_or_init(|| Names::of(token, tenant))
    }
}

impl Names {
    fn of(token: &VerifiedToken, tenant: Option<&ClaimPath>) -> Self {
        let claims = token.claims();
        let text = |name: &str| claims.named(name).and_then(|claim| claim.as_str());
        let issuer = text("iss");
        let mut revocable = vec![everyone()];
        for (kind, claim) in [(Kind::Token, "jti"), (Kind::Session, "sid")] {
            if let Some(value) = text(claim) {
                revocable.extend([name(kind, issuer, value), name(kind, None, value)]);
            }
        }
        // Where another claim says who it is, a revocation may name either.
        let mut subjects = vec![];
        for subject in [text("sub"), token.subject()].into_iter().flatten() {
            let subject = name(Kind::Subject, issuer, subject);
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        revocable.extend(&subjects);
        let tenant = tenant.and_then(|path| claims.at(path)).and_then(|value| value.as_str());
        Self { revocable, subjects, tenant: tenant.map(|value| name(Kind::Tenant, None, value)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_in_kind_issuer_and_value() {
        let names = [
            name(Kind::Token, None, "ab"),
            name(Kind::Session, None, "ab"),
            name(Kind::Token, Some(""), "ab"),
            name(Kind::Token, Some("a"), "b"),
            name(Kind::Token, Some("ab"), ""),
            name(Kind::Token, None, ""),
            everyone(),
        ];
        for (at, one) in names.iter().enumerate() {
            assert!(names.iter().skip(at + 1).all(|other| other != one), "{at}");
        }
    }
}
