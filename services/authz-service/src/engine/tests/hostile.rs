//! Texts that nobody should write. Loading them is an error or an engine, never a panic, and
//! never a thread that runs out of stack, here or when the engine is asked or dropped.

use proptest::prelude::*;
use proptest::sample::Index;

use claimgate_authz_api::Properties;
use serde_json::json;

use super::{POLICIES, SCHEMA, alice};
use crate::engine::{Detail, Engine, InvalidPolicies, Question, Source};

fn load(schema: &str, policies: &str) -> Result<Engine, InvalidPolicies> {
    let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
    Engine::load(&source("schema", schema), &[source("policies", policies)])
}

/// `text` with a piece of it replaced by another piece, or by something new.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => (any::<Index>(), 0_usize..40).prop_map(move |(at, length)| {
            text.chars().skip(at.index(text.len())).take(length).collect::<String>()
        }),
        1 => "\\PC{0,12}",
        1 => any::<String>(),
    ];
    (any::<Index>(), 0_usize..20, piece).prop_map(move |(at, cut, piece)| {
        let at = at.index(text.len());
        let before: String = text.chars().take(at).collect();
        let after: String = text.chars().skip(at + cut).collect();
        format!("{before}{piece}{after}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_text_never_panics(schema in any::<String>(), policies in any::<String>()) {
        let _ = load(&schema, POLICIES);
        let _ = load(SCHEMA, &policies);
    }

    #[test]
    fn a_mutated_policy_never_panics(policies in mutated(POLICIES)) {
        let _ = load(SCHEMA, &policies);
    }

    #[test]
    fn a_mutated_schema_never_panics(schema in mutated(SCHEMA)) {
        let _ = load(&schema, POLICIES);
    }
}

fn when(condition: &str) -> String {
    format!("permit (principal, action, resource) when {{ {condition} }};")
}

/// Loads, asks and drops.
fn tried(schema: &str, policies: &str) {
    if let Ok(engine) = load(schema, policies) {
        let request = alice("write", json!({"level": 1}));
        let nothing = &Properties::new();
        let question = Question {
            request: &request,
            roles: &[],
            subject: nothing,
            resource: nothing,
            slot: None,
        };
        let verdict = engine.decide(&question);
        assert_eq!(engine.explain(&question, &Detail::default()).reason, verdict.reason);
    }
}

#[test]
fn deep_nesting_never_runs_out_of_stack() {
    for depth in [10, 60, 250, 999, 100_000] {
        let nested = |open: &str, inner: &str, close: &str| {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            tried(SCHEMA, &when(&format!("{open}{inner}{close}")));
        };
        nested("(", "true", ")");
        nested("[", "", "]");
        nested("{a: ", "1", "}");
        nested("!", "true", "");
        nested("-", "1", " == 1");
        nested("true && ", "true", "");
        nested("true || ", "true", "");
        nested("-1 * ", "1", " == 1");
        nested("1 + ", "1", " == 1");
        nested("if true then ", "true", " else true");
        nested("if ", "true", " then true else true");
        nested("principal", "", ".a");
        nested("true ", "", ") when { (true");
        let deep_type = format!("{}Long{}", "Set<".repeat(depth), ">".repeat(depth));
        tried(&format!("entity user {{ a: {deep_type} }};"), POLICIES);
        let deep_record = format!("{}Long{}", "{a: ".repeat(depth), "}".repeat(depth));
        tried(&format!("entity user {{ a: {deep_record} }};"), POLICIES);
    }
}

#[test]
fn a_text_without_end_is_refused() {
    let large = " ".repeat(crate::engine::load::MAX_TEXT_BYTES);
    assert!(load(SCHEMA, &large).map(drop).unwrap_err().to_string().contains("bytes"));
}
