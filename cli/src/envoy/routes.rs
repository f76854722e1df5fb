//! What Envoy's routes must not do around the filter: choose by what it changes, set what is its own,
//! leave it out.
//!
//! Changing a request header makes Envoy choose the route again, after the decision. So whatever a route
//! matches on has to be what it was when the filter saw it.

use claimgate::config::{Provider, TokenPlace};

use crate::document::Cursor;
use crate::finding::{Finding, code};
use crate::policy::Compiled;

use super::bootstrap::{Manager, type_of};
use super::filter::Filter;

/// Looks for routes that are not in the file, and for those that the filter does not see.
pub(super) fn check_reach(filter: &Filter<'_>, manager: &Manager<'_>, findings: &mut Vec<Finding>) {
    let elsewhere = ["rds", "scoped_routes", "route_config.vhds"];
    for at in elsewhere.into_iter().filter_map(|path| manager.at.path(path)) {
        findings.push(Finding::new(
            &code::ROUTES_ELSEWHERE,
            &at,
            "routes that are not in this file",
        ));
    }
    let name = filter.http_filter.text_of("name").unwrap_or_default();
    let settings = manager.at.find_all(&|at| at.field("typed_per_filter_config").is_some());
    for at in settings.iter().flat_map(|at| at.find_all(&|at| is_off(at, name))) {
        let problem = format!("the filter `{name}` is off here");
        findings.push(Finding::new(&code::FILTER_DISABLED, &at, problem));
    }
}

/// Whether this holds settings per filter with which the one of this name is off.
fn is_off(at: &Cursor<'_>, name: &str) -> bool {
    let setting = at.field("typed_per_filter_config").and_then(|settings| settings.field(name));
    setting.is_some_and(|setting| setting.is_on("disabled"))
}

/// Looks for routes that use what is the filter's.
pub(super) fn check(compiled: &Compiled, manager: &Manager<'_>, findings: &mut Vec<Finding>) {
    let changed = Changed::by(compiled);
    for host in &manager.hosts {
        for at in host.find_all(&|at| is_matcher(at)) {
            findings.extend(changed.match_on_header(&at));
        }
        for route in host.list("routes") {
            let headers = route.path("match.headers").into_iter();
            let headers = headers.flat_map(|list| list.items().collect::<Vec<_>>());
            findings.extend(headers.filter_map(|at| changed.match_on_header(&at)));
            let parameters = route.path("match.query_parameters").into_iter();
            let parameters = parameters.flat_map(|list| list.items().collect::<Vec<_>>());
            findings.extend(parameters.filter_map(|at| changed.match_on_parameter(&at)));
            let cluster = route.path("route.cluster_header");
            findings.extend(cluster.and_then(|at| changed.choice_by_header(&at)));
        }
    }
    let added = manager
        .at
        .path("route_config")
        .map_or_else(Vec::new, |config| config.find_all(&|at| at.path("header.key").is_some()));
    findings.extend(added.iter().filter_map(|at| changed.set_by_route(at)));
}

/// A matcher's input that reads a header.
fn is_matcher(at: &Cursor<'_>) -> bool {
    type_of(at).is_some_and(|name| name.ends_with(".HttpRequestHeaderMatchInput"))
}

/// What the filter changes in requests.
struct Changed<'c> {
    compiled: &'c Compiled,
}

impl<'c> Changed<'c> {
    const fn by(compiled: &'c Compiled) -> Self {
        Self { compiled }
    }

    /// How the filter changes a header, if it does.
    fn header(&self, name: &str) -> Option<&'static str> {
        if self.compiled.policy.own_headers.claims(name.as_bytes()) {
            return Some("sets or removes");
        }
        let mut providers = self.compiled.config.providers.iter().filter(|p| !p.forward);
        let name = name.to_ascii_lowercase();
        providers.any(|provider| takes(provider, &name)).then_some("removes with the token")
    }

    fn match_on_header(&self, at: &Cursor<'_>) -> Option<Finding> {
        let name = at.text_of("name").or_else(|| at.text_of("header_name"))?;
        let how = self.header(name)?;
        let problem = format!("matches on the header `{name}`, which the filter {how}");
        Some(Finding::new(&code::ROUTE_ON_OWN_HEADER, at, problem))
    }

    fn choice_by_header(&self, at: &Cursor<'_>) -> Option<Finding> {
        let name = at.text()?;
        let how = self.header(name)?;
        let problem = format!("takes the cluster from the header `{name}`, which the filter {how}");
        Some(Finding::new(&code::ROUTE_ON_OWN_HEADER, at, problem))
    }

    fn match_on_parameter(&self, at: &Cursor<'_>) -> Option<Finding> {
        let name = at.text_of("name")?;
        let mut places = self.compiled.config.providers.iter().flat_map(|provider| &provider.from);
        places.any(|place| place.query.as_deref() == Some(name)).then(|| {
            let problem = format!("matches on the parameter `{name}`, which holds tokens");
            Finding::new(&code::ROUTE_ON_TOKEN_PARAMETER, at, problem)
        })
    }

    fn set_by_route(&self, at: &Cursor<'_>) -> Option<Finding> {
        let name = at.text_of("header.key")?;
        let path = at.at.replace('_', "").to_ascii_lowercase();
        let in_request = path.contains("requestheaderstoadd");
        let own = self.compiled.policy.own_headers.claims(name.as_bytes());
        (in_request && own).then(|| {
            let problem = format!("sets `{name}`, which only the filter sets");
            Finding::new(&code::ROUTE_SETS_OWN_HEADER, at, problem)
        })
    }
}

/// Whether a provider's tokens are taken out of this header.
fn takes(provider: &Provider, name: &str) -> bool {
    let holds = |place: &TokenPlace| {
        let header = place.header.as_deref() == Some(name);
        header || (place.cookie.is_some() && name == "cookie")
    };
    let default = provider.from.is_empty() && name == "authorization";
    default || name == "dpop" || provider.from.iter().any(holds)
}
