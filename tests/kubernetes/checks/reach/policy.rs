//! What NetworkPolicy v1 means. What it could say and none of ours does is refused, so that a table is
//! never made of half of a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::rendered::{Object, at, called, items, of_kind};

pub type Labels = BTreeMap<String, String>;

/// One end of a connection.
pub enum End {
    Pod {
        namespace: String,
        labels: Labels,
        ports: Vec<u64>,
        ours: bool,
    },
    /// An address that is no pod's.
    Outside,
}

impl End {
    /// A pod that nobody described: `ours` in the namespace of the overlay.
    pub fn pod(namespace: &str, labels: Labels, ours: bool) -> Self {
        Self::Pod { namespace: namespace.to_owned(), labels, ports: Vec::new(), ours }
    }

    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Pod { ours: true, .. })
    }

    pub fn ports(&self) -> &[u64] {
        match self {
            Self::Pod { ports, .. } => ports,
            Self::Outside => &[],
        }
    }
}

/// A port with its protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    number: u64,
    protocol: String,
}

impl Port {
    pub fn tcp(number: u64) -> Self {
        Self { number, protocol: "TCP".to_owned() }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.number, self.protocol)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

pub struct Policies(Vec<Object>);

impl Policies {
    pub fn of(objects: &[Object]) -> Self {
        let policies: Vec<_> = of_kind(objects, "NetworkPolicy").cloned().collect();
        policies.iter().for_each(refuse_what_is_not_read);
        Self(policies)
    }

    /// The ports that any of them names.
    pub fn ports(&self) -> BTreeSet<Port> {
        let rules = self.0.iter().flat_map(|policy| {
            items(policy, "/spec/ingress").iter().chain(items(policy, "/spec/egress"))
        });
        let ports = rules.flat_map(|rule| items(rule, "/ports"));
        ports
            .map(|port| Port {
                number: port["port"].as_u64().unwrap(),
                protocol: at(port, "/protocol").to_owned(),
            })
            .collect()
    }

    /// Whether a connection is allowed, by both ends.
    pub fn allow(&self, from: &End, to: &End, port: &Port) -> bool {
        self.one_way(from, to, port, Direction::Egress)
            && self.one_way(to, from, port, Direction::Ingress)
    }

    /// Whether `subject` may speak with `peer` in this direction.
    fn one_way(&self, subject: &End, peer: &End, port: &Port, direction: Direction) -> bool {
        let applying: Vec<_> =
            self.0.iter().filter(|one| applies(one, subject, direction)).collect();
        let (rules, peers) = match direction {
            Direction::Ingress => ("/spec/ingress", "/from"),
            Direction::Egress => ("/spec/egress", "/to"),
        };
        let allows = |policy: &&Object| {
            let own = at(policy, "/metadata/namespace");
            items(policy, rules).iter().any(|rule| {
                let (peers, ports) = (items(rule, peers), items(rule, "/ports"));
                let peer_fits = peers.is_empty() || peers.iter().any(|one| is_peer(one, peer, own));
                peer_fits && (ports.is_empty() || ports.iter().any(|one| is_port(one, port)))
            })
        };
        applying.is_empty() || applying.iter().any(allows)
    }
}

fn applies(policy: &Object, subject: &End, direction: Direction) -> bool {
    let End::Pod { namespace, labels, .. } = subject else { return false };
    let wanted = match direction {
        Direction::Ingress => "Ingress",
        Direction::Egress => "Egress",
    };
    at(policy, "/metadata/namespace") == namespace
        && items(policy, "/spec/policyTypes").iter().any(|one| one == wanted)
        && selects(&policy["spec"]["podSelector"], labels)
}

fn is_peer(peer: &Value, end: &End, own_namespace: &str) -> bool {
    let End::Pod { namespace, labels, .. } = end else { return false };
    let namespace_fits = match peer.get("namespaceSelector") {
        None => namespace == own_namespace,
        Some(selector) => {
            let named =
                Labels::from([("kubernetes.io/metadata.name".to_owned(), namespace.clone())]);
            selects(selector, &named)
        }
    };
    namespace_fits && peer.get("podSelector").is_none_or(|selector| selects(selector, labels))
}

fn is_port(rule: &Value, port: &Port) -> bool {
    rule["port"] == port.number && at(rule, "/protocol") == port.protocol
}

/// A label selector; an empty one chooses everything.
fn selects(selector: &Value, labels: &Labels) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let mut equal =
        equal.map(|(name, value)| labels.get(name).map(String::as_str) == value.as_str());
    let mut among = items(selector, "/matchExpressions").iter().map(|one| {
        let value = labels.get(at(one, "/key"));
        value.is_some_and(|value| items(one, "/values").iter().any(|known| known == value))
    });
    equal.all(|fits| fits) && among.all(|fits| fits)
}

fn refuse_what_is_not_read(policy: &Object) {
    let text = policy["spec"].to_string();
    for unread in ["ipBlock", "endPort", "NotIn", "Exists"] {
        assert!(
            !text.contains(unread),
            "{}: teach checks/reach/policy.rs {unread} first",
            called(policy)
        );
    }
    assert!(policy["spec"].get("policyTypes").is_some(), "{}: say policyTypes", called(policy));
    let rules = items(policy, "/spec/ingress").iter().chain(items(policy, "/spec/egress"));
    for port in rules.flat_map(|rule| items(rule, "/ports")) {
        let said = port["port"].is_u64() && !at(port, "/protocol").is_empty();
        assert!(said, "{}: say number and protocol of {port}", called(policy));
    }
}
