//! What kustomize makes of an overlay.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use xtask::{tools, workspace};

/// Every overlay.
pub const OVERLAYS: [&str; 3] = ["dev", "staging", "production"];

/// One object of the API.
pub type Object = Value;

/// The objects of an overlay.
pub fn overlay(name: &str) -> Vec<Object> {
    static RENDERED: OnceLock<Vec<(&str, Vec<Object>)>> = OnceLock::new();
    let all = RENDERED.get_or_init(|| {
        OVERLAYS.iter().map(|name| (*name, parse(&text(&format!("overlays/{name}"))))).collect()
    });
    let (_, objects) = all.iter().find(|(known, _)| *known == name).expect("an overlay");
    objects.clone()
}

/// A file of a ConfigMap, whose name has the hash of what is in it behind it.
pub fn file(objects: &[Object], map: &str, file: &str) -> Option<String> {
    let named = |one: &&Object| name(one).rsplit_once('-').is_some_and(|(stem, _)| stem == map);
    let map = of_kind(objects, "ConfigMap").find(named)?;
    Some(map["data"][file].as_str().unwrap().to_owned())
}

/// An overlay whose identity provider is outside of the cluster and tells of logouts.
pub fn with_logouts_from_outside() -> Vec<Object> {
    parse(&text("../tests/kubernetes/variants/logouts-from-outside"))
}

/// dev with the module copied by an init container.
pub fn with_init_container() -> String {
    text("../tests/kubernetes/variants/init-container")
}

/// What a folder below `kubernetes/` is rendered to.
pub fn text(folder: &str) -> String {
    let folder = workspace::root().join("kubernetes").join(folder);
    let kustomize = tools::kustomize().unwrap();
    let output = Command::new(kustomize).arg("build").arg(&folder).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kustomize build {}: {error}", folder.display());
    assert!(error.is_empty(), "kustomize build {} warns: {error}", folder.display());
    String::from_utf8(output.stdout).unwrap()
}

/// The documents of a text. A line of three dashes in a block would be indented.
pub fn parse(text: &str) -> Vec<Object> {
    let documents = text.split("\n---\n").filter(|one| !one.trim().is_empty());
    documents.map(|one| serde_saphyr::from_str(one).unwrap()).collect()
}

/// A text in an object; empty when it is not there.
pub fn at<'o>(object: &'o Value, pointer: &str) -> &'o str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list in an object; none when it is not there.
pub fn items<'o>(object: &'o Value, pointer: &str) -> &'o [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub fn kind(object: &Object) -> &str {
    at(object, "/kind")
}

pub fn name(object: &Object) -> &str {
    at(object, "/metadata/name")
}

/// What a message calls it.
pub fn called(object: &Object) -> String {
    format!("{} {}", kind(object), name(object))
}

pub fn of_kind<'o>(objects: &'o [Object], wanted: &'o str) -> impl Iterator<Item = &'o Object> {
    objects.iter().filter(move |object| kind(object) == wanted)
}

/// The form of its pods; of everything else nothing.
pub fn pod_template(object: &Object) -> Option<&Value> {
    match kind(object) {
        "Deployment" | "StatefulSet" | "Job" | "DaemonSet" | "ReplicaSet" => {
            object.pointer("/spec/template")
        }
        "CronJob" => object.pointer("/spec/jobTemplate/spec/template"),
        "Pod" => Some(object),
        _ => None,
    }
}

/// What runs, with the form of its pods.
pub fn workloads(objects: &[Object]) -> impl Iterator<Item = (&Object, &Value)> {
    objects.iter().filter_map(|object| Some((object, pod_template(object)?)))
}
