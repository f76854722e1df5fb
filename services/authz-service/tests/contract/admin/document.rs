//! The OpenAPI document says what there is, and what there is answers.

use serde_json::{Value, json};

use super::Managed;

#[test]
fn every_path_and_method_of_the_document_answers() {
    let managed = Managed::start();
    let document = managed.get("/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    let token = managed.token("admin");
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/admin/v1").unwrap();
        let concrete = path.replace(['{', '}'], "");
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let reply = managed.with(&token, &method, &concrete, &[], None);
            assert!(![401, 403, 405].contains(&reply.status), "{method} {path}: {}", reply.body);
            assert!(reply.status < 500, "{method} {path}: {}", reply.body);
            // A path that is no route answers with the port's 404, which no handler gives.
            assert!(!reply.body.contains("No such resource."), "{method} {path}");
            let known = &operations[method.to_lowercase()]["responses"][reply.status.to_string()];
            assert!(known.is_object(), "{method} {path} answers {}", reply.status);
        }
        let reply = managed.with(&token, "PATCH", &concrete, &[], None);
        assert_eq!(reply.status, 405, "{path}");
        assert!(reply.header("allow").is_some(), "{path}");
    }
}

#[test]
fn answers_have_the_members_that_the_document_requires() {
    let managed = Managed::start();
    let document = managed.get("/openapi.json");
    managed.done("PUT", "/roles/boss", Some(&json!({"parents": ["editor"]})));
    managed.done("PUT", "/resources/record/1", Some(&json!({})));
    managed.done("POST", "/revocations", Some(&json!({"kind": "token", "jti": "1"})));
    for path in [
        "/info",
        "/subjects",
        "/roles",
        "/roles/boss",
        "/resources",
        "/resources/record/1",
        "/revocations",
        "/quotas",
        "/audit",
        "/policies",
        "/policies/versions",
    ] {
        let template = path.replace("/roles/boss", "/roles/{name}");
        let template = template.replace("/resources/record/1", "/resources/{type}/{id}");
        let operation = &document["paths"][format!("/admin/v1{template}")]["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{path}");
        check(&document, schema, &managed.get(path), path);
    }
}

/// Enough of JSON Schema for what the document uses: references, types, required members,
/// constants, alternatives, and members that are not known.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Err(problem) = fits(document, schema, value, at) {
        panic!("{problem}");
    }
}

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
    if !schema["const"].is_null() && schema["const"] != *value {
        return Err(format!("{at}: not {}", schema["const"]));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
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
    if !known {
        return Err(format!("{at}: {kind} is not {}", schema["type"]));
    }
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
    for item in value.as_array().into_iter().flatten() {
        if schema["items"].is_object() {
            fits(document, &schema["items"], item, at)?;
        }
    }
    Ok(())
}
