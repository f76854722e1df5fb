//! The configuration's form as a JSON Schema, for editors and for whoever generates configurations.
//!
//! Generated from the types that read it, so that it cannot say anything else than they do. It knows
//! the form only: what entries mean together is found by compiling them ([`crate::policy`]).

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Config, Span};

/// The schema of [`Config`], in the dialect of 2020-12, its members sorted by name.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
    let mut schema = Value::from(settings.into_generator().into_root_schema_for::<Config>());
    schema.sort_all_objects();
    schema
}

/// Descriptions as they read, not as the source breaks them; no default where there is none.
fn tidy(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
}

/// A text in place of an object.
pub(super) fn or_text(schema: &mut Schema) {
    or(schema, vec![json!({"type": "string"})]);
}

/// A text or a list of them in place of an object.
pub(super) fn or_texts(schema: &mut Schema) {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    or(schema, vec![json!({"type": "string"}), texts]);
}

fn or(schema: &mut Schema, mut forms: Vec<Value>) {
    let description = schema.remove("description");
    forms.push(schema.as_value().clone());
    *schema = json_schema!({"anyOf": forms});
    if let Some(description) = description {
        schema.insert("description".to_owned(), description);
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A whole number and one of ms, s, m, h.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h)$",
        })
    }
}

/// For the defaults that the schema names.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
