//! Routes: what each is for, and what all of them together must not be.

use std::rc::Rc;

use super::rules::Rules;
use super::{InvalidKind, InvalidPolicy, Looks, Result, each, named, needs, shadow, streams};
use crate::config::{self, Config, FailureMode, RoleSource, RolesOnFailure, Token};
use crate::policy::{
    Condition, Effect, Entry, HostPattern, InvalidTemplate, Route, RouteTable, Rule, Service,
    ServiceId, Template,
};

pub(super) fn table(
    config: &Config,
    services: &[Service],
    looks: Looks<'_>,
) -> Result<RouteTable<Rc<Route>>> {
    if config.routes.is_empty() {
        return Err(needs("routes", "at least one entry"));
    }
    let rules = Rules::new(config, looks)?;
    let compile =
        |route: &config::Route, at: &str| route_entry(route, at, config, &rules, services);
    let entries = named(&config.routes, "routes", |route| &route.name, compile)?;
    check_hosts(&entries)?;
    Ok(RouteTable::new(entries))
}

type Compiled = (Template, Entry<Rc<Route>>);

/// Where some routes are for some hosts only, one for all hosts and paths that asks for no token is
/// where everything ends up that was meant for them and names its host another way.
fn check_hosts(entries: &[Compiled]) -> Result<()> {
    if entries.iter().all(|(_, entry)| entry.hosts.is_empty()) {
        return Ok(());
    }
    let open = |(_, (template, entry)): &(usize, &Compiled)| {
        entry.hosts.is_empty() && template.is_for_all() && entry.route.token == Token::None
    };
    match entries.iter().enumerate().find(open) {
        Some((index, (_, entry))) => {
            let at = format!("routes[{index}] {:?}.match.hosts", entry.route.name);
            Err(needs(
                at,
                "hosts: it is for all paths and reads no token, and other routes are for some hosts",
            ))
        }
        None => Ok(()),
    }
}

#[inline(never)]
fn route_entry(
    route: &config::Route,
    at: &str,
    config: &Config,
    rules: &Rules<'_>,
    services: &[Service],
) -> Result<Compiled> {
    let template = template(&route.matches, &format!("{at}.match"))?;
    let methods = methods(&route.matches.methods, &format!("{at}.match.methods"))?;
    let hosts = hosts(&route.matches.hosts, &format!("{at}.match.hosts"))?;
    if route.token != Token::None && config.providers.is_empty() {
        return Err(needs(format!("{at}.token"), "an entry in `providers`, or `none`"));
    }
    if route.require_bound_token && route.token == Token::None {
        return Err(needs(format!("{at}.require_bound_token"), "a route that reads a token"));
    }
    let rules = rules.list(&route.rules, &format!("{at}.rules"))?;
    check_reads_token(&rules, route, at)?;
    if cfg!(feature = "full") {
        check_params(&rules, &template, at)?;
    }
    let service = service(route, at, services)?;
    let identity_audience = identity_audience(route, config, at)?;
    let states_roles = || identity_audience.is_some() && statement_asks(config);
    let asks = rules.iter().any(Rule::asks)
        || (route.token != Token::None && (header_asks(config) || states_roles()));
    if asks && service.is_none() {
        let known = services.iter().map(|service| service.name.to_string()).collect();
        let kind = InvalidKind::OneOf { what: "decision points", known };
        return Err(InvalidPolicy::new(format!("{at}.authorization"), kind));
    }
    let asks_with_address =
        || service.and_then(|id| services.get(id)).is_some_and(|s| s.mapping.reads_address());
    let roles_may_be_absent = matches!(
        (route.roles_on_failure, route.failure_mode),
        (RolesOnFailure::Absent, _) | (_, FailureMode::Allow)
    );
    let compiled = Route {
        name: route.name.as_str().into(),
        template: template.clone(),
        token: route.token,
        bound: route.require_bound_token,
        scope: scope(&rules),
        shadow: shadow::of(route.mode, route.until.as_deref(), route.percent, at)?,
        identity_audience,
        access_log: route.access_log,
        reads_address: rules.iter().any(|rule| rule.condition.has(&reads_address))
            || (asks && asks_with_address()),
        rules,
        service,
        streams: streams::of_route(route, config, at)?,
        failure_mode: route.failure_mode,
        roles_may_be_absent,
    };
    Ok((template, Entry { methods, hosts, route: Rc::new(compiled) }))
}

const fn reads_address(condition: &Condition) -> bool {
    matches!(condition, Condition::ClientAddress(_))
}

fn check_reads_token(rules: &[Rule], route: &config::Route, at: &str) -> Result<()> {
    let needs_token = |rule: &&Rule| rule.condition.needs_token();
    match rules.iter().find(needs_token).filter(|_| route.token == Token::None) {
        Some(rule) => {
            let entries = &route.rules;
            let own = entries.iter().position(|entry| *entry.name == *rule.name);
            let index = own.or_else(|| entries.iter().position(|entry| entry.uses.is_some()));
            let at = format!("{at}.rules[{}] {:?}", index.unwrap_or_default(), rule.name);
            Err(needs(at, "a route that reads a token"))
        }
        None => Ok(()),
    }
}

/// Expressions may look at no parameter that the route's path does not have.
#[inline(never)]
fn check_params(rules: &[Rule], template: &Template, at: &str) -> Result<()> {
    for Rule { name: rule, condition, .. } in rules {
        if let Some(name) = absent_param(condition, template) {
            let known = template.names().map(str::to_owned).collect();
            let kind = InvalidKind::Unknown { what: "parameter", name: name.to_owned(), known };
            return Err(InvalidPolicy::new(format!("{at}.rules {rule:?}"), kind));
        }
    }
    Ok(())
}

fn absent_param<'c>(condition: &'c Condition, template: &Template) -> Option<&'c str> {
    match condition {
        Condition::Cel(expression) => {
            let mut params = expression.reads().params.iter().map(AsRef::as_ref);
            params.find(|name| template.names().all(|known| known != *name))
        }
        Condition::All(list) | Condition::Any(list) => {
            list.iter().find_map(|one| absent_param(one, template))
        }
        Condition::Not(one) => absent_param(one, template),
        _ => None,
    }
}

fn hosts(hosts: &[String], at: &str) -> Result<Vec<HostPattern>> {
    let what = "a host in lower case and without a port: `api.example.com` or `*.example.com`";
    each(hosts, at, what, &|host| HostPattern::new(host).is_some())?;
    Ok(hosts.iter().filter_map(|host| HostPattern::new(host)).collect())
}

fn scope(rules: &[Rule]) -> Option<Rc<str>> {
    let allowing = rules.iter().filter(|rule| rule.effect == Effect::Allow);
    allowing.filter_map(Rule::scopes).next().map(Rc::clone)
}

#[inline(never)]
fn identity_audience(route: &config::Route, config: &Config, at: &str) -> Result<Option<Box<str>>> {
    let Some(audience) = &route.identity_audience else { return Ok(None) };
    let what = match (&config.signed_identity, route.token) {
        _ if audience.is_empty() => "a text, which the service compares",
        (None, _) => "`signed_identity`, which says how it is made",
        (Some(_), Token::None) => "a route that reads a token",
        (Some(_), Token::Required | Token::Optional) => return Ok(Some(audience.as_str().into())),
    };
    Err(needs(format!("{at}.identity_audience"), what))
}

fn statement_asks(config: &Config) -> bool {
    let roles = config.signed_identity.as_ref().and_then(|signed| signed.include.roles);
    roles == Some(RoleSource::Decision)
}

fn header_asks(config: &Config) -> bool {
    config.identity_headers.values().any(|header| header.roles == Some(RoleSource::Decision))
}

#[inline(never)]
fn template(matches: &config::Match, at: &str) -> Result<Template> {
    let invalid = |field: &str, text: &String, error: InvalidTemplate| {
        let kind = InvalidKind::Template { text: text.clone(), error };
        InvalidPolicy::new(format!("{at}.{field}"), kind)
    };
    match (&matches.path, &matches.prefix) {
        (Some(path), None) => Template::path(path).map_err(|error| invalid("path", path, error)),
        (None, Some(prefix)) => {
            Template::prefix(prefix).map_err(|error| invalid("prefix", prefix, error))
        }
        _ => Err(needs(at, "exactly one of `path` and `prefix`")),
    }
}

pub(super) fn methods(methods: &[String], at: &str) -> Result<Vec<Box<str>>> {
    let plain = |method: &str| method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    each(methods, at, "a method's name in upper case", &|m| !m.is_empty() && plain(m))?;
    Ok(methods.iter().map(|method| method.as_str().into()).collect())
}

fn service(route: &config::Route, at: &str, services: &[Service]) -> Result<Option<ServiceId>> {
    let Some(name) = &route.authorization else {
        return Ok((services.len() == 1).then_some(0));
    };
    let found = services.iter().position(|service| *service.name == **name);
    found.map(Some).ok_or_else(|| {
        let known = services.iter().map(|service| service.name.to_string()).collect();
        let kind = InvalidKind::Unknown { what: "authorization", name: name.clone(), known };
        InvalidPolicy::new(format!("{at}.authorization"), kind)
    })
}
