//! Envoy routes whose requests can fall into a looser Claimgate route than the one made for them.
//!
//! `/admin/{page}` needs a token, `/{rest=**}` does not, and Envoy sends everything that begins with
//! `/admin` to one service: then `/adminx` reaches it without a token. Found by trying paths at the edges
//! of every route, with the filter's own route table; so it finds what it names, and not everything.

use std::ptr;

use claimgate::config::Token;
use claimgate::policy::{Matched, Policy, Route};
use claimgate::request::canonical_path;

use crate::document::Cursor;
use crate::finding::{Finding, code};
use crate::policy::Compiled;

use super::bootstrap::Manager;
use super::hosts;
use super::paths::{self, Paths};

/// Methods worth trying: what one route has, another may lack.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A path that nobody has made a route for.
const ANY_PATH: &str = "/no-such-path-anywhere/x";

/// An Envoy route that forwards.
struct EnvoyRoute<'d> {
    at: Cursor<'d>,
    paths: Paths<'d>,
    /// Whether it takes all requests with such a path.
    always: bool,
}

/// The policy as requests for one host meet it.
#[derive(Clone, Copy)]
struct Site<'p> {
    policy: &'p Policy,
    host: &'p str,
}

pub(super) fn check(compiled: &Compiled, manager: &Manager<'_>, findings: &mut Vec<Finding>) {
    for host in hosts::samples(&compiled.config, &manager.hosts) {
        let Some(virtual_host) = hosts::serving(&host, &manager.hosts) else { continue };
        let site = Site { policy: &compiled.policy, host: &host };
        let routes = virtual_host.list("routes").into_iter().filter_map(EnvoyRoute::read);
        let routes: Vec<_> = routes.collect();
        let samples = samples(compiled, &routes);
        for (index, route) in routes.iter().enumerate().filter(|(_, route)| route.forwards()) {
            let taken: Vec<_> = samples.iter().filter(|path| first(&routes, path, index)).collect();
            let others: Vec<_> = samples.iter().filter(|path| !route.paths.take(path)).collect();
            findings.extend(site.fall(route, &taken, &others));
        }
    }
}

fn samples(compiled: &Compiled, routes: &[EnvoyRoute<'_>]) -> Vec<String> {
    let ours = compiled.config.routes.iter().flat_map(|route| paths::samples_of(&route.matches));
    let envoys = routes.iter().flat_map(|route| route.paths.samples());
    let any = std::iter::once(ANY_PATH.to_owned());
    let mut all: Vec<_> = envoys.chain(ours).chain(any).collect();
    all.retain(|path| canonical_path(path.as_bytes()).is_ok());
    all.sort();
    all.dedup();
    all
}

/// Whether the route with this index can get such a request: no route before it takes all of them.
fn first(routes: &[EnvoyRoute<'_>], path: &str, index: usize) -> bool {
    let mut before = routes.iter().take(index).filter(|route| route.always);
    let here = routes.get(index).is_some_and(|route| route.paths.take(path));
    here && !before.any(|route| route.paths.take(path))
}

impl<'p> Site<'p> {
    /// A path that the route takes and a looser Claimgate route decides, which decides paths that the
    /// route could never take, too: so it was not made for it.
    fn fall(
        self,
        route: &EnvoyRoute<'_>,
        taken: &[&String],
        others: &[&String],
    ) -> Option<Finding> {
        let strictest = taken.iter().flat_map(|path| self.deciders(path)).map(looseness).min()?;
        let made_for_all = self.deciders(ANY_PATH);
        let policys_strictest = self.policy.routes.iter().map(|route| looseness(route)).min()?;
        let falls = |decider: &Route| {
            let catch_all = made_for_all.iter().any(|one| ptr::eq(*one, decider));
            let bound = if catch_all { policys_strictest } else { strictest };
            looseness(decider) > bound && others.iter().any(|path| self.decides(decider, path))
        };
        taken.iter().find_map(|path| {
            let decider = self.deciders(path).into_iter().find(|decider| falls(decider))?;
            Some(self.finding(route, path, decider))
        })
    }

    /// The Claimgate routes that decide requests with this path, one method or another.
    fn deciders(self, path: &str) -> Vec<&'p Route> {
        let mut found: Vec<&Route> = Vec::new();
        for method in METHODS {
            let matched = self.policy.routes.find(path, method, Some(self.host));
            if let Matched::Route(route) = matched
                && !found.iter().any(|one| ptr::eq(*one, &raw const **route))
            {
                found.push(route);
            }
        }
        found
    }

    fn decides(self, route: &Route, path: &str) -> bool {
        self.deciders(path).iter().any(|one| ptr::eq(*one, route))
    }

    fn finding(self, route: &EnvoyRoute<'_>, path: &str, decider: &Route) -> Finding {
        let token = match decider.token {
            Token::None => "none",
            Token::Optional => "optional",
            Token::Required => "required",
        };
        let on_host = match self.policy.routes.reads_host() {
            true => format!(" on `{}`", self.host),
            false => String::new(),
        };
        let problem = format!(
            "takes `{path}`{on_host}, which the Claimgate route `{}` lets through with `token: {token}`",
            decider.name
        );
        Finding::new(&code::ROUTE_FALLS_THROUGH, &route.at, problem)
    }
}

fn looseness(route: &Route) -> u8 {
    match route.token {
        Token::Required => 0,
        Token::Optional => 1,
        Token::None => 2,
    }
}

impl<'d> EnvoyRoute<'d> {
    fn read(at: Cursor<'d>) -> Option<Self> {
        let matches = at.field("match")?;
        let paths = Paths::of(&matches)?;
        let conditions = ["headers", "query_parameters", "runtime_fraction", "grpc", "tls_context"];
        let more = ["dynamic_metadata", "filter_state", "cookies"];
        let mut conditions = conditions.into_iter().chain(more);
        let always = !conditions.any(|name| matches.field(name).is_some());
        Some(Self { at, paths, always })
    }

    /// Answers and redirects reach no service.
    fn forwards(&self) -> bool {
        self.at.field("route").is_some()
    }
}
