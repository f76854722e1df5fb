//! Who answers for a gateway whose pods nobody runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::json;
use xtask::run::Scratch;
use xtask::{tools, workspace};

use crate::gateway::configuration;
use crate::rendered::{Object, overlay};

const READY: Duration = Duration::from_secs(60);

/// A real Envoy on a port of loopback. Gone with the test.
pub struct Envoy {
    port: Port,
    _others: Vec<Port>,
    _process: Process,
    _folder: Scratch,
}

impl Envoy {
    /// As its pods would run it in dev: with the filter. Its upstreams are nowhere.
    pub fn with_the_filter() -> Self {
        Self::in_dev(|text| text)
    }

    /// The same behind TLS, with this folder's `tls.crt` and `tls.key`.
    pub fn with_the_filter_and_tls(certificate: &Path) -> Self {
        let file = |name: &str| json!({"filename": certificate.join(name)});
        let pair = json!({"certificate_chain": file("tls.crt"), "private_key": file("tls.key")});
        let socket = json!({"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {"tls_certificates": [pair]},
        }});
        Self::in_dev(|text| {
            let (before, gateway) = text.split_once("- name: gateway\n").unwrap();
            let chain = "filter_chains:\n        - filters:";
            assert!(gateway.contains(chain));
            let with =
                format!("filter_chains:\n        - transport_socket: {socket}\n          filters:");
            format!("{before}- name: gateway\n{}", gateway.replacen(chain, &with, 1))
        })
    }

    fn in_dev(change: impl FnOnce(String) -> String) -> Self {
        Self::of(&overlay("dev"), change)
    }

    /// As the pods of these objects would run it, changed like this.
    pub fn of(objects: &[Object], change: impl FnOnce(String) -> String) -> Self {
        let ports: Vec<_> = (0..3).map(|_| Port::free().unwrap()).collect();
        let mut text = configuration(objects)
            .replace("/etc/claimgate/plugin.wasm", &workspace::plugin().display().to_string())
            .replace("address: 0.0.0.0, ", "address: 127.0.0.1, ");
        for (theirs, port) in [8080, 8081, 9901].into_iter().zip(&ports) {
            let (theirs, here) =
                (format!("port_value: {theirs}}}"), format!("port_value: {}}}", port.number()));
            assert_eq!(text.matches(&theirs).count(), 1, "{theirs}");
            text = text.replace(&theirs, &here);
        }
        Self::start(ports, &change(text))
    }

    /// One that says 200 to everything.
    pub fn open_to_everybody() -> Self {
        let ports = vec![Port::free().unwrap()];
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "open",
            "route_config": {"virtual_hosts": [{"name": "open", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "direct_response": {"status": 200}},
            ]}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        });
        let address = json!({"address": "127.0.0.1", "port_value": ports[0].number()});
        let listener = json!({
            "address": {"socket_address": address},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        });
        let text = json!({"static_resources": {"listeners": [listener]}}).to_string();
        Self::start(ports, &text)
    }

    /// `HOST:PORT`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// With this configuration, which listens on the first of the ports.
    pub fn start(mut ports: Vec<Port>, text: &str) -> Self {
        let folder = Scratch::new("gateway").unwrap();
        let process = launch(folder.path(), text).start().unwrap();
        let port = ports.remove(0);
        let address = format!("127.0.0.1:{}", port.number()).parse().unwrap();
        process.wait_ready(&Ready::Tcp(address), READY).unwrap();
        Self { port, _others: ports, _process: process, _folder: folder }
    }
}

fn launch(folder: &Path, text: &str) -> Launch {
    let file = folder.join("envoy.yaml");
    fs::write(&file, text).unwrap();
    let log = Output::Log(folder.join("envoy.log"));
    Launch::new("envoy", tools::envoy().unwrap(), log)
        .args(["--use-dynamic-base-id", "--concurrency", "1", "--config-path"])
        .arg(file)
        .env("GATEWAY_SECRET", "a-secret-of-the-tests")
        .env("AUTHZ_SERVICE_TOKEN", "a-token-of-the-tests")
}
