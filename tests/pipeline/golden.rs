//! Configurations against what they compile to, or the exact error they give.
//!
//! `tests/testdata/config/NAME.in.yaml` beside `NAME.out`; `UPDATE_GOLDEN=1` rewrites the latter,
//! so that every change of a message is seen in review.

use std::fs;
use std::path::{Path, PathBuf};

use claimgate::policy::Policy;
use serde_json::Value;

fn env(name: &str) -> Option<String> {
    match name {
        "AUTHZ_TOKEN" => Some("not-a-real-secret".to_owned()),
        "GATEWAY_SECRET" => Some("another-not-a-real-secret".to_owned()),
        "SPACED" => Some("not a header".to_owned()),
        "SECRET_15" => Some("s".repeat(15)),
        "SECRET_31" => Some("s".repeat(31)),
        "DPOP_NONCE_SECRET" | "SECRET_32" => Some("s".repeat(32)),
        "SECRET_64" => Some("s".repeat(64)),
        "IDENTITY_KEY" => Some(include_str!("../testdata/keys/p256-1.pem").to_owned()),
        "RSA_KEY" => Some(include_str!("../testdata/keys/rsa-1.pem").to_owned()),
        _ => None,
    }
}

fn compiled(input: &Path) -> String {
    let yaml = fs::read_to_string(input).unwrap();
    let value: Value = serde_saphyr::from_str(&yaml).unwrap();
    match Policy::from_document(value.to_string().as_bytes(), &env) {
        Ok(policy) => policy.to_string(),
        Err(error) => format!("error: {error}\n"),
    }
}

#[test]
fn configurations_compile_to_what_is_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/config");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<PathBuf> =
        entries.filter(|path| path.to_string_lossy().ends_with(".in.yaml")).collect();
    inputs.sort();
    assert!(inputs.len() >= 180, "only {} configurations found", inputs.len());
    let mut wrong = Vec::new();
    for input in inputs {
        let output = PathBuf::from(input.to_string_lossy().replace(".in.yaml", ".out"));
        let actual = compiled(&input);
        let secrets = ["not-a-real-secret", "not a header", "sss"];
        let told = secrets.iter().any(|secret| actual.contains(secret));
        assert!(!told, "{}", input.display());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&output, &actual).unwrap();
        } else if fs::read_to_string(&output).ok().as_deref() != Some(&actual) {
            wrong.push(format!("{}:\n{actual}", output.display()));
        }
    }
    assert!(wrong.is_empty(), "differ from what is written down:\n{}", wrong.join("\n"));
}

/// A page's examples are parts of a configuration; what they leave out is filled in here.
#[test]
fn the_examples_in_the_documentation_compile() {
    let rest = serde_json::json!({
        "version": "v1",
        "providers": [{
            "name": "idp", "issuer": "https://idp.test", "any_audience": true,
            "roles_claim": "roles", "jwks": {"cluster": "idp", "url": "https://idp.test/certs"},
        }],
        "routes": [{
            "name": "r", "match": {"path": "/r"}, "token": "required",
            "rules": [{"name": "all", "allow": {"always": true}}],
        }],
    });
    let pages = [
        "docs/tokens.md",
        "docs/rules.md",
        "docs/cel.md",
        "docs/freshness.md",
        "docs/decisions.md",
        "docs/signed-identity.md",
    ];
    let page = |page| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let texts = pages.map(page);
    let examples: Vec<_> = texts.iter().flat_map(|text| text.split("```yaml\n").skip(1)).collect();
    assert!(examples.len() >= 12, "only {} examples found", examples.len());
    for example in examples {
        let example = example.split("```").next().unwrap();
        let part: Value = serde_saphyr::from_str(example).unwrap();
        let mut whole = rest.clone();
        whole.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let compiled = Policy::from_document(whole.to_string().as_bytes(), &env);
        assert!(compiled.is_ok(), "{example}\n{}", compiled.unwrap_err());
    }
}

/// The demo's own configuration is the first one people copy.
#[test]
fn the_demos_configuration_compiles() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/envoy.yaml");
    let Ok(yaml) = fs::read_to_string(&path) else { panic!("{} is missing", path.display()) };
    let value: Value = serde_saphyr::from_str(&yaml).unwrap();
    let config =
        find(&value, &|value| value.get("routes").is_some() && value.get("version").is_some());
    let policy = Policy::from_document(config.unwrap().to_string().as_bytes(), &|_| None).unwrap();
    assert_eq!(policy.unmatched, 404);
}

fn find<'v>(value: &'v Value, wanted: &dyn Fn(&Value) -> bool) -> Option<&'v Value> {
    if wanted(value) {
        return Some(value);
    }
    match value {
        Value::Object(map) => map.values().find_map(|value| find(value, wanted)),
        Value::Array(list) => list.iter().find_map(|value| find(value, wanted)),
        _ => None,
    }
}
