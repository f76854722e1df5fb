//! What names something else: it has to be there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rendered::{Object, at, called, items, name, of_kind, workloads};

/// What comes from outside: Secrets, by name and key. docs/kubernetes.md says how to make them.
pub const SECRETS: [(&str, &str); 8] = [
    ("authz", "accepted-tokens"),
    ("authz", "log-key"),
    ("authz", "token"),
    ("gateway", "secret"),
    ("postgres", "authz-password"),
    ("postgres", "superuser-password"),
    ("redis", "admin-password"),
    ("redis", "claimgate-password"),
];

/// ConfigMaps, with the keys that are asked for, claims and Secrets.
pub fn dangling(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (object, template) in workloads(objects) {
        for volume in items(template, "/spec/volumes") {
            if let Some(map) = volume.get("configMap") {
                let wanted = items(map, "/items").iter().map(|item| at(item, "/key"));
                wrong.extend(missing_keys(objects, at(map, "/name"), wanted, &called(object)));
            }
            let claim = at(volume, "/persistentVolumeClaim/claimName");
            let known = of_kind(objects, "PersistentVolumeClaim").any(|one| name(one) == claim);
            if !claim.is_empty() && !known {
                wrong.push(format!("{}: no claim `{claim}`", called(object)));
            }
        }
        let unknown = asked_for(template).into_iter().filter(|(secret, key)| {
            let known =
                |known: &&(&str, &str)| known.0 == secret && (key.is_empty() || known.1 == key);
            !SECRETS.iter().any(|one| known(&one))
        });
        wrong.extend(unknown.map(|(secret, key)| {
            format!("{}: nobody makes Secret `{secret}` with `{key}`", called(object))
        }));
    }
    wrong
}

fn missing_keys<'o>(
    objects: &'o [Object],
    map: &'o str,
    wanted: impl Iterator<Item = &'o str> + 'o,
    place: &'o str,
) -> Vec<String> {
    let Some(found) = of_kind(objects, "ConfigMap").find(|one| name(one) == map) else {
        return vec![format!("{place}: no ConfigMap `{map}`")];
    };
    let missing = wanted.filter(|key| found["data"].get(key).is_none());
    missing.map(|key| format!("{place}: ConfigMap `{map}` has no `{key}`")).collect()
}

/// Secrets that pods ask for, with the key, if it is one key.
fn asked_for(template: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    collect(template, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(fields) => {
            if let Some(key) = fields.get("secretKeyRef") {
                found.insert((at(key, "/name").to_owned(), at(key, "/key").to_owned()));
            }
            if let Some(volume) = fields.get("secret").filter(|one| one.get("secretName").is_some())
            {
                let secret = at(volume, "/secretName").to_owned();
                let keys = items(volume, "/items").iter().map(|item| at(item, "/key").to_owned());
                found.extend(keys.map(|key| (secret.clone(), key)));
                found.insert((secret, String::new()));
            }
            fields.values().for_each(|field| collect(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Every Service stands for pods, and its ports are theirs.
pub fn services(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for service in of_kind(objects, "Service") {
        let selector = service["spec"]["selector"].as_object();
        let chosen = |labels: &Value| {
            selector
                .is_some_and(|all| all.iter().all(|(name, value)| labels.get(name) == Some(value)))
        };
        let backend = workloads(objects).find(|(_, one)| chosen(&one["metadata"]["labels"]));
        let Some((_, template)) = backend else {
            wrong.push(format!("{}: stands for no pod", called(service)));
            continue;
        };
        let containers = items(template, "/spec/containers").iter();
        let ports: Vec<_> =
            containers.flat_map(|one| items(one, "/ports")).map(|port| at(port, "/name")).collect();
        let targets = items(service, "/spec/ports").iter().map(|port| at(port, "/targetPort"));
        let unknown = targets.filter(|target| !ports.contains(target));
        wrong.extend(
            unknown.map(|one| format!("{}: its pods have no port `{one}`", called(service))),
        );
    }
    wrong
}

/// Every Secret comes from the vault, with every key.
pub fn secrets_from_the_vault(objects: &[Object]) -> Vec<String> {
    let fetched: BTreeSet<_> = of_kind(objects, "ExternalSecret")
        .flat_map(|one| {
            let keys = items(one, "/spec/data").iter().map(|item| at(item, "/secretKey"));
            keys.map(move |key| (at(one, "/spec/target/name"), key))
        })
        .collect();
    let missing = SECRETS.iter().filter(|secret| !fetched.contains(secret));
    missing.map(|(name, key)| format!("no ExternalSecret brings `{key}` of `{name}`")).collect()
}
