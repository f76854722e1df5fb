//! An Envoy and nothing else: a listener for each filter, which answers 200 to whatever passes it.
//!
//! For tests that compare what filters let through. It must never have a filter of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use std::{fmt, fs};

use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::{Value, json};
use xtask::{run, tools, wasm, workspace};

/// Loading the module takes most of it.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A running one, stopped when this is dropped.
pub struct Bare {
    process: Process,
    listeners: Vec<(String, Port)>,
    _admin: Port,
    _folder: run::Scratch,
}

impl Bare {
    /// With a listener for each of these HTTP filters, by name. Panics when it does not start.
    #[must_use]
    pub fn start(filters: &[(&str, Value)]) -> Self {
        let folder = run::Scratch::new("bare").expect("a folder");
        let port = || Port::free().expect("a free port");
        let admin = port();
        let listeners: Vec<_> =
            filters.iter().map(|(name, _)| ((*name).to_owned(), port())).collect();
        let pairs = listeners.iter().zip(filters);
        let config = json!({
            "admin": {"address": address(&admin)},
            "static_resources": {
                "listeners": pairs
                    .map(|((name, port), (_, filter))| listener(name, port, filter))
                    .collect::<Vec<_>>(),
            },
        });
        let file = folder.path().join("envoy.json");
        fs::write(&file, config.to_string()).expect("a written file");
        let log = Output::Log(folder.path().join("envoy.log"));
        let launch = Launch::new("envoy", tools::envoy().expect("an Envoy"), log)
            .dir(workspace::root())
            .arg("-c")
            .arg(file)
            .args(["--disable-hot-restart", "--concurrency", "2"])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"]);
        let process = launch.start().expect("Envoy starts");
        let ready = Ready::Http(local(&admin), "/ready".to_owned());
        process.wait_ready(&ready, READY_LIMIT).unwrap_or_else(|error| panic!("{error}"));
        Self { process, listeners, _admin: admin, _folder: folder }
    }

    /// Where the listener with this filter is.
    #[must_use]
    pub fn address(&self, name: &str) -> SocketAddr {
        let mut listeners = self.listeners.iter();
        let found = listeners.find(|(one, _)| one == name);
        local(&found.unwrap_or_else(|| panic!("no listener {name:?}")).1)
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log_tail(usize::MAX)
    }
}

impl fmt::Debug for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bare").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// The built module with this policy.
#[must_use]
pub fn claimgate(policy: &Value) -> Value {
    wasm("claimgate", &workspace::plugin(), policy)
}

/// The module with everything in it, with this policy. Whoever asks for it has built it.
#[must_use]
pub fn claimgate_full(policy: &Value) -> Value {
    wasm("claimgate", &workspace::plugin_full(), policy)
}

/// What passes a request if the host's verifier says yes to the arguments in it; see its source.
/// Built when it is asked for. Panics when it does not build.
#[must_use]
pub fn probe() -> Value {
    let module = wasm::build_probe().unwrap_or_else(|error| panic!("{error:#}"));
    wasm("probe", &module, &json!({}))
}

fn wasm(name: &str, module: &Path, configuration: &Value) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": name,
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": name,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.Struct",
                    "value": configuration,
                },
            },
        },
    })
}

/// Envoy's own filter with this provider, for every path.
#[must_use]
pub fn jwt_authn(provider: &Value) -> Value {
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"provider": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "provider"}}],
        },
    })
}

fn listener(name: &str, port: &Port, filter: &Value) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let route = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"virtual_hosts": [{"name": name, "domains": ["*"], "routes": [route]}]},
        "http_filters": [filter, router],
    });
    let network =
        json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager});
    json!({"name": name, "address": address(port), "filter_chains": [{"filters": [network]}]})
}

fn address(port: &Port) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port.number()}})
}

fn local(port: &Port) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port.number()))
}
