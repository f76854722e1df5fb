//! Where an issuer's keys come from: exactly one way, and every way checked here.

use std::time::Duration;

use super::{Env, Result, endpoint, needs, variable};
use crate::authn::{Algorithm, AlgorithmSet, KeySet, MissBudget, Timing};
use crate::config::{self, Span, UnknownKeyFetches};
use crate::policy::{Discovery, InvalidKind, InvalidPolicy, KeyLocation, KeySource};

const TIMEOUT: Span = Span::from_secs(2);
const REFRESH: Span = Span::from_secs(5 * 60);
const MAX_STALE: Span = Span::from_secs(24 * 3600);

pub(super) fn source(provider: &config::Provider, at: &str, env: Env<'_>) -> Result<KeySource> {
    match (&provider.jwks, &provider.discovery, &provider.secret_env) {
        (Some(jwks), None, None) => self::jwks(jwks, &format!("{at}.jwks")),
        (None, Some(discovery), None) => {
            self::discovery(discovery, &provider.issuer, &format!("{at}.discovery"))
        }
        (None, None, Some(name)) => secret(name, &format!("{at}.secret_env"), env),
        _ => Err(needs(at, "exactly one of `jwks`, `discovery` and `secret_env`")),
    }
}

/// The algorithms that a provider accepts: those it names, which its kind of keys must be able to
/// verify, or all that its keys can.
pub(super) fn algorithms(names: &[String], keys: &KeySource, at: &str) -> Result<AlgorithmSet> {
    let possible = match keys {
        KeySource::Secret(keys) => keys.algorithms(),
        KeySource::Fixed(_) | KeySource::Fetched(..) => AlgorithmSet::ASYMMETRIC,
    };
    named(names, possible, at)
}

/// The set of these algorithms, each of which has to be possible; all that are when none is named.
pub(super) fn named(names: &[String], possible: AlgorithmSet, at: &str) -> Result<AlgorithmSet> {
    if names.is_empty() {
        return Ok(possible);
    }
    let accepted = |(index, name): (usize, &String)| {
        let found = Algorithm::named(name).filter(|one| possible.contains(*one));
        found.ok_or_else(|| {
            let known = possible.iter().map(|one| one.name().to_owned()).collect();
            let kind = InvalidKind::Unknown { what: "algorithm", name: name.clone(), known };
            InvalidPolicy::new(format!("{at}[{index}]"), kind)
        })
    };
    names.iter().enumerate().map(accepted).collect()
}

/// The variable's value as it stands: its bytes are the key.
fn secret(name: &str, at: &str, env: Env<'_>) -> Result<KeySource> {
    let value = variable(name, at, env)?;
    let keys = KeySet::of_secret(value.as_bytes());
    if keys.is_empty() {
        return Err(needs(at, "a variable whose value has at least 32 bytes"));
    }
    Ok(KeySource::Secret(keys))
}

fn jwks(jwks: &config::Jwks, at: &str) -> Result<KeySource> {
    let alone = jwks.timeout.or(jwks.refresh).or(jwks.max_stale).is_none();
    match (&jwks.inline, &jwks.cluster, &jwks.url) {
        (None, Some(cluster), Some(url)) => {
            let timeout = jwks.timeout.unwrap_or(TIMEOUT);
            let endpoint = endpoint::of_url(cluster, url, timeout, at)?;
            let timing = Timing {
                refresh: refresh(jwks.refresh, at)?,
                max_stale: jwks.max_stale.unwrap_or(MAX_STALE).as_duration(),
                timeout: endpoint.timeout,
                misses: misses(jwks.unknown_key_fetches, at)?,
            };
            Ok(KeySource::Fetched(KeyLocation::Jwks(endpoint), timing))
        }
        (Some(text), None, None) if alone => inline(text, at),
        _ => Err(needs(at, "either `cluster` and `url`, or `inline` and nothing beside it")),
    }
}

fn inline(text: &str, at: &str) -> Result<KeySource> {
    KeySet::default().succeed(text.as_bytes()).map(KeySource::Fixed).map_err(|error| {
        let text = format!("is no key set that can be used: {error}");
        InvalidPolicy::new(format!("{at}.inline"), InvalidKind::Form(text))
    })
}

fn discovery(discovery: &config::Discovery, issuer: &str, at: &str) -> Result<KeySource> {
    let well_known = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = discovery.url.as_deref().unwrap_or(&well_known);
    let timeout = discovery.timeout.unwrap_or(TIMEOUT);
    let document = endpoint::of_url(&discovery.cluster, url, timeout, at)?;
    let elsewhere = match (&discovery.jwks_cluster, &discovery.jwks_host) {
        (None, None) => None,
        (Some(cluster), Some(host)) => Some((
            endpoint::cluster(cluster, &format!("{at}.jwks_cluster"))?,
            endpoint::host(host, &format!("{at}.jwks_host"))?,
        )),
        _ => return Err(needs(at, "both of `jwks_cluster` and `jwks_host`, or neither")),
    };
    let timing = Timing {
        refresh: refresh(discovery.refresh, at)?,
        max_stale: discovery.max_stale.unwrap_or(MAX_STALE).as_duration(),
        timeout: document.timeout * 2,
        misses: misses(discovery.unknown_key_fetches, at)?,
    };
    let discovery = Discovery { document, issuer: issuer.into(), elsewhere };
    Ok(KeySource::Fetched(KeyLocation::Discovery(discovery), timing))
}

fn refresh(refresh: Option<Span>, at: &str) -> Result<Duration> {
    let refresh = refresh.unwrap_or(REFRESH).as_duration();
    if refresh < Duration::from_secs(1) {
        return Err(needs(format!("{at}.refresh"), "a time of at least 1s"));
    }
    Ok(refresh)
}

fn misses(fetches: UnknownKeyFetches, at: &str) -> Result<MissBudget> {
    let at = format!("{at}.unknown_key_fetches");
    if fetches.max_tokens > 1_000 {
        return Err(needs(format!("{at}.max_tokens"), "a number from 0 to 1000"));
    }
    let interval = fetches.fill_interval.as_duration();
    if interval < Duration::from_millis(100) {
        return Err(needs(format!("{at}.fill_interval"), "a time of at least 100ms"));
    }
    Ok(MissBudget { burst: fetches.max_tokens, interval })
}
