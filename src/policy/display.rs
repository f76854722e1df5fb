//! A policy as text: one line for each thing that is enforced, defaults filled in; for start-up logs
//! and tests. It must never show a secret.

use std::fmt;
use std::time::Duration;

use super::{Feed, Policy, ProofPolicy, Provider, Route, Service, Shadow, StreamPolicy};
use crate::authn::Places;
use crate::authz::Mapping;
use crate::config::Token;
use crate::freshness::Settings;

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.providers.iter().try_for_each(|p| provider(p, &self.places, f))?;
        self.services.iter().try_for_each(|s| service(s, f))?;
        self.freshness.iter().try_for_each(|feed| freshness(feed, f))?;
        for h in &self.headers {
            writeln!(f, "header {}: {:?} anonymous={:?}", h.name, h.source, h.anonymous)?;
        }
        if let Some(signed) = &self.signed_identity {
            writeln!(f, "signed identity: {signed:?}")?;
        }
        self.routes.iter().try_for_each(|r| route(r, f))?;
        self.proofs.iter().try_for_each(|p| proofs(p, f))?;
        if let Some(metadata) = &self.metadata {
            writeln!(f, "metadata {}: {}", metadata.url, metadata.document)?;
        }
        writeln!(f, "unmatched: {}", self.unmatched)
    }
}

fn provider(p: &Provider, places: &Places, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let audiences = p.audiences.as_ref().map_or("any".into(), |list| list.join(","));
    writeln!(
        f,
        "provider {}: issuer={} audiences={audiences} algorithms={:?} keys={} skew={:?} forward={}",
        p.name, p.issuer, p.algorithms, p.keys, p.clock_skew, p.forward
    )?;
    if let Some(claim) = &p.subject_claim {
        writeln!(f, "  subject {claim:?}")?;
    }
    if !p.demands.are_default() {
        writeln!(f, "  demands {}", p.demands)?;
    }
    let from = places.names_in(p.places);
    if from != "header:authorization(Bearer)" {
        writeln!(f, "  from {from} allowed_origins={:?}", p.allowed_origins)?;
    }
    Ok(())
}

fn service(s: &Service, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "authorization {}: {} subject={} max_entries={} default_ttl={:?} max_ttl={:?} credential={}",
        s.name,
        s.endpoint,
        s.mapping.subject_type,
        s.cache.max_entries,
        s.cache.default_ttl,
        s.cache.max_ttl,
        s.credential.is_some()
    )?;
    trial(s.shadow, f)?;
    if s.mapping != Mapping::default() {
        writeln!(f, "  asks {:?}", s.mapping)?;
    }
    let (c, b) = (&s.cache, &s.breaker);
    writeln!(
        f,
        "  max_bytes={} deny={:?}/{:?} stale={:?}/{:?} breaker={}/{:?}/{:?}",
        c.max_bytes,
        c.deny_default,
        c.deny_ttl,
        c.stale_while_revalidate,
        c.max_stale,
        b.failures,
        b.window,
        b.open
    )?;
    if !s.response_headers.is_empty() {
        writeln!(f, "  takes {}", s.response_headers.join(","))?;
    }
    Ok(())
}

/// What differs from the default.
fn streams(r: &Route, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let default = StreamPolicy { grace: Duration::from_secs(30), all_requests: false };
    match &r.streams {
        None if r.token != Token::None => writeln!(f, "  streams last"),
        Some(policy) if *policy != default => writeln!(f, "  streams {policy:?}"),
        None | Some(_) => Ok(()),
    }
}

fn freshness(feed: &Feed, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Settings { interval, max_age, grace, tenant, .. } = &feed.settings;
    writeln!(
        f,
        "freshness: {} every {interval:?} max_age={max_age:?} grace={grace:?} tenant={tenant:?} credential={}",
        feed.endpoint,
        feed.credential.is_some()
    )
}

fn route(r: &Route, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "route {}: {} token={:?}{} failure_mode={:?} roles_may_be_absent={}",
        r.name,
        r.template.as_str(),
        r.token,
        if r.bound { " bound" } else { "" },
        r.failure_mode,
        r.roles_may_be_absent
    )?;
    streams(r, f)?;
    if let Some(audience) = &r.identity_audience {
        writeln!(f, "  identity for {audience}")?;
    }
    let mut rules = r.rules.iter();
    rules
        .try_for_each(|rule| writeln!(f, "  {:?} {}: {:?}", rule.effect, rule.name, rule.condition))
}

fn trial(shadow: Option<Shadow>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    shadow.map_or(Ok(()), |shadow| writeln!(f, "  {shadow:?}"))
}

fn proofs(p: &ProofPolicy, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "proofs: algorithms={:?} max_age={:?} clock_skew={:?} max_proofs={} nonces={} require_nonce={}",
        p.algorithms,
        p.window.max_age,
        p.window.clock_skew,
        p.max_proofs,
        p.nonces.is_some(),
        p.require_nonce
    )
}
