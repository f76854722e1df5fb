//! What nobody has filled in: the module by anything but a digest, and names that are reserved for examples (RFC 2606).

use serde_json::Value;

use super::{Environment, Finding};
use crate::gateway::manifests::kind;

/// Never anybody's.
const NOBODYS: &str = ".invalid";
/// Good enough on a laptop.
const EXAMPLES: &str = ".example.com";
/// Images that hold the module, by the last part of their names.
const MODULES: [&str; 2] = ["filter", "filter-installer"];
const FILL_IN: &str = "put your own name in an overlay (docs/kubernetes.md, docs/gateway-api.md)";
const BY_DIGEST: &str = "name it with --image NAME@sha256:…, or by `digest` in an overlay's images; \
     `cargo xtask package --push REGISTRY` prints it";

pub(super) fn find(objects: &[Value], environment: Environment) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in objects {
        // Of the live ones: what others write there is not ours to fill in.
        let ours = without(object, &["status", "managedFields"]);
        let mut texts = Vec::new();
        collect(&ours, &mut texts);
        let mut hosts: Vec<_> = texts.iter().flat_map(|text| hosts(text, environment)).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let names = hosts.into_iter();
        findings.extend(
            names.map(|host| Finding::of(object, format!("`{host}` is nobody's name"), FILL_IN)),
        );
        findings.extend(modules(&ours).into_iter().map(|image| {
            let what = format!("the module's image `{image}` is not named by its digest");
            Finding::of(object, what, BY_DIGEST)
        }));
    }
    findings
}

fn without(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !names.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), without(value, names))).collect()
        }
        Value::Array(items) => items.iter().map(|item| without(item, names)).collect(),
        other => other.clone(),
    }
}

fn collect<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|item| collect(item, texts)),
        _ => {}
    }
}

/// Names in a text that stand for others. Behind an `@` they are people's, in the demo's data.
fn hosts(text: &str, environment: Environment) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".-@_".contains(c);
    let words = text.split(|c| !is_part(c)).map(|word| word.trim_end_matches('.'));
    let is_open = |word: &&str| {
        word.ends_with(NOBODYS) || environment != Environment::Dev && word.ends_with(EXAMPLES)
    };
    words.filter(|word| !word.contains('@')).filter(is_open).collect()
}

/// Images with the module that are not named by a digest.
fn modules(object: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if kind(object) == "EnvoyExtensionPolicy" {
        let codes = object.pointer("/spec/wasm").and_then(Value::as_array).into_iter().flatten();
        for image in codes.filter_map(|one| one.pointer("/code/image")) {
            let url = image.get("url").and_then(Value::as_str).unwrap_or_default();
            let beside = image.get("sha256").and_then(Value::as_str);
            if !by_digest(url) && !beside.is_some_and(is_digest) {
                found.push(url.to_owned());
            }
        }
    }
    let mut texts = Vec::new();
    images(object, &mut texts);
    let holds = |image: &&&str| {
        let name = image.split(['@']).next().unwrap_or_default();
        let last = name.rsplit('/').next().unwrap_or_default();
        MODULES.contains(&last.split(':').next().unwrap_or_default())
    };
    found.extend(
        texts.iter().filter(holds).filter(|one| !by_digest(one)).map(|one| (*one).to_owned()),
    );
    found
}

/// Of containers and of volumes.
fn images<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| images(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "image" || name == "reference" => {
                        found.push(text);
                    }
                    _ => images(value, found),
                }
            }
        }
        _ => {}
    }
}

fn by_digest(image: &str) -> bool {
    image.split_once("@sha256:").is_some_and(|(_, digest)| is_digest(digest))
}

fn is_digest(text: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    text.len() == 64 && text.chars().all(is_hex) && text.chars().any(|c| c != '0')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(url: &str) -> Value {
        json!({"kind": "EnvoyExtensionPolicy", "metadata": {"name": "p"},
            "spec": {"wasm": [{"code": {"image": {"url": url}}}]}})
    }

    fn digest() -> String {
        "1f".repeat(32)
    }

    #[test]
    fn the_module_has_to_be_named_by_a_digest() {
        let find = |object: &Value| find(std::slice::from_ref(object), Environment::Dev).len();
        assert_eq!(find(&policy("ghcr.io/x/filter:0.1.0")), 1);
        assert_eq!(find(&policy(&format!("ghcr.io/x/filter@sha256:{}", "0".repeat(64)))), 1);
        assert_eq!(find(&policy("ghcr.io/x/filter@sha256:12")), 1);
        assert_eq!(find(&policy(&format!("ghcr.io/x/filter@sha256:{}", digest()))), 0);
        let pod = |reference: &str| {
            json!({"kind": "Deployment", "metadata": {"name": "d"},
            "volumes": [{"image": {"reference": reference}}], "containers": [{"image": "envoy:1"}]})
        };
        assert_eq!(find(&pod("ghcr.io/x/filter:0.1.0")), 1);
        assert_eq!(find(&pod(&format!("ghcr.io/x/filter@sha256:{}", digest()))), 0);
        let copied = json!({"kind": "Deployment", "initContainers": [{"image": "r:5000/filter-installer:1"}]});
        assert_eq!(find(&copied), 1);
    }

    #[test]
    fn the_manifests_own_placeholder_is_refused_everywhere() {
        let url = format!("image-by-digest.invalid/x/filter@sha256:{}", digest());
        let findings = find(&[policy(&url)], Environment::Dev);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("image-by-digest.invalid"), "{findings:?}");
    }

    #[test]
    fn examples_are_for_laptops_and_people_may_be_examples() {
        let host = |text: &str, environment| hosts(text, environment).len();
        let issuer = "issuer: https://login.example.com/realms/x\n";
        assert_eq!(host(issuer, Environment::Dev), 0);
        assert_eq!(host(issuer, Environment::Staging), 1);
        assert_eq!(host("api.example.com.", Environment::Production), 1);
        assert_eq!(host("test.user@example.com", Environment::Production), 0);
        assert_eq!(host("test@mail.example.com", Environment::Production), 0);
        assert_eq!(host("api.example.community", Environment::Production), 0);
    }

    #[test]
    fn what_others_write_into_an_object_is_not_ours_to_fill_in() {
        let live = json!({"kind": "Gateway", "status": {"addresses": [{"value": "lb.invalid"}]}});
        assert_eq!(find(&[live], Environment::Production), []);
    }
}
