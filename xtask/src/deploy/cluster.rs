//! The cluster, by way of `kubectl`: whose version and credentials are the user's. Every call has a limit. It must never
//! read Secrets, but for whether one of a name is there.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Target;
use crate::gateway::manifests::{kind, name};
use crate::run::{self, Scratch};
use crate::{say, tools};

/// For one call, of which the API server gets less.
const CALL: Duration = Duration::from_secs(90);
const REQUEST: &str = "--request-timeout=60s";
/// Whose fields they are that are applied.
const MANAGER: &str = "--field-manager=claimgate";

pub(super) struct Cluster {
    kubectl: PathBuf,
    context: Option<String>,
}

impl Cluster {
    pub(super) fn of(target: &Target) -> Result<Self> {
        Ok(Self { kubectl: tools::kubectl()?, context: target.context.clone() })
    }

    /// What a process needs that speaks with the same cluster.
    pub(super) fn command(&self) -> (PathBuf, Vec<String>) {
        let context = self.context.iter().map(|context| format!("--context={context}"));
        (self.kubectl.clone(), context.collect())
    }

    /// The objects of these kinds and names that are there.
    pub(super) fn live(&self, objects: &[Value]) -> Result<Vec<Value>> {
        let wanted = References::of(objects)?;
        let args = ["get", "--ignore-not-found", "-o", "json", "-f", &wanted.file];
        Ok(items(&self.run(&args)?))
    }

    /// The objects of a kind with a label.
    pub(super) fn labelled(&self, kind: &str, namespace: &str, label: &str) -> Result<Vec<Value>> {
        Ok(items(&self.run(&["get", kind, "-n", namespace, "-l", label, "-o", "json"])?))
    }

    /// All objects of a kind.
    pub(super) fn all(&self, kind: &str, namespace: &str) -> Result<Vec<Value>> {
        Ok(items(&self.run(&["get", kind, "-n", namespace, "-o", "json"])?))
    }

    /// What the API server says at a path of its own.
    pub(super) fn raw(&self, path: &str) -> Result<Value> {
        let said = self.run(&["get", "--raw", path])?;
        items(&said).into_iter().next().with_context(|| format!("{path} says nothing"))
    }

    /// The command by which somebody else removes it.
    pub(super) fn delete_command(&self, object: &Value) -> String {
        let context = self.context.iter().map(|context| format!(" --context={context}"));
        let namespace = namespace(object).map(|namespace| format!(" -n {namespace}"));
        let begun: String = context.chain(namespace).collect();
        let group = group(object).map(|group| format!(".{group}")).unwrap_or_default();
        let kind = kind(object).to_lowercase();
        format!("kubectl{begun} delete {kind}{group}/{}", name(object))
    }

    /// Whether there is one of this name. Nothing else about it is asked for.
    pub(super) fn has(&self, kind: &str, namespace: &str, name: &str) -> Result<bool> {
        let args = ["get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "name"];
        Ok(self.run(&args)?.contains(&format!("/{name}")))
    }

    pub(super) fn apply(&self, objects: &[Value]) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let file = References::whole(objects)?;
        let how = ["--server-side", "--force-conflicts", "--validate=strict", MANAGER];
        self.run(&[&["apply"], &how[..], &["-f", &file.file]].concat()).map(drop)
    }

    /// Secrets are made in them by hand, before anything else is there: they stay whatever happens.
    pub(super) fn make_namespaces(&self, objects: &[Value]) -> Result<()> {
        let all = objects.iter().filter(|one| kind(one) == "Namespace");
        self.apply(&all.cloned().collect::<Vec<_>>())
    }

    /// Puts one back as it was.
    pub(super) fn replace(&self, object: &Value) -> Result<()> {
        let file = References::whole(std::slice::from_ref(object))?;
        self.run(&["replace", MANAGER, "-f", &file.file]).map(drop)
    }

    /// All of them, in this order.
    pub(super) fn delete(&self, objects: &[Value]) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let file = References::of(objects)?;
        self.run(&["delete", "--ignore-not-found", "--timeout=60s", "-f", &file.file]).map(drop)
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let (_, context) = self.command();
        let context = context.iter().map(String::as_str);
        let all: Vec<&str> = context.chain([REQUEST]).chain(args.iter().copied()).collect();
        run::capture(&self.kubectl, &all, CALL)
    }
}

/// Objects in a file that is gone afterwards.
struct References {
    file: String,
    _folder: Scratch,
}

impl References {
    fn whole(objects: &[Value]) -> Result<Self> {
        Self::write(&json!({"apiVersion": "v1", "kind": "List", "items": objects}))
    }

    /// Which ones, and nothing else of them.
    fn of(objects: &[Value]) -> Result<Self> {
        let reference = |one: &Value| {
            json!({
                "apiVersion": one.get("apiVersion"),
                "kind": kind(one),
                "metadata": {"name": name(one), "namespace": namespace(one)},
            })
        };
        let all: Vec<_> = objects.iter().map(reference).collect();
        Self::write(&json!({"apiVersion": "v1", "kind": "List", "items": all}))
    }

    fn write(list: &Value) -> Result<Self> {
        let folder = Scratch::new("objects")?;
        let file = folder.path().join("list.json");
        fs::write(&file, list.to_string()).with_context(|| file.display().to_string())?;
        Ok(Self { file: file.display().to_string(), _folder: folder })
    }
}

/// Of a list, or of one object; none of an empty answer. `kubectl` may warn before it answers.
fn items(said: &str) -> Vec<Value> {
    let answer = said.find('{').and_then(|at| said.get(at..)).unwrap_or_default();
    let first = serde_json::Deserializer::from_str(answer).into_iter::<Value>().next();
    let Some(Ok(mut answer)) = first else {
        if !answer.is_empty() {
            say(format_args!("kubectl said what is no object: {said}"));
        }
        return Vec::new();
    };
    match answer.pointer_mut("/items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => vec![answer],
    }
}

pub(super) fn namespace(object: &Value) -> Option<&str> {
    object.pointer("/metadata/namespace").and_then(Value::as_str)
}

/// What messages call it.
pub(super) fn called(object: &Value) -> String {
    match namespace(object) {
        Some(namespace) => format!("{} {namespace}/{}", kind(object), name(object)),
        None => format!("{} {}", kind(object), name(object)),
    }
}

/// Whether it is the same one, of perhaps another version. kustomize gives a namespace to kinds that have none, when it
/// does not know them.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let is_beside = match (namespace(one), namespace(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    is_beside && (kind(one), name(one), group(one)) == (kind(other), name(other), group(other))
}

/// Of its version; the first kinds of Kubernetes have none.
fn group(object: &Value) -> Option<&str> {
    let version = object.get("apiVersion").and_then(Value::as_str)?;
    version.split_once('/').map(|(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_list_one_object_or_nothing() {
        assert_eq!(items("").len(), 0);
        assert_eq!(items(r#"{"kind": "Gateway"}"#).len(), 1);
        assert_eq!(items(r#"{"kind": "List", "items": [{}, {}]}"#).len(), 2);
        let warned = "Warning: v1 is old\n{\"kind\": \"List\", \"items\": [{}]}\n";
        assert_eq!(items(warned).len(), 1);
    }

    #[test]
    fn the_command_that_removes_names_group_namespace_and_context() {
        let cluster = |context: Option<&str>| Cluster {
            kubectl: PathBuf::from("kubectl"),
            context: context.map(str::to_owned),
        };
        let route = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "old", "namespace": "n"}});
        let expected = "kubectl -n n delete httproute.gateway.networking.k8s.io/old";
        assert_eq!(cluster(None).delete_command(&route), expected);
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "old", "namespace": "n"}});
        let expected = "kubectl --context=mine -n n delete service/old";
        assert_eq!(cluster(Some("mine")).delete_command(&service), expected);
    }

    #[test]
    fn an_object_is_the_same_in_another_version_and_not_in_another_namespace() {
        let object = |version: &str, namespace: &str| json!({"apiVersion": version, "kind": "X", "metadata": {"name": "x", "namespace": namespace}});
        assert!(same(&object("a/v1", "n"), &object("a/v2", "n")));
        assert!(!same(&object("a/v1", "n"), &object("b/v1", "n")));
        assert!(!same(&object("a/v1", "n"), &object("a/v1", "m")));
        let of_the_cluster = json!({"apiVersion": "a/v1", "kind": "X", "metadata": {"name": "x"}});
        assert!(same(&object("a/v1", "n"), &of_the_cluster));
    }
}
