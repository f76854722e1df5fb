//! Who may reach whom: the rendered policies, asked for every pair and port, against the table that
//! was meant (`reach/OVERLAY.txt`; `UPDATE_REACH=1` writes what is, for a review to read).
//!
//! A connection is allowed when the sender's policies allow it out and the receiver's allow it in, as
//! NetworkPolicy v1 says; a pod that no policy chooses for a direction is free in it. Probes come from the
//! node, which no policy stops, so they are not in the table.

mod policy;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::rendered::{OVERLAYS, Object, items, name, of_kind, overlay, workloads};
use policy::{End, Labels, Policies, Port};

/// A port that nothing listens on: where it is open, everything is.
const ANY: u64 = 9;

/// Every pod of an overlay, and who else there is around it.
struct World {
    policies: Policies,
    ends: Vec<(String, End)>,
    ports: BTreeSet<Port>,
}

impl World {
    fn of(objects: &[Object]) -> Self {
        let namespace = name(of_kind(objects, "Namespace").next().unwrap());
        let mut ends: Vec<_> =
            workloads(objects).map(|(_, template)| pod(namespace, template)).collect();
        let label = |key: &str, value: &str| Labels::from([(key.to_owned(), value.to_owned())]);
        let app = |value: &str| label("app.kubernetes.io/name", value);
        ends.extend([
            ("some pod beside them".to_owned(), End::pod(namespace, label("app", "some"), true)),
            ("some pod elsewhere".to_owned(), End::pod("default", app("envoy"), false)),
            (
                "names (kube-dns)".to_owned(),
                End::pod("kube-system", label("k8s-app", "kube-dns"), false),
            ),
            (
                "some pod of kube-system".to_owned(),
                End::pod("kube-system", label("k8s-app", "some"), false),
            ),
            ("keycloak".to_owned(), End::pod("identity", app("keycloak"), false)),
            ("outside".to_owned(), End::Outside),
        ]);
        let policies = Policies::of(objects);
        let mut ports: BTreeSet<Port> = policies.ports();
        ports.extend(
            ends.iter().flat_map(|(_, end)| end.ports().iter().map(|port| Port::tcp(*port))),
        );
        ports.insert(Port::tcp(ANY));
        Self { policies, ends, ports }
    }

    /// A line for each sender and receiver that may speak, with the ports.
    fn table(&self) -> String {
        let mut lines = BTreeSet::new();
        for (from, sender) in &self.ends {
            for (to, receiver) in
                self.ends.iter().filter(|(_, end)| end.is_ours() || sender.is_ours())
            {
                let open =
                    self.ports.iter().filter(|port| self.policies.allow(sender, receiver, port));
                let open: Vec<_> = open.map(Port::to_string).collect();
                if !open.is_empty() {
                    lines.insert(format!("{from} -> {to}: {}", open.join(" ")));
                }
            }
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

fn pod(namespace: &str, template: &Value) -> (String, End) {
    let labels: Labels = serde_json::from_value(template["metadata"]["labels"].clone()).unwrap();
    let containers = items(template, "/spec/containers").iter();
    let ports = containers.flat_map(|container| items(container, "/ports"));
    let ports = ports.map(|port| port["containerPort"].as_u64().unwrap()).collect();
    let called = labels["app.kubernetes.io/name"].clone();
    (called, End::Pod { namespace: namespace.to_owned(), labels, ports, ours: true })
}

#[test]
fn everybody_reaches_whom_they_are_meant_to_and_nobody_else() {
    for name in OVERLAYS {
        let table = World::of(&overlay(name)).table();
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("reach/{name}.txt"));
        if std::env::var_os("UPDATE_REACH").is_some() {
            fs::write(&file, &table).unwrap();
        }
        let meant = fs::read_to_string(&file).unwrap_or_default();
        assert!(meant == table, "{}: the policies say\n{table}", file.display());
    }
}

/// What `change` makes of production adds these lines to its table, and takes these away.
fn difference(change: impl FnOnce(&mut Vec<Object>)) -> (Vec<String>, Vec<String>) {
    let mut objects = overlay("production");
    let before = World::of(&objects).table();
    change(&mut objects);
    let after = World::of(&objects).table();
    let beyond = |one: &str, other: &str| {
        let known: BTreeSet<_> = other.lines().collect();
        one.lines().filter(|line| !known.contains(line)).map(str::to_owned).collect()
    };
    (beyond(&after, &before), beyond(&before, &after))
}

fn policy<'o>(objects: &'o mut [Object], wanted: &str) -> &'o mut Object {
    let mut all = objects.iter_mut();
    all.find(|one| one["kind"] == "NetworkPolicy" && one["metadata"]["name"] == wanted).unwrap()
}

#[test]
fn both_ends_have_to_name_a_path() {
    let closed = |name: &'static str, direction: &'static str| {
        difference(|objects| policy(objects, name)["spec"][direction] = serde_json::json!([]))
    };
    let gone = vec!["envoy -> customer-service: 8001/TCP".to_owned()];
    assert_eq!(closed("customer-service", "ingress"), (vec![], gone));
    let (added, gone) = closed("envoy", "egress");
    assert!(added.is_empty());
    assert!(gone.contains(&"envoy -> authz-service: 8003/TCP".to_owned()), "{gone:?}");
    assert!(
        !gone.iter().any(|line| line.contains("keycloak")),
        "that is another policy's: {gone:?}"
    );
}

#[test]
fn a_door_left_open_is_seen() {
    // Without a list of senders, everybody may come; those who may not go out still cannot.
    let (added, _) = difference(|objects| {
        let rule = &mut policy(objects, "customer-service")["spec"]["ingress"][0];
        rule.as_object_mut().unwrap().remove("from");
    });
    let expected = ["outside", "some pod elsewhere", "some pod of kube-system"];
    let names = "names (kube-dns) -> customer-service: 8001/TCP".to_owned();
    let mut expected: Vec<_> =
        expected.iter().map(|one| format!("{one} -> customer-service: 8001/TCP")).collect();
    expected.extend([names, "keycloak -> customer-service: 8001/TCP".to_owned()]);
    expected.sort();
    assert_eq!(added, expected);
    // Without ports, all of them.
    let (added, _) = difference(|objects| {
        let rule = &mut policy(objects, "authz-service")["spec"]["egress"][1];
        rule.as_object_mut().unwrap().remove("ports");
        let rule = &mut policy(objects, "postgres")["spec"]["ingress"][0];
        rule.as_object_mut().unwrap().remove("ports");
    });
    assert_eq!(added.len(), 1, "{added:?}");
    assert!(added[0].starts_with("authz-service -> postgres: 9/TCP"), "{added:?}");
}

#[test]
fn without_the_rule_for_everybody_strangers_are_free() {
    let (added, _) = difference(|objects| {
        objects.retain(|one| one["metadata"]["name"] != "nobody-by-default");
    });
    assert!(
        added.iter().any(|line| line.starts_with("some pod beside them -> outside: 9/TCP")),
        "{added:?}"
    );
    assert!(!added.iter().any(|line| line.contains("beside them -> authz-service")), "{added:?}");
}
