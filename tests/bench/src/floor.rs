//! Wasm modules that do next to nothing: what the ABI costs before a filter does anything.

use serde_json::{Value, json};

use crate::signer::Algorithm;
use crate::site::Site;

/// What the module that sets one header sets.
pub const HEADER_SETS: &[(&str, &str)] = &[("x-user-email", "somebody")];

/// No callback does anything.
pub fn noop(site: &Site, scenario: &str) -> Vec<Value> {
    vec![filter(site, scenario, "noop")]
}

/// Reads one header, sets one.
pub fn header(site: &Site, scenario: &str) -> Vec<Value> {
    vec![filter(site, scenario, "header")]
}

/// Has the host verify the token's signature, and looks at nothing else.
pub fn verify(site: &Site, scenario: &str, algorithm: Algorithm) -> Vec<Value> {
    vec![filter(site, scenario, &format!("verify sha256 {}", site.spki(algorithm)))]
}

fn filter(site: &Site, scenario: &str, configuration: &str) -> Value {
    wasm(
        scenario,
        &site.paths.floor,
        &json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": configuration,
        }),
    )
}

/// A Wasm filter in a VM of its own, so that none finds what another left.
pub fn wasm(scenario: &str, module: &std::path::Path, configuration: &Value) -> Value {
    json!({
        "name": "wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": scenario,
                "root_id": "claimgate",
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": scenario,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
                "configuration": configuration,
            },
        },
    })
}
