//! The OpenAPI 3.1 document: made from the table of endpoints and the schemas in `schemas.json`.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::routes::{ENDPOINTS, Endpoint};
use super::{PREFIX, answer};

const SCHEMAS: &str = include_str!("schemas.json");
/// A text without control characters, which may be empty.
const TEXT: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
/// The same, which may not.
const NAME: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";
/// A role's name.
const ROLE: &str = "^[A-Za-z0-9._:/-]{1,64}$";
/// An entity tag.
const TAG: &str = "^\"(0|[1-9][0-9]{0,17})\"$";
/// A kind and an id with `:` between.
const TARGET: &str = "^[^:\\u0000-\\u001f\\u007f-\\u009f]*:[^\\u0000-\\u001f\\u007f-\\u009f]*$";

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);

pub(super) async fn document() -> Response {
    answer::json(StatusCode::OK, &*DOCUMENT)
}

fn build() -> Value {
    let mut paths = Map::new();
    for endpoint in ENDPOINTS {
        let path = paths.entry(format!("{PREFIX}{}", endpoint.path)).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(endpoint.method.to_ascii_lowercase(), operation(endpoint));
        }
    }
    // Read by a test; without them the document would only be poorer.
    let schemas: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "authz-service administration",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"administrator": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "administrator": {"type": "http", "scheme": "bearer"},
            },
            "schemas": schemas,
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "description": format!(
            "Needs the right to `{}` the area `{}`.",
            endpoint.permission.action, endpoint.permission.area
        ),
        "parameters": parameters(endpoint),
        "responses": responses(endpoint),
    });
    if let (Some(schema), Some(members)) = (endpoint.takes, operation.as_object_mut()) {
        let body = json!({
            // A grant without an end needs none.
            "required": schema != "GrantPut",
            "content": {"application/json": {"schema": reference(schema)}},
        });
        members.insert("requestBody".into(), body);
    }
    operation
}

fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
    let method = endpoint.method.to_ascii_lowercase();
    std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let names = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{'));
    let in_path = names.map(|name| {
        let name = name.trim_end_matches('}');
        let is_role = name == "role" || endpoint.path.starts_with("/roles/");
        let pattern = if is_role { ROLE } else { NAME };
        json!({"name": name, "in": "path", "required": true,
               "schema": {"type": "string", "pattern": pattern}})
    });
    let in_query = endpoint.query.iter().map(|name| {
        let schema = match *name {
            "limit" => json!({"type": "integer", "minimum": 1, "maximum": super::page::MAX_LIMIT,
                              "default": super::page::DEFAULT_LIMIT}),
            "since" | "until" => json!({"type": "string", "format": "date-time"}),
            "target" => json!({"type": "string", "pattern": TARGET}),
            "actor" => json!({"type": "string", "pattern": NAME, "maxLength": 256}),
            _ => json!({"type": "string", "pattern": TEXT}),
        };
        json!({"name": name, "in": "query", "required": false, "schema": schema})
    });
    in_path.chain(in_query).chain(in_headers(endpoint)).collect()
}

/// What a change can be made to depend on.
fn in_headers(endpoint: &Endpoint) -> Vec<Value> {
    let header = |name: &str, schema: Value, about: &str| {
        json!({"name": name, "in": "header", "required": false, "description": about,
               "schema": schema})
    };
    if endpoint.permission.action != "change" || endpoint.path == "/policies/reload" {
        return Vec::new();
    }
    let (any, tag) = (json!({"const": "*"}), json!({"type": "string", "pattern": TAG}));
    let key = json!({"type": "string", "pattern": "^[!-~]([ -~]{0,254}[!-~])?$"});
    let once = "The same request under the same key happens once, for 24 h.";
    let matching = json!({"anyOf": [any.clone(), tag]});
    let mut headers = vec![
        header("If-Match", matching, "`*`, or the tag of what is changed."),
        header("Idempotency-Key", key, once),
    ];
    if endpoint.method == "PUT" {
        headers.push(header("If-None-Match", any, "`*`: what is put must not be there yet."));
    }
    headers
}

fn responses(endpoint: &Endpoint) -> Value {
    let good = json!({
        "description": "Done.",
        "content": {"application/json": {"schema": reference(endpoint.answers)}},
    });
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": {"application/problem+json": {"schema": reference("Problem")}},
        })
    };
    let mut responses = json!({
        "400": problem("The request is malformed; `field` says where."),
        "401": problem("No token, or none that counts here."),
        "403": problem("The administrator's roles do not allow it."),
        "404": problem("There is no such thing."),
        "503": problem("Not now; a change may have been made: ask again under the same key."),
    });
    let Some(members) = responses.as_object_mut() else { return responses };
    let is_read = endpoint.method == "GET";
    if is_read {
        members.insert("304".into(), json!({"description": "It is as the client has it."}));
    } else {
        members.insert("413".into(), problem("The body is too large."));
        members.insert("409".into(), problem("Something else stands in the way."));
        members.insert("412".into(), problem("It is not, or no longer, as the condition says."));
        members.insert("422".into(), problem("Understood, and not possible; `field` says why."));
    }
    if endpoint.path != "/revocations" || is_read {
        members.insert("200".into(), good.clone());
    }
    if matches!(endpoint.method, "PUT") || (endpoint.path == "/revocations" && !is_read) {
        members.insert("201".into(), good);
    }
    responses
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_that_the_document_names_is_in_it() {
        let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap();
        let text = DOCUMENT.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let mut ids: Vec<_> = ENDPOINTS.iter().map(operation_id).collect();
        ids.sort();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
