//! From what people write to what is enforced, one entry at a time, top down. Each function takes
//! the path of its entry, so that every error can say where it stands.

mod dpop;
mod endpoint;
mod freshness;
mod issuer;
mod keys;
mod places;
mod resource;
mod routes;
mod rules;
mod service;
mod shadow;
mod signed_identity;
mod streams;

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use super::invalid::{InvalidKind, InvalidPolicy};
use super::{Header, HeaderSource, Policy, Provider, Route, Secret};
use crate::authn::{ClaimPath, Demands, Places};
use crate::config::{self, ClaimForm, Config, RoleSource, Span};
use crate::request::Reads;
use crate::upstream::OwnHeaders;

type Result<T> = std::result::Result<T, InvalidPolicy>;

/// Shorter ones could be guessed; services want as many.
const MIN_SHARED_SECRET: usize = 16;

/// Headers that anything looks at; whoever needs one adds it.
type Looks<'r> = &'r RefCell<Reads>;

/// Looks up an environment variable.
type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

pub(super) fn policy(config: &Config, env: Env<'_>) -> Result<Policy> {
    let places = places::all(config)?;
    let compile = |p: &config::Provider, at: &str| provider(p, at, &places, env);
    let providers = named(&config.providers, "providers", |p| &p.name, compile)?;
    issuer::check_apart(&providers)?;
    let reads = RefCell::new(places.reads().clone());
    let freshness = freshness::feed(config, &providers, env)?;
    let headers = headers(config, env)?;
    let given = service::response_headers(config, &headers, &places)?;
    let signed_identity = signed_identity::of(config, &places, env)?;
    let own = headers.iter().map(|header| &*header.name).chain(given.iter().map(|name| &**name));
    let own = own.chain(signed_identity.iter().map(|signed| &*signed.header));
    let own_headers = OwnHeaders::new(own);
    let around = service::Around { config, env, places: &places, own: &own_headers, looks: &reads };
    let compile = |a: &config::Authorization, at: &str| service::service(a, at, &around);
    let services = named(&config.authorization, "authorization", |a| &a.name, compile)?;
    let routes = routes::table(config, &services, &reads)?;
    let unmatched = config.unmatched.status;
    if !(400..=599).contains(&unmatched) {
        return Err(needs("unmatched.status", "a status from 400 to 599"));
    }
    let needs_roles = |h: &Header| matches!(h.source, HeaderSource::Roles(RoleSource::Decision));
    let headers_need_roles = headers.iter().any(needs_roles);
    check_apart(&places, &own_headers)?;
    let public_origin = resource::public_origin(config)?;
    let proofs = dpop::proofs(config, public_origin.as_deref(), env)?;
    let routes_of = routes.iter().map(|route: &Rc<Route>| &**route);
    let metadata =
        resource::metadata(config, public_origin.as_deref(), &places, proofs.as_ref(), routes_of)?;
    Ok(Policy {
        providers,
        places: places.into(),
        reads: reads.into_inner(),
        services,
        headers,
        headers_need_roles,
        signed_identity,
        own_headers,
        routes,
        unmatched,
        log_key: log_key(config, env)?,
        freshness,
        proofs,
        metadata,
    })
}

/// Compiles a list of entries that have unique, non-empty names.
fn named<C, P>(
    entries: &[C],
    list: &str,
    name: impl Fn(&C) -> &str,
    compile: impl Fn(&C, &str) -> Result<P>,
) -> Result<Vec<P>> {
    let mut seen = HashSet::new();
    let mut compiled = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let name = name(entry);
        let at = format!("{list}[{index}] {name:?}");
        if name.is_empty() || !name.bytes().all(is_name_byte) {
            return Err(needs(at, "a name of letters, digits, `-`, `_` and `.`"));
        }
        if !seen.insert(name) {
            let kind = InvalidKind::Duplicate { what: "entry", name: name.into() };
            return Err(InvalidPolicy::new(at, kind));
        }
        compiled.push(compile(entry, &at)?);
    }
    Ok(compiled)
}

/// Names go into metric names and log lines, so they stay plain.
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn needs(at: impl Into<String>, what: &'static str) -> InvalidPolicy {
    InvalidPolicy::new(at, InvalidKind::Needs(what))
}

/// Holds that every value of a list is what it needs to be, or says which is not.
#[inline(never)]
fn each(values: &[String], at: &str, what: &'static str, is: &dyn Fn(&str) -> bool) -> Result<()> {
    match values.iter().position(|value| !is(value)) {
        Some(index) => Err(needs(format!("{at}[{index}]"), what)),
        None => Ok(()),
    }
}

#[inline(never)]
fn provider(
    provider: &config::Provider,
    at: &str,
    places: &Places,
    env: Env<'_>,
) -> Result<Provider> {
    let issuer = issuer::of(provider, at)?;
    let audiences = match (provider.any_audience, provider.audiences.is_empty()) {
        (true, true) => None,
        (false, false) => Some(provider.audiences.iter().map(|a| a.as_str().into()).collect()),
        _ => {
            let what = "either at least one entry or `any_audience: true`, not both";
            return Err(needs(format!("{at}.audiences"), what));
        }
    };
    let keys = keys::source(provider, at, env)?;
    Ok(Provider {
        name: provider.name.as_str().into(),
        issuer,
        audiences,
        algorithms: keys::algorithms(&provider.algorithms, &keys, &format!("{at}.algorithms"))?,
        keys,
        demands: demands(provider, at)?,
        clock_skew: provider.clock_skew.as_duration(),
        places: places.set_of(&places::of(provider, at)?),
        allowed_origins: places::origins(provider, at)?,
        forward: provider.forward,
        subject_claim: provider.subject_claim.as_deref().map(ClaimPath::new),
        roles_claim: provider.roles_claim.as_deref().map(ClaimPath::new),
    })
}

#[inline(never)]
fn demands(provider: &config::Provider, at: &str) -> Result<Demands> {
    let max_lifetime = provider.max_lifetime.map(Span::as_duration);
    if max_lifetime.is_some_and(|longest| longest.is_zero()) {
        return Err(needs(format!("{at}.max_lifetime"), "a time above zero, or to be left out"));
    }
    let texts = |values: &[String]| values.iter().map(|value| value.as_str().into()).collect();
    let required = provider.required_claims.iter();
    Ok(Demands {
        token_type: provider.token_type,
        authorized_parties: texts(&provider.authorized_parties),
        required_claims: required.map(|(path, any)| (ClaimPath::new(path), texts(any))).collect(),
        max_lifetime,
    })
}

/// The key of the hashes in access logs.
fn log_key(config: &Config, env: Env<'_>) -> Result<Option<Secret>> {
    let at = "access_log.subject_key_env";
    let Some(name) = &config.access_log.subject_key_env else { return Ok(None) };
    let key = variable(name, at, env)?;
    if key.len() < 16 {
        return Err(needs(at, "a variable whose value has at least 16 bytes"));
    }
    Ok(Some(Secret(key.into())))
}

/// The value of an environment variable; one that is empty counts as not set.
fn variable(name: &str, at: &str, env: Env<'_>) -> Result<String> {
    let value = env(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| InvalidPolicy::new(at, InvalidKind::Environment(name.into())))
}

fn credential(name: &str, at: &str, env: Env<'_>) -> Result<Secret> {
    let value = variable(name, at, env)?;
    if value.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(needs(at, "a variable whose value is printable ASCII without spaces"));
    }
    Ok(Secret(format!("Bearer {value}").into()))
}

#[inline(never)]
fn headers(config: &Config, env: Env<'_>) -> Result<Vec<Header>> {
    config
        .identity_headers
        .iter()
        .map(|(name, header)| self::header(name, header, config, env))
        .collect()
}

/// Checks the name of a header that only the filter sets.
fn own_header(name: &str, at: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(needs(at, "a name of lower-case letters, digits and `-`"));
    }
    if OwnHeaders::is_reserved(name) {
        let kind = InvalidKind::ReservedHeader { name: name.into(), what: "be an identity header" };
        return Err(InvalidPolicy::new(at, kind));
    }
    Ok(())
}

#[inline(never)]
fn header(
    name: &str,
    header: &config::IdentityHeader,
    config: &Config,
    env: Env<'_>,
) -> Result<Header> {
    let at = format!("identity_headers.{name:?}");
    own_header(name, &at)?;
    if header.anonymous.as_deref().is_some_and(|value| !is_header_text(value)) {
        return Err(needs(format!("{at}.anonymous"), "printable ASCII"));
    }
    let source = match (&header.claim, header.form, header.roles, &header.secret_env) {
        (Some(claim), None, None, None) => HeaderSource::Claim(ClaimPath::new(claim)),
        (Some(claim), Some(ClaimForm::Boolean), None, None) => {
            HeaderSource::Flag(ClaimPath::new(claim))
        }
        (None, None, Some(from), None) => HeaderSource::Roles(roles_from(from, config, &at)?),
        (None, None, None, Some(_)) if header.anonymous.is_some() => {
            return Err(needs(format!("{at}.anonymous"), "a `claim` or `roles` beside it"));
        }
        (None, None, None, Some(variable)) => HeaderSource::Secret(shared(variable, &at, env)?),
        (None, Some(_), ..) => return Err(needs(format!("{at}.as"), "a `claim` that it is about")),
        _ => return Err(needs(at, "exactly one of `claim`, `roles` and `secret_env`")),
    };
    let anonymous = header.anonymous.as_deref().map(Into::into);
    Ok(Header { name: name.into(), source, anonymous })
}

/// A secret that services know this gateway by: as long as they want it.
fn shared(name: &str, at: &str, env: Env<'_>) -> Result<Secret> {
    let at = format!("{at}.secret_env");
    let value = variable(name, &at, env)?;
    if value.len() < MIN_SHARED_SECRET || value.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(needs(at, "a variable whose value is 16 or more visible ASCII characters"));
    }
    Ok(Secret(value.into()))
}

/// A header that only the filter sets cannot be one that clients send.
fn check_apart(places: &Places, own: &OwnHeaders) -> Result<()> {
    let mut names = places.reads().headers.iter();
    names.find(|name| own.claims(name.as_bytes())).map_or(Ok(()), |name| {
        Err(needs(format!("identity_headers.{name:?}"), "a name that no provider's `from` has"))
    })
}

fn is_header_text(value: &str) -> bool {
    value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// Checks that roles can be found where a header or a rule wants them from.
fn roles_from(from: RoleSource, config: &Config, at: &str) -> Result<RoleSource> {
    let missing = match from {
        RoleSource::Decision if config.authorization.is_empty() => {
            "an entry in `authorization` that can be asked for roles"
        }
        RoleSource::Token if config.providers.iter().any(|p| p.roles_claim.is_none()) => {
            "a `roles_claim` at every provider"
        }
        RoleSource::Decision | RoleSource::Token => return Ok(from),
    };
    Err(needs(format!("{at}.roles"), missing))
}
