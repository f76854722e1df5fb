//! Every overlay really applied: everything rolls out, over both zones, and what is not allowed is refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::server::Server;
use crate::rendered::{OVERLAYS, at, items, kind, name, of_kind, overlay, text, workloads};

/// What is done to a pod before it is offered.
type Change = dyn Fn(&mut Value);

/// Where the overlay's objects are.
fn namespace(overlay: &str) -> String {
    format!("claimgate-{overlay}")
}

/// A server with an overlay on it.
fn applied(overlay_name: &str) -> Server {
    let server = Server::with_nodes();
    volumes(&server, overlay_name);
    server.apply(&text(&format!("overlays/{overlay_name}")));
    for object in overlay(overlay_name) {
        if matches!(kind(&object), "Deployment" | "StatefulSet") {
            let place = format!("{}/{}", kind(&object), name(&object));
            let namespace = namespace(overlay_name);
            server.must(&["rollout", "status", &place, "-n", &namespace, "--timeout=90s"]);
        }
    }
    server
}

/// Nobody makes volumes here: there are some for everybody who may ask, of the class that is asked for.
pub fn volumes(server: &Server, overlay_name: &str) {
    let class = if overlay_name == "dev" { String::new() } else { namespace(overlay_name) };
    let volume = |number: usize| {
        json!({
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": format!("volume-{number}")},
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": class,
                "hostPath": {"path": "/nowhere"},
            },
        })
    };
    let volumes: Vec<_> = (0..6).map(volume).collect();
    server.apply(&json!({"apiVersion": "v1", "kind": "List", "items": volumes}).to_string());
}

fn pods(server: &Server, namespace: &str, app: &str) -> Vec<Value> {
    let label = format!("app.kubernetes.io/name={app}");
    let list = server.get(&["pods", "-n", namespace, "-l", &label]);
    items(&list, "/items").to_vec()
}

fn zones(server: &Server, pods: &[Value]) -> BTreeSet<String> {
    let node = |pod: &Value| server.get(&["node", at(pod, "/spec/nodeName")]);
    let zone = |pod| at(&node(pod), "/metadata/labels/topology.kubernetes.io~1zone").to_owned();
    // One that a scaler has only just asked for is nowhere yet.
    pods.iter().filter(|pod| !at(pod, "/spec/nodeName").is_empty()).map(zone).collect()
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn every_overlay_rolls_out() {
    for overlay_name in OVERLAYS {
        let server = applied(overlay_name);
        let objects = overlay(overlay_name);
        for deployment in of_kind(&objects, "Deployment") {
            let there = pods(&server, &namespace(overlay_name), name(deployment));
            let scaler = of_kind(&objects, "HorizontalPodAutoscaler")
                .find(|one| name(one) == name(deployment));
            // By the scaler, which knows the least number without being able to measure here.
            let wanted = scaler.map_or(1, |one| one["spec"]["minReplicas"].as_u64().unwrap());
            let enough =
                || pods(&server, &namespace(overlay_name), name(deployment)).len() as u64 == wanted;
            let scaled = claimgate_proc::wait_until(super::SOON, enough);
            assert!(
                scaled,
                "{overlay_name}: {} has {} pods, not {wanted}",
                name(deployment),
                there.len()
            );
        }
    }
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn production_is_in_both_zones_and_stays_there() {
    let server = applied("production");
    let namespace = namespace("production");
    for app in ["envoy", "authz-service", "customer-service", "product-service", "redis"] {
        let both = || zones(&server, &pods(&server, &namespace, app)).len() == 2;
        assert!(claimgate_proc::wait_until(super::SOON, both), "{app}: is in one zone");
    }
    evictions_are_bounded(&server, &namespace);
}

/// With no node free for another pod, the second of three may not go.
fn evictions_are_bounded(server: &Server, namespace: &str) {
    let three = || pods(server, namespace, "envoy").len() == 3;
    assert!(claimgate_proc::wait_until(super::SOON, three));
    server.must(&[
        "wait",
        "-n",
        namespace,
        "--for=condition=Ready",
        "pods",
        "--all",
        "--timeout=60s",
    ]);
    let counted = || {
        let budget = server.get(&["poddisruptionbudget", "envoy", "-n", namespace]);
        budget["status"]["disruptionsAllowed"] == 1 && budget["status"]["currentHealthy"] == 3
    };
    assert!(claimgate_proc::wait_until(super::SOON, counted));
    server.must(&["cordon", "--selector=kubernetes.io/os=linux"]);
    let there = pods(server, namespace, "envoy");
    let eviction = |pod: &Value| {
        let metadata = json!({"name": name(pod), "namespace": namespace});
        let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata});
        let place = format!("/api/v1/namespaces/{namespace}/pods/{}/eviction", name(pod));
        (place, body.to_string())
    };
    let (place, body) = eviction(&there[0]);
    let first = server.kubectl_with(&["create", "--raw", &place, "-f", "-"], &body);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let (place, body) = eviction(&there[1]);
    let second = server.refused(&["create", "--raw", &place, "-f", "-"], &body);
    assert!(second.contains("would violate the pod's disruption budget"), "{second}");
    server.must(&["uncordon", "--selector=kubernetes.io/os=linux"]);
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn pods_that_are_more_than_nobody_are_refused() {
    let server = Server::with_nodes();
    let objects = overlay("production");
    server.apply(&of_kind(&objects, "Namespace").next().unwrap().to_string());
    let namespace = namespace("production");
    let exists =
        || server.kubectl(&["get", "serviceaccount", "default", "-n", &namespace]).status.success();
    assert!(claimgate_proc::wait_until(super::SOON, exists));
    let (_, template) =
        workloads(&objects).find(|(one, _)| name(one) == "customer-service").unwrap();
    let pod = |name: &str, change: &Change| {
        let mut spec = template["spec"].clone();
        spec.as_object_mut().unwrap().remove("serviceAccountName");
        change(&mut spec);
        let metadata = json!({"name": name, "namespace": namespace});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).to_string()
    };
    // As it stands it is taken: what is refused below is refused for what was changed.
    server.apply(&pod("good", &|_| ()));
    let in_container = |field: &'static str, value: Value| {
        move |spec: &mut Value| spec["containers"][0]["securityContext"][field] = value.clone()
    };
    let cases: [(&str, Box<Change>); 6] = [
        (
            "allowPrivilegeEscalation != false",
            Box::new(in_container("allowPrivilegeEscalation", true.into())),
        ),
        ("unrestricted capabilities", Box::new(in_container("capabilities", json!({})))),
        (
            "privileged",
            Box::new(|spec| spec["containers"][0]["securityContext"] = json!({"privileged": true})),
        ),
        ("runAsUser=0", Box::new(in_container("runAsUser", 0.into()))),
        ("host namespaces", Box::new(|spec| spec["hostNetwork"] = true.into())),
        (
            "restricted volume types",
            Box::new(|spec| spec["volumes"] = json!([{"name": "n", "hostPath": {"path": "/"}}])),
        ),
    ];
    for (reason, change) in cases {
        let refused = server.refused(&["apply", "-f", "-"], &pod("bad", &change));
        assert!(
            refused.contains("violates PodSecurity \"restricted:v1.36\""),
            "{reason}: {refused}"
        );
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn accounts_may_do_nothing_and_the_viewer_look() {
    let server = Server::with_nodes();
    let objects = overlay("production");
    server.apply(&text("overlays/production"));
    let namespace = namespace("production");
    let token = |account: &str| {
        server.must(&["create", "token", account, "-n", &namespace]).trim().to_owned()
    };
    let asks = |token: &str, args: &[&str]| {
        let token = format!("--token={token}");
        server.kubectl(&[&[&*token, "-n", &namespace], args].concat())
    };
    let forbidden: [&[&str]; 5] = [
        &["get", "secrets"],
        &["get", "configmaps"],
        &["delete", "pods", "--all"],
        &["create", "deployment", "mine", "--image=docker.io/x/y:1"],
        &["get", "nodes"],
    ];
    let refused = |account: &str, args: &[&str]| {
        let outcome = asks(&token(account), args);
        let error = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let who = format!("User \"system:serviceaccount:{namespace}:{account}\" cannot");
        assert!(!outcome.status.success() && error.contains(&who), "{account} {args:?}: {error}");
    };
    let accounts: Vec<_> =
        of_kind(&objects, "ServiceAccount").map(|one| name(one).to_owned()).collect();
    assert_eq!(accounts.len(), 9, "{accounts:?}");
    for account in &accounts {
        forbidden.iter().for_each(|args| refused(account, args));
        if account == "viewer" {
            for looked in
                ["pods", "deployments", "statefulsets", "cronjobs", "poddisruptionbudgets"]
            {
                let outcome = asks(&token(account), &["get", looked]);
                assert!(outcome.status.success(), "{looked}: {outcome:?}");
            }
        } else {
            refused(account, &["get", "pods"]);
        }
    }
}

#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn jobs_of_the_backups_forms_are_taken() {
    let server = applied("dev");
    let namespace = namespace("dev");
    for what in ["postgres-backup", "postgres-restore"] {
        let from = format!("--from=cronjob/{what}");
        server.must(&["create", "job", "-n", &namespace, &from, what]);
        let done = format!("job/{what}");
        // kwok says so of every Job: what it shows is that a pod of this form is taken and finds a node.
        server.must(&[
            "wait",
            "-n",
            &namespace,
            "--for=condition=Complete",
            &done,
            "--timeout=60s",
        ]);
    }
    let restore = server.get(&["cronjob", "postgres-restore", "-n", &namespace]);
    assert_eq!(restore["spec"]["suspend"], true);
}

/// Word for word: whoever follows the page has to end with every Secret that the pods ask for.
#[test]
#[ignore = "cargo xtask test-k8s: needs a control plane"]
fn the_secrets_are_made_as_the_documentation_says() {
    let server = Server::start();
    let page =
        std::fs::read_to_string(xtask::workspace::root().join("docs/kubernetes.md")).unwrap();
    let mut examples = page.split("```sh\n").filter_map(|rest| rest.split("```").next());
    let example = examples.find(|one| one.contains("create secret generic")).unwrap();
    let mut shell = server.command(std::path::Path::new("sh"));
    let outcome = shell.args(["-euc", example]).output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    for (secret, keys) in crate::rules::secrets_by_name() {
        let made = server.get(&["secret", secret, "-n", &namespace("dev")]);
        let made: Vec<_> = made["data"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(made, keys, "{secret}");
    }
}
