//! The overlays with a static Envoy.

mod leftovers;

use claimgate_proc::Port;
use serde_json::Value;

use super::envoy::Envoy;
use super::{assert_says, fails, given, image, succeeds};
use crate::cluster::applied::volumes;
use crate::cluster::server::Server;
use crate::rendered::{kind, name, overlay};
use crate::rules::secrets_by_name;

const NAMESPACE: &str = "claimgate-dev";

/// As many seconds as what is meant to fail may take here.
const SHORT: [&str; 2] = ["--timeout", "5"];

fn secrets(server: &Server) {
    for (secret, keys) in secrets_by_name() {
        let values: Vec<_> = keys.iter().map(|key| format!("--from-literal={key}=test")).collect();
        let values = values.iter().map(String::as_str);
        let create = ["create", "secret", "generic", secret, "-n", NAMESPACE];
        server.must(&create.into_iter().chain(values).collect::<Vec<_>>());
    }
}

fn all_given(server: &Server) -> Vec<Value> {
    let ours = overlay("dev");
    let ours = ours.iter().filter(|one| kind(one) != "Namespace");
    ours.map(|one| given(server, NAMESPACE, kind(one), name(one))).collect()
}

fn count(server: &Server, kinds: &str) -> usize {
    server.get(&[kinds, "-n", NAMESPACE])["items"].as_array().unwrap().len()
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn a_static_envoy_is_deployed_when_it_refuses_and_rolled_back_when_it_does_not() {
    let server = Server::with_nodes();
    volumes(&server, "dev");
    what_nobody_filled_in_is_refused(&server);
    let good = image("1f");
    let deploy = ["deploy", "--env", "dev", "--image", &good];
    let said = fails(&server, &[&deploy[..], &SHORT].concat());
    assert_says(
        &said,
        &[
            "Secret claimgate-dev/gateway: is not there",
            "create secret generic gateway",
            "stays, though it is new: Namespace claimgate-dev",
        ],
    );
    assert_eq!(count(&server, "deployments,services,networkpolicies"), 0);
    secrets(&server);
    a_gateway_that_nobody_can_ask_is_rolled_back(&server, &deploy);
    let envoy = Envoy::with_the_filter();
    let here = ["--address", &envoy.address()];
    let said = succeeds(&server, &[&deploy[..], &here].concat());
    assert_says(&said, &["in force"]);
    a_version_that_lets_everybody_through_is_rolled_back(&server);
    let verify = ["verify", "--env", "dev", "--address", &envoy.address(), "--context"];
    assert_says(&succeeds(&server, &[&verify[..], &["here"]].concat()), &["0 findings"]);
    let elsewhere = fails(&server, &[&verify[..], &["elsewhere"]].concat());
    assert_says(&elsewhere, &["context \"elsewhere\" does not exist"]);
    a_gateway_that_is_nowhere_is_not_taken_for_one_that_refuses(&server);
    leftovers::are_named_and_removed_when_that_is_asked_for(&server, &deploy, &here);
    what_is_missing_is_named(&server, &here);
}

fn what_nobody_filled_in_is_refused(server: &Server) {
    let said = fails(server, &["deploy", "--env", "dev"]);
    let named = "the module's image `ghcr.io/claimgate/filter:0.1.0` is not named by its digest";
    assert_says(&said, &[named, "Deployment claimgate-dev/envoy", "nothing was changed"]);
    let said = fails(server, &["deploy", "--env", "production", "--image", &image("1f")]);
    let named =
        ["`login.example.com` is nobody's name", "`client-id.example.com` is nobody's name"];
    assert_says(&said, &named);
    assert_says(&said, &["nothing was changed"]);
    assert!(!server.kubectl(&["get", "namespace", NAMESPACE]).status.success());
}

fn a_gateway_that_nobody_can_ask_is_rolled_back(server: &Server, deploy: &[&str]) {
    let nobody = Port::free().unwrap();
    let here = format!("127.0.0.1:{}", nobody.number());
    // Time for its pods, which come before the question.
    let args = [deploy, &["--timeout", "30", "--address", &here]].concat();
    let said = fails(server, &args);
    assert_says(&said, &["GET /nothing;here without a token", "Failed to connect", &here]);
    let removed = "removed, it was not there before: Deployment claimgate-dev/envoy";
    assert_says(&said, &[removed, "stays, though it is new: PersistentVolumeClaim"]);
    assert_eq!(count(server, "deployments,statefulsets,services,networkpolicies"), 0);
    assert_eq!(count(server, "secrets"), secrets_by_name().len());
}

fn a_version_that_lets_everybody_through_is_rolled_back(server: &Server) {
    let before = all_given(server);
    let open = Envoy::open_to_everybody();
    let address = open.address();
    let other = image("2e");
    let args = ["deploy", "--env", "dev", "--image", &other, "--address", &address];
    let said = fails(server, &args);
    assert_says(
        &said,
        &["was answered 200, and must be 400", "as it was before: Deployment claimgate-dev/envoy"],
    );
    assert_says(&said, &["what was there before is in force again"]);
    for (before, after) in before.iter().zip(all_given(server)) {
        assert_eq!(*before, after);
    }
    let said = fails(server, &["verify", "--env", "dev", "--timeout", "1", "--address", &address]);
    assert_says(
        &said,
        &["GET /nothing;here without a token: was answered 200, and must be 400", "1 findings"],
    );
}

/// Without an address it goes by way of the API server to a pod, which nobody runs here.
fn a_gateway_that_is_nowhere_is_not_taken_for_one_that_refuses(server: &Server) {
    let said = fails(server, &["verify", "--env", "dev", "--timeout", "1"]);
    let named =
        "Service claimgate-dev/envoy: has no address that can be asked: kubectl port-forward";
    assert_says(&said, &[named, "--address [GATEWAY=][http://|https://]HOST:PORT", "1 findings"]);
}

fn what_is_missing_is_named(server: &Server, here: &[&str]) {
    let verify = [&["verify", "--env", "dev", "--timeout", "1"][..], here].concat();
    let before = all_given(server);
    server.must(&["delete", "networkpolicy", "authz-service", "-n", NAMESPACE]);
    server.must(&["delete", "secret", "authz", "-n", NAMESPACE]);
    let said = fails(server, &verify);
    let missing = [
        "NetworkPolicy claimgate-dev/authz-service: is not there",
        "Secret claimgate-dev/authz: is not there",
    ];
    assert_says(&said, &missing);
    assert_says(&said, &["2 findings"]);
    // It looked, and nothing else.
    let left =
        before.iter().filter(|one| (kind(one), name(one)) != ("NetworkPolicy", "authz-service"));
    for one in left {
        assert_eq!(*one, given(server, NAMESPACE, kind(one), name(one)));
    }
}
