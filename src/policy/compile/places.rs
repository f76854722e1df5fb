//! Where tokens are: one list for the policy, and what each provider takes from it.

use super::{Result, each, needs};
use crate::authn::{AUTHORIZATION, Place, Places};
use crate::config::{self, Config, TokenPlace};
use crate::policy::{InvalidKind, InvalidPolicy};
use crate::upstream::OwnHeaders;

/// What says which site a request comes from, or proves a key, cannot hold a token, too.
const TAKEN: [&str; 3] = ["dpop", "origin", "sec-fetch-site"];

/// All places of all providers.
pub(super) fn all(config: &Config) -> Result<Places> {
    let mut all = Vec::new();
    for (index, provider) in config.providers.iter().enumerate() {
        let at = format!("providers[{index}] {:?}", provider.name);
        all.extend(of(provider, &at)?);
    }
    Places::new(all.into_iter()).ok_or_else(|| needs("providers", "at most 32 different `from`"))
}

/// The places of one provider.
pub(super) fn of(provider: &config::Provider, at: &str) -> Result<Vec<Place>> {
    if provider.from.is_empty() {
        let scheme = Some("Bearer".into());
        return Ok(vec![Place::Header { name: AUTHORIZATION.into(), scheme }]);
    }
    let places = provider.from.iter().enumerate();
    let places = places.map(|(index, from)| place(from, provider, &format!("{at}.from[{index}]")));
    places.collect()
}

/// The origins whose pages may use a cookie, as browsers write them.
pub(super) fn origins(provider: &config::Provider, at: &str) -> Result<Vec<Box<str>>> {
    let origins = &provider.allowed_origins;
    let what = "an origin such as `https://app.example`, in lower case and without a path";
    each(origins, &format!("{at}.allowed_origins"), what, &is_origin)?;
    if !origins.is_empty() && provider.from.iter().all(|from| from.cookie.is_none()) {
        return Err(needs(format!("{at}.allowed_origins"), "a `cookie` in `from`"));
    }
    Ok(origins.iter().map(|origin| origin.as_str().into()).collect())
}

fn is_origin(text: &str) -> bool {
    let whole =
        |authority: &str| !text.ends_with('/') && *authority == authority.to_ascii_lowercase();
    matches!(crate::policy::split_url(text), Some((_, authority, "/")) if whole(authority))
}

fn place(from: &TokenPlace, provider: &config::Provider, at: &str) -> Result<Place> {
    match (&from.header, &from.cookie, &from.query, &from.scheme) {
        (Some(name), None, None, scheme) => header(name, scheme.as_deref(), at),
        (None, Some(name), None, None) => {
            let name = plain(name, &format!("{at}.cookie"))?;
            Ok(Place::Cookie(name))
        }
        (None, None, Some(name), None) => {
            if !provider.allow_query_token {
                let what = "`allow_query_token: true` at its provider: others may see such a token";
                return Err(needs(format!("{at}.query"), what));
            }
            let name = plain(name, &format!("{at}.query"))?;
            Ok(Place::Query(name))
        }
        _ => {
            let what = "exactly one of `header` (with `scheme` or not), `cookie` and `query`";
            Err(needs(at, what))
        }
    }
}

fn header(name: &str, scheme: Option<&str>, at: &str) -> Result<Place> {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(lower) {
        let what = "a name of lower-case letters, digits and `-`";
        return Err(needs(format!("{at}.header"), what));
    }
    let taken = name != AUTHORIZATION && OwnHeaders::is_reserved(name);
    if taken || TAKEN.contains(&name) {
        let kind = InvalidKind::ReservedHeader { name: name.into(), what: "hold a token" };
        return Err(InvalidPolicy::new(format!("{at}.header"), kind));
    }
    let scheme = scheme.or((name == AUTHORIZATION).then_some("Bearer"));
    let scheme = scheme.map(|scheme| plain(scheme, &format!("{at}.scheme"))).transpose()?;
    Ok(Place::Header { name: name.into(), scheme })
}

/// A name that reads the same in schemes, cookies and queries, encoded or not.
fn plain(name: &str, at: &str) -> Result<Box<str>> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(needs(at, "a name of letters, digits and `-`, `.`, `_`, `~`"));
    }
    Ok(name.into())
}
