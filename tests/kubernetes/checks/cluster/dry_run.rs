//! What the API server itself says of every overlay: each object as if it were applied, with unknown
//! fields refused.

use serde_json::json;

use super::server::Server;
use crate::rendered::{OVERLAYS, name, of_kind, overlay, text, with_init_container};

pub const DRY_RUN: [&str; 6] =
    ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];

#[test]
#[ignore = "cargo xtask test-k8s: needs an API server"]
fn the_api_server_takes_every_overlay() {
    let server = Server::start();
    for overlay_name in OVERLAYS {
        let objects = overlay(overlay_name);
        let namespace = of_kind(&objects, "Namespace").next().unwrap();
        // Nothing can be tried in a namespace that is not there.
        server.apply(&namespace.to_string());
        let outcome = server.kubectl_with(&DRY_RUN, &text(&format!("overlays/{overlay_name}")));
        let error = String::from_utf8_lossy(&outcome.stderr);
        assert!(outcome.status.success(), "{overlay_name}: {error}");
        // Pod Security warns where it would refuse pods.
        assert!(!error.contains("Warning"), "{overlay_name}: {error}");
        let taken = String::from_utf8_lossy(&outcome.stdout).lines().count();
        assert_eq!(taken, objects.len(), "{overlay_name}");
        assert_eq!(name(namespace), format!("claimgate-{overlay_name}"));
    }
    let outcome = server.kubectl_with(&DRY_RUN, &with_init_container());
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
}

#[test]
#[ignore = "cargo xtask test-k8s: needs an API server"]
fn the_api_server_refuses_what_is_wrong() {
    let server = Server::start();
    server.must(&["create", "namespace", "claimgate-production"]);
    let objects = overlay("production");
    let deployment = of_kind(&objects, "Deployment").next().unwrap();
    let refused = |pointer: &str, field: &str, value: serde_json::Value| {
        let mut changed = deployment.clone();
        changed.pointer_mut(pointer).unwrap()[field] = value;
        server.refused(&DRY_RUN, &changed.to_string())
    };
    let container = "/spec/template/spec/containers/0";
    let unknown = refused(container, "resource", json!({}));
    assert!(unknown.contains("resource: field not declared in schema"), "{unknown}");
    let odd = refused(container, "imagePullPolicy", "Sometimes".into());
    assert!(odd.contains("Unsupported value: \"Sometimes\""), "{odd}");
    let secret = of_kind(&objects, "ExternalSecret").next().unwrap();
    let mut changed = secret.clone();
    changed["spec"]["target"]["creationPolicy"] = "Mine".into();
    let odd = server.refused(&DRY_RUN, &changed.to_string());
    assert!(odd.contains("spec.target.creationPolicy: Unsupported value"), "{odd}");
}
