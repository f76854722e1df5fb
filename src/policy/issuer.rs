//! Which `iss` a provider's tokens carry: one text, or one for each tenant that is named.
//!
//! A template is spelt out when the policy is compiled, so what a token says is only ever compared
//! with whole texts.

use std::collections::BTreeSet;
use std::fmt;

/// What stands for the tenant in a template.
pub(super) const TENANT: &str = "{tenant}";

/// The issuers of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: Box<str>,
    /// Empty when the text is the only one.
    tenants: BTreeSet<Box<str>>,
}

impl Issuer {
    /// One issuer.
    pub fn exact(text: &str) -> Self {
        Self { text: text.into(), tenants: BTreeSet::new() }
    }

    /// One for each tenant, which takes the place of `{tenant}`.
    pub fn of_tenants<'t>(template: &str, tenants: impl Iterator<Item = &'t str>) -> Self {
        let mut spelt = BTreeSet::new();
        for tenant in tenants {
            spelt.insert(template.replacen(TENANT, tenant, 1).into());
        }
        Self { text: template.into(), tenants: spelt }
    }

    /// Whether a token with this `iss` is of this provider.
    pub fn is(&self, iss: &str) -> bool {
        if self.tenants.is_empty() { *self.text == *iss } else { self.tenants.contains(iss) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// An issuer that both have.
    pub(super) fn shared_with<'s>(&'s self, other: &Self) -> Option<&'s str> {
        let one = Some(&*self.text).filter(|_| self.tenants.is_empty());
        let mut all = one.into_iter().chain(self.tenants.iter().map(|tenant| &**tenant));
        all.find(|issuer| other.is(issuer))
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.tenants.is_empty() {
            Ok(())
        } else {
            write!(f, " of {} tenants", self.tenants.len())
        }
    }
}
