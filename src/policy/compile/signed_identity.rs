//! Statements about callers: the key, the header and what goes into them.

use std::time::Duration;

use super::{Env, InvalidKind, InvalidPolicy, Result, needs, own_header, roles_from, variable};
use crate::authn::{ClaimPath, Places};
use crate::config::{Bind, Config};
use crate::upstream::signed::{SignedIdentity, SigningKey};

const TTLS: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(600);

#[inline(never)]
pub(super) fn of(config: &Config, places: &Places, env: Env<'_>) -> Result<Option<SignedIdentity>> {
    let Some(written) = &config.signed_identity else { return Ok(None) };
    let at = |field: &str| format!("signed_identity.{field}");
    if written.issuer.is_empty() {
        return Err(needs(at("issuer"), "a text, which services compare"));
    }
    if !TTLS.contains(&written.ttl.as_duration()) {
        return Err(needs(at("ttl"), "a time from 2s to 10m"));
    }
    let key = SigningKey::from_pem(&variable(&written.key_env, &at("key_env"), env)?);
    let include = &written.include;
    let from = |from| roles_from(from, config, &at("include"));
    let claims = include.claims.iter().map(|name| (name.as_str().into(), ClaimPath::new(name)));
    Ok(Some(SignedIdentity {
        header: header(&written.header, config, places, &at("header"))?.into(),
        issuer: written.issuer.as_str().into(),
        key: key.map_err(|_| {
            let what = "a variable with a P-256 key and its public half in PKCS#8, as PEM";
            needs(at("key_env"), what)
        })?,
        ttl: written.ttl.as_duration(),
        of_request: written.bind == Bind::Request,
        subject: include.subject,
        roles: include.roles.map(from).transpose()?,
        claims: claims.collect(),
    }))
}

/// A header that nothing else is about.
fn header<'h>(name: &'h str, config: &Config, places: &Places, at: &str) -> Result<&'h str> {
    own_header(name, at)?;
    let response = config.authorization.iter().flat_map(|service| &service.response.headers);
    if config.identity_headers.contains_key(name) || response.into_iter().any(|one| one == name) {
        let kind = InvalidKind::Duplicate { what: "header", name: name.to_owned() };
        return Err(InvalidPolicy::new(at, kind));
    }
    if places.reads().headers.iter().any(|taken| **taken == *name) {
        return Err(needs(at, "a name that no provider's `from` has"));
    }
    Ok(name)
}
