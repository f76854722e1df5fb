//! An Envoy bootstrap: every Claimgate filter in it, its configuration, and what around it would undo
//! what the filter decides.
//!
//! Only what is written in the file is looked at. Every finding is something that design or measurement
//! showed to matter (docs/cli.md says which); it must never guess at taste.

mod bootstrap;
mod clusters;
mod falls;
mod filter;
mod hosts;
mod listener;
mod paths;
mod routes;
mod vm;

use std::collections::HashSet;

use crate::document::Document;
use crate::finding::{Finding, code};
use crate::policy::{self, Environment};
use crate::report::Report;

use bootstrap::{Bootstrap, Manager};
use filter::Filter;

/// Checks a bootstrap.
pub(crate) fn check(document: &Document, environment: &Environment) -> Report {
    let bootstrap = Bootstrap::read(document.root());
    let mut findings = Vec::new();
    let mut enforced = Vec::new();
    for manager in &bootstrap.managers {
        for filter in Filter::all_in(manager) {
            about(&filter, manager, &bootstrap, environment, &mut findings, &mut enforced);
        }
    }
    if enforced.is_empty() && findings.is_empty() {
        findings.push(Finding::new(
            &code::NO_FILTER,
            &bootstrap.root,
            "no Claimgate filter is in it",
        ));
    }
    // Two filters may share a cluster, or be one by an anchor.
    let mut seen = HashSet::new();
    findings.retain(|one| seen.insert((one.code.name, one.place, one.at.clone())));
    // In the order of the document, whatever order it was looked at in.
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| (finding.place, finding.code.name);
        key(one).cmp(&key(other))
    });
    Report::of_bootstrap(&document.file, findings, enforced)
}

fn about(
    filter: &Filter<'_>,
    manager: &Manager<'_>,
    bootstrap: &Bootstrap<'_>,
    environment: &Environment,
    findings: &mut Vec<Finding>,
    enforced: &mut Vec<String>,
) {
    vm::check(filter, bootstrap, findings);
    listener::check(filter, manager, findings);
    routes::check_reach(filter, manager, findings);
    let compiled = match filter.compile(environment) {
        Ok(compiled) => compiled,
        Err(finding) => return findings.push(finding),
    };
    vm::check_module(&compiled, filter, findings);
    routes::check(&compiled, manager, findings);
    falls::check(&compiled, manager, findings);
    clusters::check(filter, bootstrap, findings);
    enforced.push(format!("{}:", filter.http_filter.at));
    enforced.extend(policy::enforced(&compiled).into_iter().map(|line| format!("  {line}")));
}
