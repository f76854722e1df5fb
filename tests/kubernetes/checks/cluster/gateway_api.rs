//! What the API server says of the set for the Gateway API, by the kinds that Envoy Gateway and cert-manager bring:
//! their rules are in their descriptions, and the server keeps to them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use xtask::gateway::manifests;

use super::dry_run::DRY_RUN;
use super::server::Server;
use crate::rendered::{at, of_kind, parse, text};

const FOLDERS: [&str; 5] = ["base", "guard", "routes", "variants/canary", "variants/native"];

fn server() -> Server {
    let server = Server::start();
    kinds_of_gateways(&server);
    server
}

/// Has the server know the kinds of the Gateway API, of Envoy Gateway and of cert-manager.
pub fn kinds_of_gateways(server: &Server) {
    let gateway = xtask::tools::envoy_gateway_source().unwrap();
    server.kinds(&gateway.join("charts/gateway-helm/charts/crds/crds"));
    server.kinds(&xtask::tools::cert_manager_source().unwrap().join("deploy/crds"));
    server.must(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]);
}

impl Server {
    fn kinds(&self, folder: &Path) {
        let folder = folder.display().to_string();
        self.must(&["apply", "--server-side", "--recursive", "-f", &folder]);
    }
}

#[test]
#[ignore = "cargo xtask test-k8s: needs an API server"]
fn the_api_server_takes_the_set_for_the_gateway_api() {
    let server = server();
    for folder in FOLDERS {
        let rendered = text(&format!("gateway-api/{folder}"));
        let objects = parse(&rendered);
        let spaces: BTreeSet<_> = objects
            .iter()
            .map(|one| at(one, "/metadata/namespace"))
            .filter(|one| !one.is_empty())
            .collect();
        for space in spaces {
            let made = server.kubectl(&["create", "namespace", space]);
            let error = String::from_utf8_lossy(&made.stderr);
            assert!(made.status.success() || error.contains("AlreadyExists"), "{error}");
        }
        let outcome = server.kubectl_with(&DRY_RUN, &rendered);
        let error = String::from_utf8_lossy(&outcome.stderr);
        assert!(outcome.status.success(), "{folder}: {error}");
        let taken = String::from_utf8_lossy(&outcome.stdout).lines().count();
        assert_eq!(taken, objects.len(), "{folder}");
    }
    let logouts = ["guard", "routes"].map(|part| format!("components/logouts-from-outside/{part}"));
    let with = manifests::render(&["base"], &[&logouts[0], &logouts[1]], None).unwrap();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": with});
    let outcome = server.kubectl_with(&DRY_RUN, &list.to_string());
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    let objects = parse(&text("gateway-api/base"));
    let mut policy = of_kind(&objects, "EnvoyExtensionPolicy").next().unwrap().clone();
    policy["spec"]["wasm"][0]["failurePolicy"] = "Open".into();
    let refused = server.refused(&DRY_RUN, &policy.to_string());
    assert!(refused.contains("failurePolicy: field not declared in schema"), "{refused}");
}
