//! Issuers, written out or as a template with tenants.

use super::{Result, each, needs};
use crate::config;
use crate::policy::issuer::TENANT;
use crate::policy::{InvalidKind, InvalidPolicy, Issuer, Provider};

const MAX_TENANTS: usize = 10_000;

pub(super) fn of(provider: &config::Provider, at: &str) -> Result<Issuer> {
    let text = provider.issuer.as_str();
    if text.is_empty() {
        return Err(needs(format!("{at}.issuer"), "the exact `iss` of its tokens"));
    }
    match (text.matches(TENANT).count(), provider.tenants.as_slice()) {
        (0, []) => Ok(Issuer::exact(text)),
        (1, []) | (_, [_, ..]) if provider.discovery.is_some() => {
            let what =
                "one issuer where there is `discovery`, whose document names one; give `jwks`";
            Err(needs(format!("{at}.issuer"), what))
        }
        (1, tenants @ [_, ..]) if tenants.len() <= MAX_TENANTS => {
            let what = "a name of letters, digits and `-`, `.`, `_`, `~`, at most 128 long";
            each(tenants, &format!("{at}.tenants"), what, &is_tenant)?;
            Ok(Issuer::of_tenants(text, tenants.iter().map(String::as_str)))
        }
        (1, []) => Err(needs(format!("{at}.tenants"), "the tenants whose tokens are accepted")),
        (1, _) => Err(needs(format!("{at}.tenants"), "at most 10000 entries")),
        _ => Err(needs(format!("{at}.issuer"), "`{tenant}` once where there are `tenants`")),
    }
}

/// A token is its issuer's: were there two ways to check it, the weaker one would count.
pub(super) fn check_apart(providers: &[Provider]) -> Result<()> {
    for (index, provider) in providers.iter().enumerate() {
        let mut before = providers.iter().take(index);
        if let Some(issuer) = before.find_map(|other| provider.issuer.shared_with(&other.issuer)) {
            let kind = InvalidKind::Duplicate { what: "provider", name: issuer.into() };
            let at = format!("providers[{index}] {:?}.issuer", provider.name);
            return Err(InvalidPolicy::new(at, kind));
        }
    }
    Ok(())
}

/// Nothing in a tenant may end the part of the issuer that is its own.
fn is_tenant(tenant: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=128).contains(&tenant.len()) && tenant.bytes().all(plain)
}
