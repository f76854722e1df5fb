//! Who somebody is, and what that allows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::rendered::{Object, at, called, items, kind, name, of_kind, workloads};

/// By these `cargo xtask k8s` knows what is ours and what an earlier version left.
pub fn labels(objects: &[Object]) -> Vec<String> {
    let wanted =
        [("app.kubernetes.io~1part-of", "claimgate"), ("claimgate.example~1set", "direct")];
    let missing = |object: &&Object| {
        wanted
            .iter()
            .any(|(label, value)| at(object, &format!("/metadata/labels/{label}")) != *value)
    };
    let without = objects.iter().filter(missing);
    without.map(|object| format!("{}: does not say whose it is", called(object))).collect()
}

/// Everything is in one namespace, which takes only what keeps to `restricted`.
pub fn namespace(objects: &[Object]) -> Vec<String> {
    let namespaces: Vec<_> = of_kind(objects, "Namespace").collect();
    let [namespace] = namespaces[..] else { return vec!["not exactly one Namespace".to_owned()] };
    let mut wrong = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        let label = format!("/metadata/labels/pod-security.kubernetes.io~1{mode}");
        if at(namespace, &label) != "restricted" {
            wrong.push(format!("Namespace: {mode} is not restricted"));
        }
    }
    let elsewhere = objects.iter().filter(|object| {
        let place = at(object, "/metadata/namespace");
        !matches!(kind(object), "Namespace" | "StorageClass") && place != name(namespace)
    });
    wrong.extend(elsewhere.map(|object| format!("{}: is in another namespace", called(object))));
    wrong
}

/// Each workload is somebody, nobody else is the same, and no token lies about.
pub fn accounts(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut holders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (object, template) in workloads(objects) {
        let account = at(template, "/spec/serviceAccountName");
        holders.entry(account).or_default().push(called(object));
        if template.pointer("/spec/automountServiceAccountToken") != Some(&Value::from(false)) {
            wrong.push(format!("{}: a token is mounted", called(object)));
        }
        if !of_kind(objects, "ServiceAccount").any(|known| name(known) == account) {
            wrong.push(format!("{}: no ServiceAccount `{account}`", called(object)));
        }
    }
    let shared = holders.iter().filter(|(_, holders)| holders.len() > 1);
    wrong.extend(shared.map(|(account, holders)| {
        format!("ServiceAccount {account}: is shared by {}", holders.join(" and "))
    }));
    let careless = of_kind(objects, "ServiceAccount")
        .filter(|account| account.get("automountServiceAccountToken") != Some(&Value::from(false)));
    wrong.extend(careless.map(|account| format!("{}: a token is mounted", called(account))));
    wrong
}

/// No workload has a right, and nobody one to secrets, to run something or to everything.
pub fn rights(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        wrong.extend(
            of_kind(objects, kind)
                .map(|object| format!("{}: is for all namespaces", called(object))),
        );
    }
    for role in of_kind(objects, "Role") {
        for rule in items(role, "/rules") {
            let verbs = items(rule, "/verbs").iter().filter_map(Value::as_str);
            wrong.extend(
                verbs
                    .filter(|verb| !matches!(*verb, "get" | "list" | "watch"))
                    .map(|verb| format!("{}: may {verb}", called(role))),
            );
            let resources = items(rule, "/resources").iter().chain(items(rule, "/apiGroups"));
            let resources = resources.filter_map(Value::as_str);
            let dangerous = resources.filter(|one| {
                matches!(*one, "*" | "secrets" | "pods/exec" | "pods/portforward" | "configmaps")
            });
            wrong.extend(dangerous.map(|one| format!("{}: may see {one}", called(role))));
        }
    }
    let workers: Vec<_> =
        workloads(objects).map(|(_, template)| at(template, "/spec/serviceAccountName")).collect();
    for binding in of_kind(objects, "RoleBinding") {
        let subjects = items(binding, "/subjects").iter().map(|subject| at(subject, "/name"));
        let entitled = subjects.filter(|subject| workers.contains(subject));
        wrong.extend(entitled.map(|one| format!("{}: gives {one} rights", called(binding))));
    }
    wrong
}

/// Nothing secret is committed.
pub fn secrets(objects: &[Object]) -> Vec<String> {
    let secrets = of_kind(objects, "Secret");
    let mut wrong: Vec<_> =
        secrets.map(|secret| format!("{}: is in what is rendered", called(secret))).collect();
    for map in of_kind(objects, "ConfigMap") {
        let values = map["data"].as_object().into_iter().flatten();
        let keys = values.filter(|(_, value)| {
            value.as_str().is_some_and(|text| text.contains("PRIVATE KEY-----"))
        });
        wrong.extend(keys.map(|(key, _)| format!("{}: {key} has a private key", called(map))));
    }
    wrong
}
