//! Decision points: where they are, what they are asked, what is taken from their answers.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use claimgate_authz_api::ANONYMOUS;

use super::{
    Env, InvalidKind, InvalidPolicy, Looks, Result, credential, endpoint, needs, own_header, shadow,
};
use crate::authn::{ClaimPath, Places};
use crate::authz::{BreakerLimits, Mapping, Properties, Source};
use crate::config::{self, Config, TextOrSource, ValueSource};
use crate::policy::{CacheLimits, Header, Service, Template};
use crate::upstream::OwnHeaders;

/// Most headers that are taken from an answer.
const MAX_HEADERS: usize = 32;

/// Headers with secrets that are not the decision point's.
const SECRETS: [&str; 4] = ["authorization", "cookie", "dpop", "proxy-authorization"];

/// What all decision points share.
pub(super) struct Around<'c> {
    pub(super) config: &'c Config,
    pub(super) env: Env<'c>,
    /// Where clients put tokens.
    pub(super) places: &'c Places,
    /// Headers that only the filter sets.
    pub(super) own: &'c OwnHeaders,
    /// Headers that requests are read for.
    pub(super) looks: Looks<'c>,
}

#[inline(never)]
pub(super) fn service(
    service: &config::Authorization,
    at: &str,
    around: &Around<'_>,
) -> Result<Service> {
    check_issuer_is_sent(service, at, around.config)?;
    let mapping = mapping(&service.request, &format!("{at}.request"), around)?;
    let secret = service.credential_env.as_ref();
    Ok(Service {
        name: service.name.as_str().into(),
        shadow: shadow::of(service.mode, service.until.as_deref(), service.percent, at)?,
        endpoint: endpoint::of_service(service, at)?,
        credential: secret
            .map(|name| credential(name, &format!("{at}.credential_env"), around.env))
            .transpose()?,
        question_varies: mapping.varies(),
        mapping,
        response_headers: service
            .response
            .headers
            .iter()
            .map(|name| name.as_str().into())
            .collect(),
        cache: cache(&service.cache, &format!("{at}.cache"))?,
        breaker: breaker(service.breaker, &format!("{at}.breaker"))?,
    })
}

#[inline(never)]
fn cache(limits: &config::DecisionCache, at: &str) -> Result<CacheLimits> {
    let size = |size: u32| usize::try_from(size).unwrap_or(usize::MAX);
    if limits.deny_ttl.is_some_and(|longest| longest > limits.max_ttl) {
        return Err(needs(format!("{at}.deny_ttl"), "a time of at most `max_ttl`"));
    }
    Ok(CacheLimits {
        max_entries: size(limits.max_entries),
        max_bytes: size(limits.max_bytes),
        default_ttl: limits.default_ttl.as_duration(),
        max_ttl: limits.max_ttl.as_duration(),
        deny_default: limits.deny_ttl.unwrap_or(limits.default_ttl).as_duration(),
        deny_ttl: limits.deny_ttl.unwrap_or(limits.max_ttl).as_duration(),
        stale_while_revalidate: limits.stale_while_revalidate.as_duration(),
        max_stale: limits.max_stale.as_duration(),
    })
}

fn breaker(settings: config::BreakerSettings, at: &str) -> Result<BreakerLimits> {
    let (window, open) = (settings.window.as_duration(), settings.open.as_duration());
    if settings.failures > 1000 {
        return Err(needs(format!("{at}.failures"), "a number of at most 1000"));
    }
    for (field, span) in [("window", window), ("open", open)] {
        if span.is_zero() || span > Duration::from_secs(3600) {
            return Err(needs(format!("{at}.{field}"), "a time from 1ms to 1h"));
        }
    }
    let failures = usize::try_from(settings.failures).unwrap_or(usize::MAX);
    Ok(BreakerLimits { failures, window, open })
}

/// Identity is provider and subject together: where several providers issue subjects, a question
/// that does not say whose it is would let one provider's subjects pass for another's.
fn check_issuer_is_sent(service: &config::Authorization, at: &str, config: &Config) -> Result<()> {
    let mut properties = service.request.subject.properties.values();
    let several = config.providers.len() > 1
        || config.providers.iter().any(|provider| !provider.tenants.is_empty());
    if several && !properties.any(|from| from.claim.as_deref() == Some("iss")) {
        let at = format!("{at}.request.subject.properties");
        return Err(needs(at, "a property from the claim `iss`, as there are several issuers"));
    }
    Ok(())
}

/// Names of headers that decision points give; nobody else may set them, clients least of all.
#[inline(never)]
pub(super) fn response_headers(
    config: &Config,
    headers: &[Header],
    places: &Places,
) -> Result<Vec<Rc<str>>> {
    let mut all: Vec<Rc<str>> = Vec::new();
    for (index, service) in config.authorization.iter().enumerate() {
        let at = format!("authorization[{index}] {:?}.response.headers", service.name);
        let names = &service.response.headers;
        if names.len() > MAX_HEADERS {
            return Err(needs(at, "at most 32 names"));
        }
        for (index, name) in names.iter().enumerate() {
            let at = format!("{at}[{index}]");
            own_header(name, &at)?;
            if names.iter().take(index).any(|other| other == name) {
                let kind = InvalidKind::Duplicate { what: "header", name: name.clone() };
                return Err(InvalidPolicy::new(at, kind));
            }
            if headers.iter().any(|header| *header.name == **name) {
                return Err(needs(at, "a name that `identity_headers` has not"));
            }
            if places.reads().headers.iter().any(|taken| **taken == **name) {
                return Err(needs(at, "a name that no provider's `from` has"));
            }
            all.push(name.as_str().into());
        }
    }
    Ok(all)
}

#[inline(never)]
fn mapping(request: &config::RequestMapping, at: &str, around: &Around<'_>) -> Result<Mapping> {
    let config::RequestMapping { subject, action, resource, context } = request;
    // What stands for requests without a token is nobody's type.
    if matches!(subject.kind.as_deref(), Some("" | ANONYMOUS)) {
        return Err(needs(format!("{at}.subject.type"), "a type other than `anonymous`"));
    }
    let kind = |kind: &Option<String>, default: &str| kind.as_deref().unwrap_or(default).into();
    let members = |members: &BTreeMap<String, ValueSource>, part: &str| {
        let at = format!("{at}.{part}");
        let member = |(name, from): (&String, _)| -> Result<(Box<str>, Source)> {
            Ok((name.as_str().into(), source(from, &format!("{at}.{name}"), around)?))
        };
        members.iter().map(member).collect::<Result<Properties>>()
    };
    let text = |from: &Option<TextOrSource>, default: Source, part: &str| match from {
        None => Ok(default),
        Some(TextOrSource::Text(text)) => fixed(text, &format!("{at}.{part}")),
        Some(TextOrSource::From(from)) => source(from, &format!("{at}.{part}"), around),
    };
    Ok(Mapping {
        subject_type: kind(&subject.kind, "identity"),
        subject_id: subject.id.as_ref().map(|id| ClaimPath::new(&id.claim)),
        subject: members(&subject.properties, "subject.properties")?,
        action_name: text(&action.name, Source::Method, "action.name")?,
        action: members(&action.properties, "action.properties")?,
        resource_type: kind(&resource.kind, "route"),
        resource_id: text(&resource.id, Source::Route, "resource.id")?,
        resource: members(&resource.properties, "resource.properties")?,
        context: members(context, "context")?,
    })
}

fn fixed(text: &str, at: &str) -> Result<Source> {
    if text.is_empty() { Err(needs(at, "a text")) } else { Ok(Source::Fixed(text.into())) }
}

#[inline(never)]
fn source(from: &ValueSource, at: &str, around: &Around<'_>) -> Result<Source> {
    let ValueSource { claim, header, param, value, .. } = from;
    let flags = [
        (from.method, "method", Source::Method),
        (from.path, "path", Source::Path),
        (from.host, "host", Source::Host),
        (from.route, "route", Source::Route),
        (from.client_address, "client_address", Source::ClientAddress),
    ];
    if from.client_address == Some(true) && !around.config.trusted_client_address {
        let what = "`trusted_client_address: true`: see what that asks of Envoy";
        return Err(needs(format!("{at}.client_address"), what));
    }
    let mut found = Vec::new();
    if let Some(claim) = claim {
        found.push(Source::Claim(ClaimPath::new(claim)));
    }
    if let Some(name) = header {
        found.push(self::header(name, &format!("{at}.header"), around)?);
    }
    if let Some(name) = param {
        found.push(self::param(name, &format!("{at}.param"), around.config)?);
    }
    if let Some(value) = value {
        found.push(Source::Fixed(value.as_str().into()));
    }
    for (flag, name, source) in flags {
        match flag {
            Some(true) => found.push(source),
            Some(false) => return Err(needs(format!("{at}.{name}"), "`true`, or to be left out")),
            None => {}
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => Err(needs(
            at,
            "exactly one of `claim`, `header`, `param`, `method`, `path`, `host`, `route`, \
             `client_address` and `value`",
        )),
    }
}

/// A header that clients send: none of ours, and none with a secret in it.
fn header(name: &str, at: &str, around: &Around<'_>) -> Result<Source> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b':';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(needs(at, "a header's name in lower case"));
    }
    if name == "host" {
        return Err(needs(at, "`{host: true}` instead"));
    }
    let mut secrets = around.places.reads().headers.iter().map(|name| &**name).chain(SECRETS);
    if secrets.any(|secret| secret == name) {
        return Err(needs(at, "a header without credentials: they are never sent"));
    }
    if around.own.claims(name.as_bytes()) {
        return Err(needs(at, "a header that clients may send; this one only the filter sets"));
    }
    Ok(Source::Header(around.looks.borrow_mut().add(name)))
}

/// A variable that some route's template has.
fn param(name: &str, at: &str, config: &Config) -> Result<Source> {
    let templates = config.routes.iter().filter_map(|route| route.matches.path.as_ref());
    let templates: Vec<_> = templates.filter_map(|path| Template::path(path).ok()).collect();
    let mut known: Vec<_> = templates.iter().flat_map(Template::names).collect();
    if known.contains(&name) {
        return Ok(Source::Param(name.into()));
    }
    known.sort_unstable();
    known.dedup();
    let known = known.into_iter().map(Into::into).collect();
    let kind = InvalidKind::Unknown { what: "variable", name: name.into(), known };
    Err(InvalidPolicy::new(at, kind))
}
