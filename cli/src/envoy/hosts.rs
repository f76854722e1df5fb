//! Which hosts a virtual host serves: Envoy takes the one whose domain fits best.

use std::cmp::Reverse;

use claimgate::config::Config;

use crate::document::Cursor;

/// A host that nobody has named.
const ANY_HOST: &str = "no-such-host.example";

/// Hosts worth trying: one for each name that a route or a virtual host has, and any other.
pub(super) fn samples(config: &Config, virtual_hosts: &[Cursor<'_>]) -> Vec<String> {
    let ours = config.routes.iter().flat_map(|route| &route.matches.hosts);
    let domains = virtual_hosts.iter().flat_map(|host| host.list("domains"));
    let envoys = domains.filter_map(|at| Some(at.text()?.to_ascii_lowercase()));
    let all = ours.cloned().chain(envoys).chain([ANY_HOST.to_owned()]);
    let mut samples: Vec<_> =
        all.map(|name| without_port(&name.replace('*', "x")).to_owned()).collect();
    samples.sort();
    samples.dedup();
    samples
}

/// The virtual host that Envoy takes for a host.
pub(super) fn serving<'v, 'd>(
    host: &str,
    virtual_hosts: &'v [Cursor<'d>],
) -> Option<&'v Cursor<'d>> {
    let fitting = virtual_hosts.iter().filter_map(|at| {
        let domains = at.list("domains").into_iter();
        let fits = domains.filter_map(|domain| fit(domain.text()?, host)).max()?;
        Some((fits, at))
    });
    fitting.max_by_key(|(fit, _)| *fit).map(|(_, at)| at)
}

/// How well a domain fits a host: whole names before endings before beginnings, longer ones first.
fn fit(domain: &str, host: &str) -> Option<(Reverse<u8>, usize)> {
    let domain = domain.to_ascii_lowercase();
    let domain = without_port(&domain);
    let rank = if domain == "*" {
        3
    } else if let Some(end) = domain.strip_prefix('*') {
        (host.len() > end.len() && host.ends_with(end)).then_some(1)?
    } else if let Some(beginning) = domain.strip_suffix('*') {
        (host.len() > beginning.len() && host.starts_with(beginning)).then_some(2)?
    } else {
        (domain == host).then_some(0)?
    };
    Some((Reverse(rank), domain.len()))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit() || byte == b'*') => {
            name
        }
        _ => host,
    }
}
