//! The connection manager around the filter: paths, names, time limits, addresses.

use crate::document::Cursor;
use crate::finding::{Code, Finding, code};

use super::bootstrap::Manager;
use super::filter::Filter;

/// Actions under which a header with an underscore reaches nobody.
const UNDERSCORES: [&str; 2] = ["REJECT_REQUEST", "DROP_HEADER"];

/// Actions under which an encoded slash reaches nobody.
const SLASHES: [&str; 3] = ["REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"];

pub(super) fn check(filter: &Filter<'_>, manager: &Manager<'_>, findings: &mut Vec<Finding>) {
    let at = &manager.at;
    let mut wants = |good: bool, code: &'static Code, path: &str| {
        if !good {
            let written = at.path(path);
            let problem = match written.as_ref().map(|at| at.node().to_json()) {
                Some(value) => format!("`{path}` is {value}"),
                None => format!("no `{path}`"),
            };
            findings.push(Finding::new(code, written.as_ref().unwrap_or(at), problem));
        }
    };
    let one_of = |path: &str, good: &[&str]| at.text_of(path).is_some_and(|is| good.contains(&is));
    wants(at.is_on("normalize_path"), &code::PATH_NOT_NORMALIZED, "normalize_path");
    wants(at.is_on("merge_slashes"), &code::SLASHES_NOT_MERGED, "merge_slashes");
    let path = "path_with_escaped_slashes_action";
    wants(one_of(path, &SLASHES), &code::ESCAPED_SLASHES_KEPT, path);
    let path = "common_http_protocol_options.headers_with_underscores_action";
    wants(one_of(path, &UNDERSCORES), &code::UNDERSCORES_KEPT, path);
    let path = "stream_idle_timeout";
    let limited = at.path(path).is_some_and(|limit| !is_zero(&limit));
    wants(limited, &code::IDLE_TIMEOUT_MISSING, path);
    address(filter, at, findings);
}

/// Whether a duration is none, which Envoy takes for "no limit".
fn is_zero(duration: &Cursor<'_>) -> bool {
    let seconds = duration.text().and_then(|text| text.strip_suffix('s'));
    seconds.and_then(|seconds| seconds.parse::<f64>().ok()).is_none_or(|seconds| seconds == 0.0)
}

/// Conditions on the client's address are worth what Envoy knows of it.
fn address(filter: &Filter<'_>, at: &Cursor<'_>, findings: &mut Vec<Finding>) {
    let hops = at.field("xff_num_trusted_hops").and_then(|hops| hops.number());
    let known = at.is_on("use_remote_address")
        || hops.is_some_and(|hops| hops > 0)
        || !at.list("original_ip_detection_extensions").is_empty();
    let Some(configuration) = filter.configuration().filter(|_| !known) else { return };
    if let Some(said) = configuration.field("trusted_client_address").filter(is_true) {
        let problem = "the address is trusted here, and Envoy believes what `x-forwarded-for` says";
        findings.push(Finding::new(&code::CLIENT_ADDRESS_UNTRUSTED, &said, problem));
    }
}

fn is_true(at: &Cursor<'_>) -> bool {
    at.flag() == Some(true)
}
