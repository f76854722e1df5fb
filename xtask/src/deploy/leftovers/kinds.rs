//! Kinds that a version of ours may have had, and what one that is left of them means.
//!
//! Secrets and claims are none of them: nobody looks at those here.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::super::cluster::Cluster;
use super::{is, rules};
use crate::gateway::manifests::kind;

pub(super) const RULES: &str = "networkpolicies.networking.k8s.io";

/// Of every cluster.
const BUILT_IN: [&str; 14] = [
    RULES,
    "ingresses.networking.k8s.io",
    "services",
    "configmaps",
    "serviceaccounts",
    "deployments.apps",
    "statefulsets.apps",
    "daemonsets.apps",
    "cronjobs.batch",
    "jobs.batch",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "horizontalpodautoscalers.autoscaling",
    "poddisruptionbudgets.policy",
];
/// Of groups that a cluster may have.
const ADDED: [(&str, &[&str]); 4] = [
    (
        "gateway.networking.k8s.io",
        &[
            "gateways",
            "grpcroutes",
            "httproutes",
            "listenersets",
            "referencegrants",
            "tcproutes",
            "tlsroutes",
            "udproutes",
        ],
    ),
    (
        "gateway.envoyproxy.io",
        &[
            "backends",
            "backendtrafficpolicies",
            "clienttrafficpolicies",
            "envoyextensionpolicies",
            "envoypatchpolicies",
            "envoyproxies",
            "httproutefilters",
            "securitypolicies",
        ],
    ),
    ("external-secrets.io", &["externalsecrets"]),
    ("cert-manager.io", &["certificates", "issuers"]),
];

/// In the order in which they are named and removed: what guards goes after what it guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A route, or what lets others make one.
    Leads,
    /// A rule that allows what the present ones do not.
    Allows,
    /// A way to pods, or rights.
    Reaches,
    Runs,
    Guards,
    /// A rule that allows nothing more.
    Closes,
    Lies,
}

impl Rank {
    /// Whether somebody may get in by it, or something is not guarded as it is meant.
    pub(super) fn counts(self) -> bool {
        !matches!(self, Self::Runs | Self::Lies)
    }

    pub(super) fn means(self) -> &'static str {
        match self {
            Self::Leads => "and leads where nobody is meant to come any more",
            Self::Allows => "and allows what the present rules do not",
            Self::Reaches => "and gives access to what it names",
            Self::Runs => "and still runs",
            Self::Guards => "and changes what the present policies mean",
            Self::Closes => "and allows nothing more than the present rules",
            Self::Lies => "and lets nobody in",
        }
    }
}

pub(super) fn rank(object: &Value, wanted: &[Value]) -> Rank {
    let group = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    match kind(object) {
        "Ingress" | "ReferenceGrant" => Rank::Leads,
        kind if kind.ends_with("Route") => Rank::Leads,
        "NetworkPolicy" if rules::allows_more(object, wanted) => Rank::Allows,
        "NetworkPolicy" => Rank::Closes,
        "Service" | "Gateway" | "ListenerSet" | "Role" | "RoleBinding" => Rank::Reaches,
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" | "Job" => Rank::Runs,
        _ if group.starts_with("gateway.envoyproxy.io/") => Rank::Guards,
        _ => Rank::Lies,
    }
}

/// Whether it is of a kind that is never touched.
pub(super) fn holds_something(object: &Value) -> bool {
    ["Secret", "PersistentVolumeClaim", "PersistentVolume", "Namespace"].contains(&kind(object))
}

/// Why something else would be gone with it that is not to be.
pub(super) fn takes_along(object: &Value) -> Option<&'static str> {
    let at = "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted";
    if is(object, "StatefulSet") && object.pointer(at).is_some_and(|it| it == "Delete") {
        return Some("takes its claims along");
    }
    ["ExternalSecret", "Certificate"].contains(&kind(object)).then_some("takes its Secret along")
}

/// Those of them that this cluster has.
pub(super) fn known(cluster: &Cluster) -> Result<Vec<String>> {
    let groups = cluster.raw("/apis")?;
    let mut found: BTreeSet<String> = BUILT_IN.map(str::to_owned).into();
    for (group, wanted) in ADDED {
        let listed = list(&groups, "groups").find(|one| text(one, "name") == group);
        for version in listed.into_iter().flat_map(|one| list(one, "versions")) {
            let resources = cluster.raw(&format!("/apis/{}", text(version, "groupVersion")))?;
            let names = list(&resources, "resources").map(|one| text(one, "name"));
            let ours = names.filter(|name| wanted.contains(name));
            found.extend(ours.map(|name| format!("{name}.{group}")));
        }
    }
    Ok(found.into_iter().collect())
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
