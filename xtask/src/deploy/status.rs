//! Whether objects are in force, by what their controllers say of them.
//!
//! `Accepted=True` alone means little: Envoy Gateway leaves it standing on a policy whose target is gone, and says nothing at
//! all about one that never had any. So a status counts when it is about the present generation, and for every target.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::Finding;
use super::cluster::{namespace, same};
use crate::gateway::manifests::{kind, name};

const CONTROLLER: &str = "is Envoy Gateway running, and of this GatewayClass? kubectl -n envoy-gateway-system logs deployment/envoy-gateway";
const ROLLOUT: &str = "see why its pods are not ready: kubectl describe pods, kubectl get events";

/// What keeps the objects that are wanted from being in force, by those that are there.
pub(super) fn findings(wanted: &[Value], live: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in wanted {
        match live.iter().find(|one| same(one, object)) {
            Some(there) => findings.extend(of(there)),
            None => findings.push(Finding::of(
                object,
                "is not there",
                "deploy it: cargo xtask k8s deploy",
            )),
        }
    }
    findings
}

fn of(object: &Value) -> Vec<Finding> {
    match kind(object) {
        "GatewayClass" => conditions(object, "/status", &["Accepted"], "").collect(),
        "Gateway" => gateway(object),
        "HTTPRoute" => route(object),
        "Deployment" | "StatefulSet" => rollout(object).into_iter().collect(),
        kind if kind.ends_with("Policy") && is_of_gateways(object) => policy(object),
        _ => Vec::new(),
    }
}

fn is_of_gateways(object: &Value) -> bool {
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    version.starts_with("gateway.envoyproxy.io/")
        || version.starts_with("gateway.networking.k8s.io/")
}

fn gateway(object: &Value) -> Vec<Finding> {
    let own = conditions(object, "/status", &["Accepted", "Programmed"], "");
    let mut findings: Vec<_> = own.collect();
    for listener in items(object, "/spec/listeners") {
        let wanted = text(listener, "/name");
        let place = |said: &Value| text(said, "/name") == wanted;
        let Some(at) = items(object, "/status/listeners").iter().position(place) else {
            findings.push(Finding::of(
                object,
                format!("has no status for listener {wanted}"),
                CONTROLLER,
            ));
            continue;
        };
        let (at, about) = (format!("/status/listeners/{at}"), format!("listener {wanted}: "));
        let needed = ["Accepted", "Programmed", "ResolvedRefs"];
        findings.extend(conditions(object, &at, &needed, &about));
    }
    findings
}

fn route(object: &Value) -> Vec<Finding> {
    let parents = items(object, "/spec/parentRefs");
    let each = parents.iter().flat_map(|parent| {
        let wanted = text(parent, "/name");
        about(object, "/status/parents", "/parentRef/name", wanted, &["Accepted", "ResolvedRefs"])
    });
    each.collect()
}

fn policy(object: &Value) -> Vec<Finding> {
    let needed: &[&str] = match kind(object) {
        "EnvoyPatchPolicy" => &["Accepted", "Programmed"],
        _ => &["Accepted"],
    };
    let one = object.pointer("/spec/targetRef").into_iter();
    let targets: Vec<_> = items(object, "/spec/targetRefs").iter().chain(one).collect();
    let mut findings = Vec::new();
    for target in &targets {
        // Envoy Gateway's statuses are by Gateway, whatever the target is.
        let wanted = match text(target, "/kind") {
            "Gateway" => text(target, "/name"),
            _ => "",
        };
        let said = about(object, "/status/ancestors", "/ancestorRef/name", wanted, needed);
        findings.extend(said.into_iter().map(|finding| match finding.advice.as_str() {
            CONTROLLER => Finding { advice: missing_target(object, target), ..finding },
            _ => finding,
        }));
    }
    if targets.is_empty() {
        findings.push(Finding::of(
            object,
            "names no target",
            "a policy of ours names every Gateway",
        ));
    }
    findings.dedup();
    findings
}

fn missing_target(policy: &Value, target: &Value) -> String {
    let (kind, name) = (text(target, "/kind").to_lowercase(), text(target, "/name"));
    let namespace = namespace(policy).unwrap_or("default");
    format!("does its target exist? kubectl -n {namespace} get {kind} {name}; if so, {CONTROLLER}")
}

/// The conditions in every part of a status that is about `wanted`, or about anything when that is empty; there
/// has to be one.
fn about(object: &Value, list: &str, by: &str, wanted: &str, needed: &[&str]) -> Vec<Finding> {
    let parts = items(object, list).iter().enumerate();
    let parts = parts.filter(|(_, part)| wanted.is_empty() || text(part, by) == wanted);
    let parts: Vec<_> = parts.map(|(at, part)| (at, text(part, by))).collect();
    if parts.is_empty() {
        let what = match wanted {
            "" => "has no status: nothing acts on it".to_owned(),
            _ => format!("has no status for {wanted}: nothing acts on it there"),
        };
        return vec![Finding::of(object, what, CONTROLLER)];
    }
    let each = parts.into_iter().flat_map(|(at, part)| {
        let about = format!("for {part}: ");
        conditions(object, &format!("{list}/{at}"), needed, &about).collect::<Vec<_>>()
    });
    each.collect()
}

/// What is wrong with these conditions at a place of the object.
fn conditions(
    object: &Value,
    at: &str,
    needed: &[&str],
    about: &str,
) -> impl Iterator<Item = Finding> {
    let said = items(object, &format!("{at}/conditions"));
    needed
        .iter()
        .filter_map(move |wanted| {
            let found = said.iter().find(|one| text(one, "/type") == *wanted);
            let (what, advice) = condition(object, found, wanted)?;
            Some(Finding::of(object, format!("{about}{what}"), advice))
        })
        .collect::<Vec<_>>()
        .into_iter()
}

fn condition(object: &Value, found: Option<&Value>, wanted: &str) -> Option<(String, String)> {
    let Some(found) = found else {
        return Some((format!("has no condition {wanted}"), CONTROLLER.to_owned()));
    };
    let number = |value: &Value, at: &str| value.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let (seen, now) =
        (number(found, "/observedGeneration"), number(object, "/metadata/generation"));
    let status = text(found, "/status");
    if seen != now {
        let what = format!(
            "{wanted}={status} is about generation {seen}, and it is at {now}: nothing acts on it as it stands now"
        );
        return Some((what, CONTROLLER.to_owned()));
    }
    let reason = format!("{}: {}", text(found, "/reason"), text(found, "/message"));
    let advice = || {
        let (kind, name) = (kind(object).to_lowercase(), name(object));
        let namespace = namespace(object).map(|one| format!("-n {one} ")).unwrap_or_default();
        format!("mend what it says; all of it: kubectl {namespace}describe {kind} {name}")
    };
    (status != "True").then(|| (format!("{wanted}={status} ({reason})"), advice()))
}

fn rollout(object: &Value) -> Option<Finding> {
    let number = |at: &str| object.pointer(at).and_then(Value::as_u64);
    let of = |field: &str| number(&format!("/status/{field}")).unwrap_or(0);
    let now = number("/metadata/generation").unwrap_or(0);
    if of("observedGeneration") != now {
        return Some(Finding::of(
            object,
            format!("its controller has not seen generation {now}"),
            ROLLOUT,
        ));
    }
    let wanted = number("/spec/replicas").unwrap_or(1);
    let ready = match kind(object) {
        "Deployment" => "availableReplicas",
        _ => "readyReplicas",
    };
    let (all, updated, ready) = (of("replicas"), of("updatedReplicas"), of(ready));
    let is_done = all == wanted && updated == wanted && ready == wanted;
    let what = || {
        format!(
            "of {wanted} pods {updated} are of this version, {ready} ready, {} old",
            all.saturating_sub(updated)
        )
    };
    (!is_done).then(|| Finding::of(object, what(), ROLLOUT))
}

fn items<'v>(value: &'v Value, at: &str) -> &'v [Value] {
    value.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}
