//! `claimgate schema`: the schema takes what the filter takes, and refuses what has another form.
//!
//! A validator for the few keywords that the schema uses, which fails on any other, so that nothing is
//! taken for checked that is not.

use std::fs;

use serde_json::{Map, Value};

use crate::support::{root, run};

fn printed() -> Value {
    let ran = run(&["schema"]);
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn the_published_schema_is_the_printed_one() {
    let file = root().join("docs/reference/config.schema.json");
    let text = run(&["schema"]).stdout;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let published = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        published == text,
        "run with UPDATE_GOLDEN=1, or `claimgate schema > {}`",
        file.display()
    );
}

#[test]
fn every_good_configuration_fits_the_schema() {
    let schema = printed();
    let mut good = 0;
    for (name, config, expected) in golden() {
        if !expected.starts_with("error: ") {
            let misfit = misfit(&schema, &schema, &config);
            assert_eq!(misfit, None, "{name}");
            good += 1;
        }
    }
    assert!(good >= 5, "only {good} good configurations");
}

/// The errors that reading a configuration gives, before anything is compiled: those of its form.
#[test]
fn configurations_of_another_form_do_not_fit_it() {
    let schema = printed();
    let form =
        ["unknown field", "unknown variant", "missing field", "invalid type", "not a duration"];
    let mut bad = 0;
    for (name, config, expected) in golden() {
        if form.iter().any(|what| expected.contains(what)) {
            assert!(misfit(&schema, &schema, &config).is_some(), "{name} fits the schema");
            bad += 1;
        }
    }
    assert!(bad >= 5, "only {bad} configurations of another form");
}

#[test]
fn every_entry_says_what_it_is() {
    let schema = printed();
    let mut silent = Vec::new();
    for (name, definition) in
        schema["$defs"].as_object().unwrap().iter().chain([(&"Config".into(), &schema)])
    {
        let fields = definition["properties"].as_object().into_iter().flatten();
        silent.extend(
            fields.filter(|(_, f)| f["description"].is_null()).map(|(f, _)| format!("{name}.{f}")),
        );
    }
    assert_eq!(silent, Vec::<String>::new());
}

/// Name, configuration and expected outcome of each golden configuration.
fn golden() -> impl Iterator<Item = (String, Value, String)> {
    let folder = root().join("tests/testdata/config");
    fs::read_dir(folder).unwrap().filter_map(|entry| {
        let file = entry.unwrap().path().display().to_string();
        let name = file.strip_suffix(".in.yaml")?.to_owned();
        let config = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let expected = fs::read_to_string(format!("{name}.out")).unwrap();
        Some((name, config, expected))
    })
}

/// The first thing about a value that does not fit.
fn misfit(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let Value::Object(schema) = schema else {
        return (schema == &Value::Bool(false)).then(|| format!("{value} is never right"));
    };
    schema.iter().find_map(|(keyword, wanted)| {
        let below = |schema: &Value| misfit(root, schema, value);
        let schemas = || wanted.as_array().unwrap().iter();
        match keyword.as_str() {
            "$defs" | "$schema" | "default" | "description" | "format" | "title" => None,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                below(root.pointer(pointer).unwrap())
            }
            "type" => wrong(has_type(wanted, value), value, wanted),
            "const" => wrong(value == wanted, value, wanted),
            "enum" => wrong(schemas().any(|one| one == value), value, wanted),
            "anyOf" => wrong(schemas().any(|one| below(one).is_none()), value, wanted),
            "oneOf" => {
                wrong(schemas().filter(|one| below(one).is_none()).count() == 1, value, wanted)
            }
            "pattern" => wrong(is_duration(wanted, value), value, wanted),
            "minimum" => wrong(value.as_f64() >= wanted.as_f64(), value, wanted),
            "maximum" => wrong(value.as_f64() <= wanted.as_f64(), value, wanted),
            "items" => value.as_array()?.iter().find_map(|item| misfit(root, wanted, item)),
            "required" => schemas().find_map(|name| {
                let missing = value.get(name.as_str().unwrap()).is_none();
                missing.then(|| format!("{name} is missing"))
            }),
            "properties" | "additionalProperties" => fields(root, schema, value),
            other => panic!("the schema uses `{other}`"),
        }
    })
}

fn fields(root: &Value, schema: &Map<String, Value>, value: &Value) -> Option<String> {
    value.as_object()?.iter().find_map(|(name, field)| {
        let known = schema.get("properties").and_then(|fields| fields.get(name));
        let wanted = known.or_else(|| schema.get("additionalProperties"))?;
        misfit(root, wanted, field).map(|why| format!("{name}: {why}"))
    })
}

fn wrong(good: bool, value: &Value, wanted: &Value) -> Option<String> {
    (!good).then(|| format!("{value} is not {wanted}"))
}

fn has_type(wanted: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type `{other}`"),
    };
    wanted.as_array().map_or_else(|| is(wanted), |types| types.iter().any(is))
}

/// The one pattern there is, without an engine for expressions.
fn is_duration(pattern: &Value, value: &Value) -> bool {
    assert_eq!(pattern, "^[0-9]+(ms|s|m|h)$");
    let Some(text) = value.as_str() else { return true };
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && ["ms", "s", "m", "h"].contains(&unit)
}
