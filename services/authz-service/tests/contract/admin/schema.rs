//! Whether an answer is one that the OpenAPI document allows. Every answer that the tests of the
//! administration get is held to it.

use std::sync::OnceLock;

use serde_json::Value;

use crate::http::Reply;

/// The document; the same for every service of this build.
static DOCUMENT: OnceLock<Value> = OnceLock::new();

/// An operation of the document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation {
    pub(super) method: String,
    pub(super) template: String,
}

/// The document, which `fetch` fetches once.
pub(super) fn document(fetch: impl FnOnce() -> Value) -> &'static Value {
    DOCUMENT.get_or_init(fetch)
}

/// Every operation of the document.
pub(super) fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let operation =
            |method: &String| Operation { method: method.to_uppercase(), template: path.clone() };
        methods.as_object().unwrap().keys().map(operation).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// The operation that answers to this; none for a path or method that there is not.
pub(super) fn operation(document: &Value, method: &str, target: &str) -> Option<Operation> {
    let path = target.split('?').next().unwrap();
    let matches = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template.zip(path).all(|(t, p)| t == p || (t.starts_with('{') && !p.is_empty()))
    };
    let found = operations(document).into_iter().filter(|one| one.method == method);
    // Words before names: `/policies/check` is no policy called so.
    found.filter(|one| matches(&one.template)).min_by_key(|one| one.template.matches('{').count())
}

/// Panics when the document does not allow this answer.
pub(super) fn check(document: &Value, method: &str, target: &str, reply: &Reply) {
    let at = format!("{method} {target} {}", reply.status);
    let problem = &document["components"]["schemas"]["Problem"];
    let Some(operation) = operation(document, method, target) else {
        assert!([404, 405].contains(&reply.status), "{at}");
        return fit(document, problem, &reply.json(), &at);
    };
    let methods = &document["paths"][&operation.template];
    let known = &methods[method.to_lowercase()]["responses"][reply.status.to_string()];
    assert!(known.is_object(), "{at}: not in the document: {}", reply.body);
    let Some((kind, content)) = known["content"].as_object().and_then(|all| all.iter().next())
    else {
        return assert_eq!(reply.body, "", "{at}");
    };
    assert_eq!(reply.header("content-type"), Some(kind.as_str()), "{at}");
    let body = reply.json();
    fit(document, &content["schema"], &body, &at);
    if kind == "application/problem+json" {
        assert_eq!(body["status"], reply.status, "{at}");
    }
}

fn fit(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Err(problem) = fits(document, schema, value, at) {
        panic!("{problem}");
    }
}

/// Enough of JSON Schema for what the document uses.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(name.trim_start_matches('#')).unwrap();
        return fits(document, schema, value, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(document, part, value, at)?;
    }
    if let Some(parts) = schema["oneOf"].as_array() {
        let fitting = parts.iter().filter(|part| fits(document, part, value, at).is_ok()).count();
        if fitting != 1 {
            return Err(format!("{at}: {fitting} alternatives fit {value}"));
        }
    }
    is_one(schema, value, at)?;
    members(document, schema, value, at)?;
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            fits(document, &schema["items"], item, &format!("{at}[{index}]"))?;
        }
    }
    Ok(())
}

/// By itself, without what is in it.
fn is_one(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let known = match &schema["type"] {
        Value::String(known) => known == kind,
        Value::Array(known) => known.iter().any(|known| known == kind),
        _ => true,
    };
    let one_of = schema["enum"].as_array();
    let length = value.as_str().map(|text| text.chars().count() as u64);
    let within = |least: &str, most: &str, size: Option<u64>| match size {
        Some(size) => {
            schema[least].as_u64().is_none_or(|least| size >= least)
                && schema[most].as_u64().is_none_or(|most| size <= most)
        }
        None => true,
    };
    let is_instant = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
    let is_dated = schema["format"] != "date-time" || value.as_str().is_none_or(is_instant);
    let is_it = known
        && (schema["const"].is_null() || schema["const"] == *value)
        && one_of.is_none_or(|all| all.contains(value))
        && within("minLength", "maxLength", length)
        && within("minimum", "maximum", value.as_u64())
        && is_dated;
    if is_it { Ok(()) } else { Err(format!("{at}: {value} is not {schema}")) }
}

fn members(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            return Err(format!("{at}: has no {name}"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => fits(document, schema, member, &format!("{at}.{name}"))?,
            None if schema["additionalProperties"] == false => {
                return Err(format!("{at}: {name} is not known"));
            }
            None => {}
        }
    }
    Ok(())
}
