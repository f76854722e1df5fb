//! Objects against the descriptions of their kinds, strictly: a field that a kind does not have is an
//! error, because the API server would drop it, and what it was to do would not happen.
//!
//! The descriptions are reduced copies of those that Kubernetes 1.36.3 and the External Secrets Operator
//! 1.3.2 publish (`schemas/`); `cargo xtask test-k8s` compares them with the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::rendered::{OVERLAYS, called, kind, of_kind, overlay};

pub struct Schemas {
    /// `apps/v1 Deployment` → its description.
    kinds: BTreeMap<String, Value>,
    shared: BTreeMap<String, Value>,
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

impl Schemas {
    pub fn committed() -> Self {
        let read = |name: &str| fs::read_to_string(folder().join(name)).unwrap();
        let kubernetes: Value = serde_json::from_str(&read("kubernetes.json")).unwrap();
        let table = |name: &str| serde_json::from_value(kubernetes[name].clone()).unwrap();
        let mut schemas = Self { kinds: table("kinds"), shared: table("schemas") };
        let custom: Value = serde_json::from_str(&read("external-secrets.json")).unwrap();
        let spec = &custom["spec"];
        for version in spec["versions"].as_array().unwrap() {
            let api = format!(
                "{}/{}",
                spec["group"].as_str().unwrap(),
                version["name"].as_str().unwrap()
            );
            let named = format!("{api} {}", spec["names"]["kind"].as_str().unwrap());
            schemas.kinds.insert(named, version["schema"]["openAPIV3Schema"].clone());
        }
        schemas
    }

    /// What is wrong with an object, each with its place.
    pub fn errors(&self, object: &Value) -> Vec<String> {
        let named =
            format!("{} {}", object["apiVersion"].as_str().unwrap_or_default(), kind(object));
        let Some(schema) = self.kinds.get(&named) else {
            return vec![format!("{}: no description of `{named}` in schemas/", called(object))];
        };
        let mut errors = Vec::new();
        self.check(schema, object, "", &mut errors);
        errors.into_iter().map(|error| format!("{}: {error}", called(object))).collect()
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, errors: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            let Some(shared) = self.shared.get(name) else {
                return errors.push(format!("{at}: no description of {name}"));
            };
            return self.check(shared, value, at, errors);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(part, value, at, errors);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let fits = |choice: &Value| {
                let mut wrong = Vec::new();
                self.check(choice, value, at, &mut wrong);
                wrong.is_empty()
            };
            if !choices.iter().any(fits) {
                errors.push(format!("{at}: {value} is none of what it may be"));
            }
        }
        let allowed = schema["enum"].as_array();
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            errors.push(format!("{at}: {value} is not one of {}", schema["enum"]));
        }
        self.check_type(schema, value, at, errors);
    }

    fn check_type(&self, schema: &Value, value: &Value, at: &str, errors: &mut Vec<String>) {
        let either = schema["x-kubernetes-int-or-string"] == true;
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some(_) => false,
            None => !either || value.is_string() || value.is_i64(),
        };
        if !fits {
            return errors.push(format!("{at}: {value} is no {}", schema["type"]));
        }
        match value {
            Value::Object(fields) => self.check_fields(schema, fields, at, errors),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &format!("{at}/{index}"), errors);
                }
            }
            _ => {}
        }
    }

    fn check_fields(
        &self,
        schema: &Value,
        fields: &serde_json::Map<String, Value>,
        at: &str,
        errors: &mut Vec<String>,
    ) {
        for required in
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
        {
            if !fields.contains_key(required) {
                errors.push(format!("{at}/{required}: is required"));
            }
        }
        let free = schema["x-kubernetes-preserve-unknown-fields"] == true
            || (schema["properties"].is_null() && schema["additionalProperties"].is_null());
        for (name, value) in fields {
            let at = format!("{at}/{name}");
            let known = schema.pointer(&format!("/properties/{}", escaped(name)));
            let others = &schema["additionalProperties"];
            match known.or(others.is_object().then_some(others)) {
                Some(schema) => self.check(schema, value, &at, errors),
                None if free || *others == true => {}
                None => errors.push(format!("{at}: unknown field")),
            }
        }
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[test]
fn every_object_of_every_overlay_is_what_its_kind_says() {
    let schemas = Schemas::committed();
    for name in OVERLAYS {
        let objects = overlay(name);
        assert!(objects.len() > 40, "{name}: only {} objects", objects.len());
        let errors: Vec<_> = objects.iter().flat_map(|object| schemas.errors(object)).collect();
        assert!(errors.is_empty(), "{name}:\n{}", errors.join("\n"));
    }
}

/// The first object of a kind, changed, and what is said of it.
fn said_of(kind: &str, change: impl FnOnce(&mut Value)) -> String {
    let objects = overlay("production");
    let mut object = of_kind(&objects, kind).next().unwrap().clone();
    change(&mut object);
    Schemas::committed().errors(&object).join("\n")
}

#[test]
fn what_a_kind_does_not_have_is_refused() {
    let container = "/spec/template/spec/containers/0";
    let in_container = |name: &'static str, value: Value| {
        move |object: &mut Value| object.pointer_mut(container).unwrap()[name] = value
    };
    let unknown = said_of("Deployment", in_container("resource", serde_json::json!({})));
    assert_eq!(
        unknown,
        "Deployment authz-service: /spec/template/spec/containers/0/resource: unknown field"
    );
    let typed = said_of("Deployment", in_container("tty", "yes".into()));
    assert!(typed.ends_with("containers/0/tty: \"yes\" is no \"boolean\""), "{typed}");
    let port = serde_json::json!([{"name": "http"}]);
    let missing = said_of("Deployment", in_container("ports", port));
    assert!(missing.ends_with("containers/0/ports/0/containerPort: is required"), "{missing}");
    let amount = serde_json::json!({"limits": {"cpu": [1]}});
    let odd = said_of("Deployment", in_container("resources", amount));
    assert!(odd.contains("limits/cpu: [1] is none of what it may be"), "{odd}");
    let nothing = said_of("Deployment", in_container("image", Value::Null));
    assert!(nothing.contains("image: null is no"), "{nothing}");
}

#[test]
fn kinds_of_others_are_held_to_theirs() {
    let unknown = said_of("ExternalSecret", |object| object["spec"]["refresh"] = "1h".into());
    assert_eq!(unknown, "ExternalSecret authz: /spec/refresh: unknown field");
    let chosen = said_of("ExternalSecret", |object| {
        object["spec"]["target"]["creationPolicy"] = "Mine".into();
    });
    assert!(chosen.contains("creationPolicy: \"Mine\" is not one of"), "{chosen}");
    let nobodys = said_of("Service", |object| object["apiVersion"] = "v2".into());
    assert_eq!(nobodys, "Service authz-service: no description of `v2 Service` in schemas/");
}
