//! What others make and our objects need: Secrets, and with the Gateway API the Services that routes lead to. They are
//! looked for by name; what is in a Secret is never asked for.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use anyhow::Result;
use claimgate_proc::is_stopping;
use serde_json::Value;

use super::cluster::{self, Cluster};
use super::{Finding, PAUSE, Target};
use crate::gateway::manifests::{kind, name};

/// Kind, namespace and name.
type Needed = (&'static str, String, String);

/// Those that are not there; where an operator makes them, when the limit has passed.
pub(super) fn missing(
    cluster: &Cluster,
    objects: &[Value],
    target: &Target,
) -> Result<Vec<Finding>> {
    let needed = needed(objects, &target.proxies);
    let are_made = objects.iter().any(|one| kind(one) == "ExternalSecret");
    let begun = Instant::now();
    loop {
        let mut findings = Vec::new();
        for one in &needed {
            let (kind, namespace, name) = one;
            if !cluster.has(kind, namespace, name)? {
                findings.push(absent(one, are_made));
            }
        }
        let is_over = begun.elapsed() >= target.limit || is_stopping();
        if findings.is_empty() || !are_made || is_over {
            return Ok(findings);
        }
        thread::sleep(PAUSE);
    }
}

fn absent((kind, namespace, name): &Needed, are_made: bool) -> Finding {
    let advice = match (*kind, are_made) {
        ("Secret", true) => format!("kubectl -n {namespace} describe externalsecret {name}"),
        ("Secret", false) => format!(
            "kubectl -n {namespace} create secret generic {name} …; its keys are in docs/kubernetes.md and docs/gateway-api.md"
        ),
        _ => format!("deploy it before its route: kubectl -n {namespace} get services"),
    };
    Finding {
        object: format!("{kind} {namespace}/{name}"),
        what: "is not there".to_owned(),
        advice,
    }
}

fn needed(objects: &[Value], proxies: &str) -> BTreeSet<Needed> {
    let made = |one: &Needed| {
        objects.iter().any(|object| {
            (kind(object), name(object)) == (one.0, &one.2)
                && cluster::namespace(object) == Some(&one.1)
        })
    };
    let mut all = BTreeSet::new();
    for object in objects {
        let own = cluster::namespace(object).unwrap_or("default");
        match kind(object) {
            "HTTPRoute" => services(object, own, &mut all),
            // Its environment is that of the proxies, which run elsewhere.
            "EnvoyProxy" => secrets(object, proxies, &mut all),
            "ExternalSecret" | "Issuer" | "CustomResourceDefinition" => {}
            _ => secrets(object, own, &mut all),
        }
    }
    all.retain(|one| !made(one));
    all
}

fn secrets(value: &Value, namespace: &str, found: &mut BTreeSet<Needed>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| secrets(item, namespace, found)),
        Value::Object(fields) => {
            for (field, value) in fields {
                let named = match field.as_str() {
                    "secretKeyRef" | "secretRef" | "pullSecretRef" => value.get("name"),
                    "secret" => value.get("secretName"),
                    _ => None,
                };
                let is_optional = value.get("optional").is_some_and(|it| it == true);
                match named.and_then(Value::as_str).filter(|_| !is_optional) {
                    Some(name) => {
                        found.insert(("Secret", namespace.to_owned(), name.to_owned()));
                    }
                    None => secrets(value, namespace, found),
                }
            }
        }
        _ => {}
    }
}

fn services(route: &Value, own: &str, found: &mut BTreeSet<Needed>) {
    let list = |value: &Value, at: &str| -> Vec<Value> {
        value.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    for rule in list(route, "/spec/rules") {
        for backend in list(&rule, "/backendRefs") {
            let text = |field: &str| backend.get(field).and_then(Value::as_str);
            if text("kind").is_none_or(|kind| kind == "Service") {
                let namespace = text("namespace").unwrap_or(own).to_owned();
                found.extend(text("name").map(|name| ("Service", namespace, name.to_owned())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_by_name_where_pods_will_look_for_them() {
        let container = json!({"env": [
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "gateway", "key": "secret"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "perhaps", "key": "b", "optional": true}}},
        ]});
        let of = |kind: &str, namespace: &str, spec: Value| json!({"kind": kind, "metadata": {"name": kind, "namespace": namespace}, "spec": spec});
        let objects = [
            of(
                "Deployment",
                "mine",
                json!({"containers": [container], "volumes": [{"secret": {"secretName": "authz"}}]}),
            ),
            of("EnvoyProxy", "mine", container.clone()),
            of(
                "HTTPRoute",
                "mine",
                json!({"rules": [{"backendRefs": [{"name": "idp", "port": 1}, {"name": "Service"}]}]}),
            ),
            of("Service", "mine", json!({})),
        ];
        let found = needed(&objects, "proxies");
        let found: Vec<_> =
            found.iter().map(|(kind, at, name)| format!("{kind} {at}/{name}")).collect();
        assert_eq!(
            found,
            [
                "Secret mine/authz",
                "Secret mine/gateway",
                "Secret proxies/gateway",
                "Service mine/idp"
            ]
        );
    }
}
