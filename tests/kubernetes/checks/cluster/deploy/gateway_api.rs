//! `kubernetes/gateway-api`, with a real Envoy Gateway that pulls the module's image by its digest.

use std::path::Path;

use serde_json::{Value, json};
use xtask::gateway::manifests;
use xtask::package::{self, LocalRegistry};
use xtask::run::{self, Scratch};

use super::envoy::Envoy;
use super::{assert_says, fails, given, succeeds};
use crate::cluster::controller::{self, Controller, with_a_balancer};
use crate::cluster::gateway_api::kinds_of_gateways;
use crate::cluster::server::Server;
use crate::rendered::{items, kind, name};

const NAMESPACE: &str = "claimgate";
const POLICY: &str = "envoyextensionpolicy";

/// The module's image at a registry of this machine. Gone with the test.
struct Module {
    image: String,
    _registry: LocalRegistry,
    _folder: Scratch,
}

fn module() -> Module {
    let folder = Scratch::new("module").unwrap();
    let layout = folder.path().join("oci");
    let packaged = package::build_filter(&layout).unwrap();
    let registry = LocalRegistry::start(folder.path()).unwrap();
    let there = registry.registry().unwrap();
    there.push_from(&layout, &packaged).unwrap();
    Module { image: there.reference(&packaged[0]), _registry: registry, _folder: folder }
}

/// What others have to have made: services, Secrets, certificates.
fn surroundings(server: &Server, certificate: &Path) {
    for (service, port) in [
        ("authz-service", 8003),
        ("customer-service", 8001),
        ("product-service", 8002),
        ("idp", 8180),
    ] {
        let metadata = json!({"name": service, "namespace": NAMESPACE});
        let spec = json!({"ports": [{"port": port}]});
        server.apply(
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
                .to_string(),
        );
    }
    let generic = |name: &str, keys: &[&str]| {
        let create = ["create", "secret", "generic", name, "-n", controller::NAMESPACE];
        server.must(&[&create[..], keys].concat());
    };
    generic("gateway", &["--from-literal=secret=test", "--from-literal=identity-key=test"]);
    generic("authz", &["--from-literal=token=test"]);
    let (key, file) = (certificate.join("tls.key"), certificate.join("tls.crt"));
    let files = [format!("--key={}", key.display()), format!("--cert={}", file.display())];
    for secret in ["external-tls", "internal-tls"] {
        let create = ["create", "secret", "tls", secret, "-n", NAMESPACE];
        server.must(&[&create[..], &[&files[0], &files[1]]].concat());
    }
}

/// For the names of both Gateways; signed by itself.
fn certificate() -> Scratch {
    let folder = Scratch::new("certificate").unwrap();
    let [key, certificate] =
        ["tls.key", "tls.crt"].map(|name| folder.path().join(name).display().to_string());
    let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let names = "subjectAltName=DNS:api.example.com,DNS:api.internal.example.com";
    let named = ["-days", "2", "-subj", "/CN=test", "-addext", names];
    let files = ["-keyout", &key, "-out", &certificate];
    let args = [&kind[..], &named, &files].concat();
    run::capture("openssl".as_ref(), &args, super::super::SOON).unwrap();
    folder
}

fn all(image: &str) -> Vec<Value> {
    manifests::render(&["base"], &[], Some(image)).unwrap()
}

fn all_given(server: &Server, image: &str) -> Vec<Value> {
    all(image).iter().map(|one| given(server, NAMESPACE, kind(one), name(one))).collect()
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane, Envoy Gateway, and root for its mounts"]
fn behind_envoy_gateway_only_what_is_in_force_stays() {
    let module = module();
    let server = Server::with_nodes();
    kinds_of_gateways(&server);
    server.must(&["create", "namespace", NAMESPACE]);
    let controller = Controller::start(&server);
    with_a_balancer(&server, || {
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            everything(&server, &module.image);
        }));
        if told.is_err() {
            eprintln!("{}", controller.said());
        }
        told.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert_eq!(controller.forbidden(), [""; 0]);
}

fn everything(server: &Server, image: &str) {
    let envoy = Envoy::with_the_filter();
    let address = format!("http://{}", envoy.address());
    let here = ["--env", "dev", "--gateway-api", "--address", &address];
    let deploy_of =
        |image| [&["deploy"], &here[..], &["--image", image, "--timeout", "45"]].concat();
    let (deploy, verify) = (deploy_of(image), [&["verify"], &here[..]].concat());
    let said = fails(server, &["deploy", "--env", "dev", "--gateway-api"]);
    assert_says(&said, &["`image-by-digest.invalid` is nobody's name", "nothing was changed"]);
    let missing = [
        "Secret envoy-gateway-system/gateway: is not there",
        "Service claimgate/customer-service: is not there",
    ];
    assert_says(&fails(server, &deploy), &missing);
    let certificate = certificate();
    surroundings(server, certificate.path());
    assert_says(&succeeds(server, &deploy), &["routes …", "in force"]);
    assert_says(&succeeds(server, &verify), &["0 findings"]);
    let wrong = other(image);
    a_route_that_is_left_is_named_and_removed_when_that_is_asked_for(server, &deploy, &verify);
    a_digest_that_no_registry_has_is_rolled_back(server, image, &deploy_of(&wrong));
    assert_says(&succeeds(server, &verify), &["0 findings"]);
    a_gateway_that_does_not_answer_is_not_taken_for_one_that_refuses(server);
    only_a_certificate_for_its_name_is_taken(server, certificate.path());
    a_policy_whose_target_is_not_there_is_found(server, &verify);
    assert_says(&succeeds(server, &deploy), &["in force"]);
}

/// What the direct overlays have may be in the same namespace: that is not left over.
fn a_route_that_is_left_is_named_and_removed_when_that_is_asked_for(
    server: &Server,
    deploy: &[&str],
    verify: &[&str],
) {
    let of = |kind: &str, version: &str, name: &str, set: &str, spec: Value| {
        let labels =
            json!({"app.kubernetes.io/part-of": "claimgate", "claimgate.example/set": set});
        let metadata = json!({"name": name, "namespace": NAMESPACE, "labels": labels});
        let whole =
            json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec});
        server.apply(&whole.to_string());
    };
    let parents = json!([{"name": "external"}]);
    let rules = json!([{"backendRefs": [{"name": "authz-service", "port": 8003}],
        "matches": [{"path": {"type": "PathPrefix", "value": "/access"}}]}]);
    let route = json!({"parentRefs": parents, "rules": rules});
    of("HTTPRoute", "gateway.networking.k8s.io/v1", "decisions", "gateway-api", route);
    let ports = json!({"ports": [{"port": 6379}]});
    of("Service", "v1", "redis", "direct", ports.clone());
    of("Service", "v1", "canary", "gateway-api", ports);
    let command = "kubectl -n claimgate delete httproute.gateway.networking.k8s.io/decisions";
    let named = "HTTPRoute claimgate/decisions: is left over from an earlier version, and leads";
    let said = fails(server, verify);
    assert_says(&said, &[named, command, "Service claimgate/canary: is left over", "2 findings"]);
    assert!(said.find("claimgate/decisions") < said.find("claimgate/canary"), "{said}");
    assert!(!said.contains("claimgate/redis"), "it is the other set's: {said}");
    assert_says(&succeeds(server, deploy), &[named, command, "`deploy --prune` removes it"]);
    let said = succeeds(server, &[deploy, &["--prune"]].concat());
    assert_says(&said, &["removed: HTTPRoute claimgate/decisions", "in force"]);
    let left = server.get(&["httproutes,services", "-n", NAMESPACE]);
    let left: Vec<_> = items(&left, "/items").iter().map(name).collect();
    assert!(left.contains(&"redis") && left.contains(&"customers"), "{left:?}");
    assert!(!left.contains(&"decisions") && !left.contains(&"canary"), "{left:?}");
    assert_says(&succeeds(server, verify), &["0 findings"]);
}

/// The same name, and a digest that it never had.
fn other(image: &str) -> String {
    let (name, _) = image.split_once('@').unwrap();
    format!("{name}@sha256:{}", "2e".repeat(32))
}

fn a_digest_that_no_registry_has_is_rolled_back(server: &Server, image: &str, deploy: &[&str]) {
    let before = all_given(server, image);
    let said = fails(server, deploy);
    let expected = [
        "EnvoyExtensionPolicy claimgate/claimgate: for external: Accepted=False",
        "as it was before: EnvoyExtensionPolicy claimgate/claimgate",
        "what was there before is in force again",
    ];
    assert_says(&said, &expected);
    assert!(!said.contains("routes …"), "it went on: {said}");
    for (before, after) in before.iter().zip(all_given(server, image)) {
        assert_eq!(*before, after);
    }
}

fn a_gateway_that_does_not_answer_is_not_taken_for_one_that_refuses(server: &Server) {
    let nobody = claimgate_proc::Port::free().unwrap();
    let address = format!("127.0.0.1:{}", nobody.number());
    let verify = ["verify", "--env", "dev", "--gateway-api", "--timeout", "1"];
    let said = fails(server, &[&verify[..], &["--address", &address]].concat());
    assert_says(&said, &["Gateway claimgate/external at https://127.0.0.1", "Failed to connect"]);
}

fn only_a_certificate_for_its_name_is_taken(server: &Server, certificate: &Path) {
    let envoy = Envoy::with_the_filter_and_tls(certificate);
    let address = envoy.address();
    let verify =
        ["verify", "--env", "dev", "--gateway-api", "--timeout", "1", "--address", &address];
    assert_says(
        &fails(server, &verify),
        &["Gateway claimgate/internal at https://", "certificate"],
    );
    let authority = certificate.join("tls.crt").display().to_string();
    let said = succeeds(server, &[&verify[..], &["--ca", &authority]].concat());
    assert_says(&said, &["0 findings"]);
}

/// It was accepted once, and what says so stays.
fn a_policy_whose_target_is_not_there_is_found(server: &Server, verify: &[&str]) {
    let targets = |names: &[&str]| {
        let target = |name: &&str| json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name});
        json!({"spec": {"targetRefs": names.iter().map(target).collect::<Vec<_>>()}}).to_string()
    };
    let aim = |names: &[&str]| {
        let patch = ["patch", POLICY, "claimgate", "-n", NAMESPACE, "--type=merge", "--patch"];
        server.must(&[&patch[..], &[&targets(names)]].concat());
    };
    aim(&["no-such-gateway"]);
    let said = fails(server, verify);
    assert_says(
        &said,
        &["claimgate/claimgate: has no status for no-such-gateway", "get gateway no-such-gateway"],
    );
    let policy = server.get(&[POLICY, "claimgate", "-n", NAMESPACE]);
    let conditions = items(&policy, "/status/ancestors/0/conditions");
    let said = conditions.iter().find(|one| one["type"] == "Accepted").unwrap();
    assert_eq!(said["status"], "True", "{policy}");
    let generations = (&said["observedGeneration"], &policy["metadata"]["generation"]);
    assert!(generations.0.as_u64() < generations.1.as_u64(), "{generations:?}");
    aim(&["external", "no-such-gateway"]);
    assert_says(&fails(server, verify), &["has no status for no-such-gateway"]);
}
