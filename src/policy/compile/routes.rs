//! Routes and their rules.

use std::rc::Rc;

use super::resource::is_scope;
use super::{InvalidKind, InvalidPolicy, Looks, Result, named, needs, roles_from};
use crate::authn::ClaimPath;
use crate::config::{self, Config, FailureMode, RoleSource, RolesOnFailure, Token};
use crate::policy::{
    Condition, Effect, InvalidTemplate, Route, RouteTable, Rule, Service, ServiceId, Template,
};

pub(super) fn table(
    config: &Config,
    services: &[Service],
    _: Looks<'_>,
) -> Result<RouteTable<Rc<Route>>> {
    if config.routes.is_empty() {
        return Err(needs("routes", "at least one entry"));
    }
    let compile = |route: &config::Route, at: &str| route_entry(route, at, config, services);
    Ok(RouteTable::new(named(&config.routes, "routes", |route| &route.name, compile)?))
}

type Entry = (Template, Vec<Box<str>>, Rc<Route>);

#[inline(never)]
fn route_entry(
    route: &config::Route,
    at: &str,
    config: &Config,
    services: &[Service],
) -> Result<Entry> {
    let template = template(&route.matches, &format!("{at}.match"))?;
    let methods = methods(&route.matches.methods, &format!("{at}.match.methods"))?;
    if route.token != Token::None && config.providers.is_empty() {
        return Err(needs(format!("{at}.token"), "an entry in `providers`, or `none`"));
    }
    if route.require_bound_token && route.token == Token::None {
        return Err(needs(format!("{at}.require_bound_token"), "a route that reads a token"));
    }
    if route.rules.is_empty() {
        return Err(needs(format!("{at}.rules"), "at least one rule; without one nobody passes"));
    }
    let compile = |entry: &config::Rule, at: &str| rule(entry, at, route, config);
    let rules = named(&route.rules, &format!("{at}.rules"), |rule| &rule.name, compile)?;
    let service = service(route, at, services)?;
    let asks = rules.iter().any(Rule::asks) || (route.token != Token::None && header_asks(config));
    if asks && service.is_none() {
        return Err(needs(format!("{at}.authorization"), "one of several decision points named"));
    }
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
        rules,
        service,
        failure_mode: route.failure_mode,
        roles_may_be_absent,
    };
    Ok((template, methods, Rc::new(compiled)))
}

fn scope(rules: &[Rule]) -> Option<Rc<str>> {
    let allowing = rules.iter().filter(|rule| rule.effect == Effect::Allow);
    allowing.filter_map(Rule::scopes).next().map(Rc::clone)
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

fn methods(methods: &[String], at: &str) -> Result<Vec<Box<str>>> {
    let plain = |method: &&String| method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if methods.iter().any(|method| method.is_empty() || !plain(&method)) {
        return Err(needs(at, "method names in upper case"));
    }
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

#[inline(never)]
fn rule(rule: &config::Rule, at: &str, route: &config::Route, config: &Config) -> Result<Rule> {
    let (effect, condition, field) = match (&rule.allow, &rule.deny) {
        (Some(allow), None) => (Effect::Allow, allow, "allow"),
        (None, Some(deny)) => (Effect::Deny, deny, "deny"),
        _ => return Err(needs(at, "exactly one of `allow` and `deny`")),
    };
    let conditions = conditions(condition, &format!("{at}.{field}"), config)?;
    let wants_token =
        conditions.iter().any(|c| !matches!(c, Condition::Always | Condition::Decision { .. }));
    if wants_token && route.token == Token::None {
        return Err(needs(format!("{at}.{field}"), "a route that reads a token"));
    }
    Ok(Rule { name: rule.name.as_str().into(), effect, conditions })
}

/// Conditions in the order they are evaluated: what costs nothing first, the decision point last.
#[inline(never)]
fn conditions(written: &config::Condition, at: &str, config: &Config) -> Result<Vec<Condition>> {
    let mut compiled = Vec::new();
    match written.always {
        Some(true) => compiled.push(Condition::Always),
        Some(false) => return Err(needs(format!("{at}.always"), "`true`, or to be left out")),
        None => {}
    }
    for (name, values) in &written.claims {
        let any_of = non_empty(values, &format!("{at}.claims.{name}"))?;
        compiled.push(Condition::Claim { path: ClaimPath::new(name), any_of });
    }
    if let Some(scopes) = &written.scopes {
        let at = format!("{at}.scopes");
        if !scopes.iter().all(|scope| is_scope(scope)) {
            return Err(needs(at, "scopes without spaces"));
        }
        let text = scopes.join(" ").into();
        compiled.push(Condition::Scopes { all_of: non_empty(scopes, &at)?, text });
    }
    if let Some(roles) = &written.roles {
        let any_of = non_empty(&roles.any_of, &format!("{at}.roles.any_of"))?;
        compiled.push(Condition::Roles { any_of, from: roles_from(roles.from, config, at)? });
    }
    if let Some(expected) = written.decision {
        if config.authorization.is_empty() {
            return Err(needs(format!("{at}.decision"), "an entry in `authorization`"));
        }
        compiled.push(Condition::Decision { expected });
    }
    if compiled.is_empty() {
        return Err(needs(at, "at least one condition (`always: true` for every request)"));
    }
    let (asking, mut ordered): (Vec<_>, Vec<_>) = compiled.into_iter().partition(Condition::asks);
    ordered.extend(asking);
    Ok(ordered)
}

fn non_empty(values: &[String], at: &str) -> Result<Vec<Box<str>>> {
    if values.is_empty() {
        return Err(needs(at, "at least one value"));
    }
    Ok(values.iter().map(|value| value.as_str().into()).collect())
}
