//! The committed descriptions of kinds, made anew from what Kubernetes and the External Secrets
//! Operator publish. `UPDATE_SCHEMAS=1` writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use xtask::tools;

use crate::schema::folder;

/// The kinds that are used, by the file of their group.
const KINDS: [(&str, &[&str]); 8] = [
    ("api__v1", &["ConfigMap", "Namespace", "PersistentVolumeClaim", "Service", "ServiceAccount"]),
    ("apis__apps__v1", &["Deployment", "StatefulSet"]),
    ("apis__autoscaling__v2", &["HorizontalPodAutoscaler"]),
    ("apis__batch__v1", &["CronJob"]),
    ("apis__networking.k8s.io__v1", &["NetworkPolicy"]),
    ("apis__policy__v1", &["PodDisruptionBudget"]),
    ("apis__rbac.authorization.k8s.io__v1", &["Role", "RoleBinding"]),
    ("apis__storage.k8s.io__v1", &["StorageClass"]),
];
/// What is kept of a description.
const KEPT: [&str; 13] = [
    "$ref",
    "additionalProperties",
    "allOf",
    "enum",
    "format",
    "items",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
];
/// Fields that only the API server writes.
const WRITTEN_BY_THE_SERVER: [&str; 2] = ["status", "managedFields"];

#[test]
#[ignore = "cargo xtask test-k8s: needs the sources"]
fn the_descriptions_are_those_of_kubernetes() {
    compare("kubernetes.json", &lines(&kubernetes(&tools::kubernetes_source().unwrap())));
}

#[test]
#[ignore = "cargo xtask test-k8s: needs the sources"]
fn the_descriptions_are_those_of_the_operator() {
    let source = tools::external_secrets_source().unwrap();
    let file = source.join("config/crds/bases/external-secrets.io_externalsecrets.yaml");
    let whole: Value = serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    compare("external-secrets.json", &(format!("{:#}", custom(&whole)) + "\n"));
}

fn compare(name: &str, made: &str) {
    let file = folder().join(name);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&file, made).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == made, "{} is not what the source says: UPDATE_SCHEMAS=1", file.display());
}

fn kubernetes(source: &Path) -> Value {
    let (mut kinds, mut shared) = (BTreeMap::new(), BTreeMap::new());
    for (group, wanted) in KINDS {
        let file = source.join(format!("api/openapi-spec/v3/{group}_openapi.json"));
        let document: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let all = document["components"]["schemas"].as_object().unwrap();
        for kind in wanted {
            let named = |schema: &Value| {
                let gvk = &schema["x-kubernetes-group-version-kind"];
                gvk.as_array().is_some_and(|all| all.len() == 1 && all[0]["kind"] == *kind)
            };
            let (name, schema) = all.iter().find(|(_, schema)| named(schema)).unwrap();
            let gvk = &schema["x-kubernetes-group-version-kind"][0];
            let (group, version) =
                (gvk["group"].as_str().unwrap(), gvk["version"].as_str().unwrap());
            let api =
                if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
            kinds.insert(format!("{api} {kind}"), reference(name));
            reach(name, all, &mut shared);
        }
    }
    let source =
        "Kubernetes 1.36.3, api/openapi-spec/v3 (Apache-2.0), reduced by checks/cluster/sources.rs";
    json!({"source": source, "kinds": kinds, "schemas": shared})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Keeps a description and all that it refers to.
fn reach(name: &str, all: &Map<String, Value>, kept: &mut BTreeMap<String, Value>) {
    if kept.contains_key(name) {
        return;
    }
    let schema = reduced(&all[name]);
    kept.insert(name.to_owned(), schema.clone());
    let text = schema.to_string();
    let references = text.split("#/components/schemas/").skip(1);
    for reference in references.filter_map(|rest| rest.split('"').next()) {
        reach(reference, all, kept);
    }
}

fn reduced(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let kept = fields.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
    kept.map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("properties", Value::Object(fields)) => fields
                .iter()
                .filter(|(name, _)| !WRITTEN_BY_THE_SERVER.contains(&name.as_str()))
                .map(|(name, field)| (name.clone(), reduced(field)))
                .collect(),
            ("allOf" | "oneOf", Value::Array(parts)) => parts.iter().map(reduced).collect(),
            (_, value) => reduced(value),
        };
        (name.clone(), value)
    })
    .collect()
}

/// As the API server takes it, with the one version that is used.
fn custom(whole: &Value) -> Value {
    let versions = whole["spec"]["versions"].as_array().unwrap();
    let version = versions.iter().find(|version| version["name"] == "v1").unwrap();
    json!({
        "apiVersion": whole["apiVersion"],
        "kind": whole["kind"],
        "metadata": {
            "name": whole["metadata"]["name"],
            "annotations": {"source": "External Secrets Operator 1.3.2, config/crds/bases (Apache-2.0), reduced by checks/cluster/sources.rs"},
        },
        "spec": {
            "group": whole["spec"]["group"],
            "names": whole["spec"]["names"],
            "scope": whole["spec"]["scope"],
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": reduced(&version["schema"]["openAPIV3Schema"])},
            }],
        },
    })
}

/// A line for each description, so that a change is seen.
fn lines(document: &Value) -> String {
    let table = |name: &str| {
        let entries = document[name].as_object().unwrap().iter();
        let entries: Vec<_> =
            entries.map(|(name, value)| format!("  {}: {value}", json!(name))).collect();
        entries.join(",\n")
    };
    format!(
        "{{\n\"source\": {},\n\"kinds\": {{\n{}\n}},\n\"schemas\": {{\n{}\n}}\n}}\n",
        document["source"],
        table("kinds"),
        table("schemas")
    )
}
