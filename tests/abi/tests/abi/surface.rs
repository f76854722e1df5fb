//! What the module asks of a host, and what it offers one.

use claimgate_abi::{ALLOWED_IMPORTS, plugin};

/// Largest module that ships, in bytes.
const LARGEST: usize = 1_000_000;

/// What the filter cannot work without.
const NEEDED_EXPORTS: [&str; 13] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_delete",
];

#[test]
fn it_imports_nothing_that_envoy_does_not_have() {
    let allowed = |module: &str, name: &str| {
        ALLOWED_IMPORTS.iter().any(|(from, names)| *from == module && names.contains(&name))
    };
    let foreign: Vec<_> = plugin().imports().filter(|(from, name)| !allowed(from, name)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn it_exports_every_callback_it_needs() {
    let exports: Vec<_> = plugin().exports().collect();
    for name in NEEDED_EXPORTS {
        assert!(exports.contains(&name), "{name} is not among {exports:?}");
    }
}

#[test]
fn it_speaks_one_version_of_the_abi() {
    let versions: Vec<_> =
        plugin().exports().filter(|name| name.starts_with("proxy_abi_version_")).collect();
    assert_eq!(versions, ["proxy_abi_version_0_2_1"]);
}

mod small {
    use super::*;

    #[test]
    fn it_stays_small() {
        let size = plugin().size();
        assert!(size <= LARGEST, "{size} bytes");
    }
}
