//! How the module runs: what happens when it fails, what the host lets it do, with whom it shares data.

use crate::document::Cursor;
use crate::finding::{Code, Finding, code};
use crate::policy::{self, Compiled};

use super::bootstrap::Bootstrap;
use super::filter::Filter;

/// Without one of these the host lets requests go on that are not decided.
const CALLBACKS: [&str; 3] =
    ["proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers"];

pub(super) fn check(filter: &Filter<'_>, bootstrap: &Bootstrap<'_>, findings: &mut Vec<Finding>) {
    failure(filter, findings);
    capabilities(filter, findings);
    if filter.http_filter.is_on("is_optional") {
        let at = filter.http_filter.field("is_optional");
        findings.push(about(
            &code::FILTER_OPTIONAL,
            at.as_ref(),
            filter,
            "the filter may be left out",
        ));
    }
    if filter.http_filter.is_on("disabled") {
        let at = filter.http_filter.field("disabled");
        let problem = "the filter is off, but for routes that turn it on";
        findings.push(about(&code::FILTER_DISABLED, at.as_ref(), filter, problem));
    }
    if filter.plugin.is_on("allow_on_headers_stop_iteration") {
        let at = filter.plugin.field("allow_on_headers_stop_iteration");
        findings.push(about(
            &code::HEADERS_STOP_ITERATION,
            at.as_ref(),
            filter,
            "the pause is the weaker one",
        ));
    }
    sharing(filter, bootstrap, findings);
}

/// Conditions in CEL are in the larger module only, which is known by its name.
pub(super) fn check_module(compiled: &Compiled, filter: &Filter<'_>, findings: &mut Vec<Finding>) {
    let name = filter.module().map(|name| name.rsplit_once('/').map_or(name, |(_, name)| name));
    let small = name == Some("plugin.wasm");
    if small && policy::needs_full_module(&compiled.config) {
        let at = filter.plugin.path("vm_config.code");
        let problem = "a rule has a condition in CEL, and a module of this name comes without";
        findings.push(about(&code::MODULE_WITHOUT_CEL, at.as_ref(), filter, problem));
    }
}

/// A finding about an entry, or about the plugin where it is not written.
fn about(
    code: &'static Code,
    at: Option<&Cursor<'_>>,
    filter: &Filter<'_>,
    problem: impl Into<String>,
) -> Finding {
    Finding::new(code, at.unwrap_or(&filter.plugin), problem)
}

fn failure(filter: &Filter<'_>, findings: &mut Vec<Finding>) {
    let policy = filter.plugin.field("failure_policy");
    let open = filter.plugin.field("fail_open").filter(|at| at.flag() == Some(true));
    if let Some(open) = open {
        findings.push(Finding::new(&code::FAIL_OPEN, &open, "`fail_open: true`"));
    }
    match policy.as_ref().and_then(Cursor::text) {
        Some("FAIL_RELOAD" | "FAIL_CLOSED") => {}
        Some("FAIL_OPEN") => {
            findings.push(about(
                &code::FAIL_OPEN,
                policy.as_ref(),
                filter,
                "`failure_policy: FAIL_OPEN`",
            ));
        }
        Some(_) | None => {
            let problem = "no `failure_policy` is said; Envoy's default is FAIL_CLOSED";
            findings.push(about(&code::FAILURE_POLICY_UNSET, policy.as_ref(), filter, problem));
        }
    }
}

fn capabilities(filter: &Filter<'_>, findings: &mut Vec<Finding>) {
    let Some(allowed) = filter.plugin.path("capability_restriction_config.allowed_capabilities")
    else {
        return;
    };
    // An empty list restricts nothing.
    let names: Vec<_> = allowed.fields().map(|(name, _)| name).collect();
    let missing: Vec<_> = CALLBACKS.into_iter().filter(|name| !names.contains(name)).collect();
    if !names.is_empty() && !missing.is_empty() {
        let problem = format!("`{}` missing", missing.join("`, `"));
        findings.push(Finding::new(&code::CAPABILITY_MISSING, &allowed, problem));
    }
}

/// Plugins with one `vm_id` share data; only those that are the same in everything may.
fn sharing(filter: &Filter<'_>, bootstrap: &Bootstrap<'_>, findings: &mut Vec<Finding>) {
    let id = filter.plugin.path("vm_config.vm_id");
    let Some(name) = id.as_ref().and_then(Cursor::text).filter(|name| !name.is_empty()) else {
        let at = id.or_else(|| filter.plugin.field("vm_config"));
        findings.push(about(&code::VM_ID_MISSING, at.as_ref(), filter, "no `vm_id`"));
        return;
    };
    let this = identity(&filter.plugin);
    let other = bootstrap
        .plugins
        .iter()
        .find(|plugin| plugin.text_of("vm_config.vm_id") == Some(name) && identity(plugin) != this);
    if let Some(other) = other {
        let problem = format!("`{name}` is also the `vm_id` of {}", other.at);
        findings.push(about(&code::VM_ID_SHARED, id.as_ref(), filter, problem));
    }
}

/// What has to be the same for two plugins to be one: module and configuration.
fn identity(plugin: &Cursor<'_>) -> [Option<serde_json::Value>; 2] {
    ["vm_config.code", "configuration"].map(|path| Some(plugin.path(path)?.node().to_json()))
}
