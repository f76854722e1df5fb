//! Taking a configuration, or refusing it: never with a trap, never to the harm of a good one.

use claimgate_abi::{Effect, Vm};
use serde_json::{Value, json};

use crate::gateway::{Gateway, request};
use crate::policy::{CLUSTERS, demo};
use crate::protobuf::structure;

/// Configures a fresh VM; the log, or nothing if it was taken.
fn refusal(bytes: &[u8]) -> Option<String> {
    let mut vm = Vm::start(&CLUSTERS);
    let (_, accepted) = vm.root(bytes);
    let log = vm.logs().join("\n");
    (!accepted).then_some(log)
}

fn refusal_of(change: impl Fn(&mut Value)) -> String {
    let mut policy = demo();
    change(&mut policy);
    refusal(policy.to_string().as_bytes()).expect("a configuration that cannot be enforced")
}

#[test]
fn json_is_taken_and_the_root_asks_to_be_ticked() {
    let gateway = Gateway::cold(&demo());
    let root = gateway.root;
    assert!(gateway.effects().contains(&Effect::TickPeriod { root, millis: 500 }));
}

#[test]
fn a_struct_is_taken_and_means_the_same() {
    let mut vm = Vm::start(&CLUSTERS);
    let (root, accepted) = vm.root(&structure(demo().as_object().unwrap()));
    assert!(accepted, "{:?}", vm.logs());
    let mut gateway = Gateway { vm, root };
    let stream = gateway.send(request("/customers"));
    gateway.refused(stream, 401);
    let stream = gateway.send(request("/auth/me"));
    assert_eq!(gateway.forwarded(stream).text("x-user-roles").as_deref(), Some("guest"));
    let stream = gateway.send(request("/nowhere"));
    gateway.refused(stream, 404);
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.held(stream);
    assert_eq!(gateway.fetch().timeout, 1_000);
}

#[test]
fn what_is_wrong_is_named_by_its_entry() {
    let log = refusal_of(|policy| policy["routes"][1]["authorization"] = json!("authzz"));
    assert!(log.contains("routes[1] \"customers\".authorization"), "{log}");
    assert!(log.contains("`authz`"), "the known names: {log}");
    let log = refusal_of(|policy| policy["providers"][0]["audience"] = json!(["account"]));
    assert!(log.contains("providers[0]") && log.contains("audience"), "{log}");
    let log = refusal_of(|policy| policy["authorization"][0]["timeout"] = json!("0ms"));
    assert!(log.contains("authorization[0] \"authz\".timeout"), "{log}");
    let log = refusal_of(|policy| policy["identity_headers"]["host"] = json!({"claim": "sub"}));
    assert!(log.contains("identity_headers.\"host\""), "{log}");
}

#[test]
fn what_is_no_document_is_refused() {
    let whole = structure(demo().as_object().unwrap());
    let documents: [&[u8]; 8] = [
        b"",
        b"\n",
        b"{",
        b"[]",
        b"null",
        b"version: v1",
        b"\xff\xfe\x00",
        &whole[..whole.len() - 1],
    ];
    for document in documents {
        let log = refusal(document).expect("no document");
        assert!(log.contains("invalid configuration"), "{log}");
    }
    let deep = "[".repeat(100_000);
    assert!(refusal(deep.as_bytes()).is_some());
}

#[test]
fn a_secret_comes_from_the_environment_or_the_configuration_is_refused() {
    let mut policy = demo();
    policy["authorization"][0]["credential_env"] = json!("AUTHZ_TOKEN");
    let bytes = policy.to_string().into_bytes();
    let log = refusal(&bytes).expect("the variable is not set");
    assert!(log.contains("credential_env") && log.contains("AUTHZ_TOKEN"), "{log}");
    let mut vm = Vm::start_with(&CLUSTERS, &[("OTHER", ""), ("AUTHZ_TOKEN", "s3cret")]);
    let (_, accepted) = vm.root(&bytes);
    assert!(accepted, "{:?}", vm.logs());
    assert!(vm.logs().iter().all(|line| !line.contains("s3cret")));
}

#[test]
fn a_broken_second_root_leaves_the_first_serving() {
    let mut gateway = Gateway::warm(&demo());
    let (second, accepted) = gateway.vm.root(b"{\"version\": \"v2\"}");
    assert!(!accepted);
    let stream = gateway.send(request("/auth/me"));
    gateway.forwarded(stream);
    gateway.vm.tick(second);
    gateway.vm.close(second);
    let token = gateway.token();
    let stream = gateway.get("/customers", &token);
    gateway.held(stream);
    assert_eq!(gateway.only_call().cluster, "authz-service");
}

#[test]
fn a_broken_second_configuration_of_a_root_leaves_the_first_in_force() {
    let mut gateway = Gateway::cold(&demo());
    let root = gateway.root;
    assert!(!gateway.configure(root, b"{\"version\": \"v2\"}"));
    let stream = gateway.send(request("/customers"));
    gateway.refused(stream, 401);
}

#[test]
fn two_good_roots_serve_side_by_side_under_their_own_policies() {
    let mut first = Gateway::cold(&demo());
    let mut other = demo();
    other["unmatched"]["status"] = json!(421);
    let (second, accepted) = first.vm.root(other.to_string().as_bytes());
    assert!(accepted);
    let stream = first.send(request("/nowhere"));
    first.refused(stream, 404);
    let old = std::mem::replace(&mut first.root, second);
    let stream = first.send(request("/nowhere"));
    first.refused(stream, 421);
    let token = first.token();
    let waiting = first.get("/customers", &token);
    let call = first.fetch();
    assert_eq!(call.root, second, "keys are fetched by the root that needs them");
    first.close(old);
    first.held(waiting);
}

#[test]
fn without_a_configuration_every_request_is_refused_once() {
    let mut vm = Vm::start(&CLUSTERS);
    let (root, accepted) = vm.root(b"{}");
    assert!(!accepted);
    let mut gateway = Gateway { vm, root };
    gateway.tick();
    gateway.queue_ready(root, 1);
    let stream = gateway.send(request("/auth/me"));
    gateway.refused(stream, 500);
    gateway.body(stream, 10, false);
    gateway.trailers(stream, request("/auth/me"));
    gateway.close(stream);
}
