//! Conditions in CEL: the small module says that it has none, the full one evaluates them and never traps.

use serde_json::{Value, json};

use crate::policy::demo;

fn policy(expression: &str) -> Value {
    let mut policy = demo();
    policy["identity_headers"] = json!({});
    policy["routes"] = json!([{
        "name": "customers", "match": {"path": "/customers"}, "token": "required",
        "rules": [{"name": "expression", "allow": {"cel": expression}}],
    }]);
    policy
}

/// What a module says that will not have it.
fn refusal(expression: &str) -> Option<String> {
    let mut vm = claimgate_abi::Vm::start(&crate::policy::CLUSTERS);
    let (_, accepted) = vm.root(policy(expression).to_string().as_bytes());
    (!accepted).then(|| vm.logs().join("\n"))
}

mod small {
    use super::*;

    #[test]
    fn an_expression_needs_the_other_module() {
        let said = refusal("true").expect("no expressions here");
        assert!(said.contains(".allow.cel: needs plugin-full.wasm"), "{said}");
    }
}

mod full {
    use super::*;
    use crate::gateway::Gateway;
    use crate::tokens::{Key, claims};

    /// Whether a request passes whose token has another claim.
    fn passes(gateway: &mut Gateway, level: &Value) -> bool {
        let mut claims = claims(gateway.now());
        claims["level"] = level.clone();
        let stream = gateway.get("/customers", &Key::one().sign(&claims));
        matches!(gateway.fate(stream), claimgate_abi::Fate::Forwarded(_))
    }

    #[test]
    #[ignore = "needs plugin-full.wasm: cargo xtask test-full"]
    fn expressions_decide() {
        let expression = "claims.level > 2 && request.method == 'GET' && subject != ''";
        let mut gateway = Gateway::warm(&policy(expression));
        for (level, expected) in [(json!(3), true), (json!(2), false), (json!("3"), false)] {
            assert_eq!(passes(&mut gateway, &level), expected, "{level}");
        }
    }

    #[test]
    #[ignore = "needs plugin-full.wasm: cargo xtask test-full"]
    fn what_is_wrong_with_an_expression_is_told() {
        let said = refusal("claim.level > 2").expect("no such variable");
        assert!(said.contains("unknown variable `claim.level` (known: `claims`"), "{said}");
    }

    /// The deepest and longest that are let through to the parser and the interpreter.
    #[test]
    #[ignore = "needs plugin-full.wasm: cargo xtask test-full"]
    fn no_expression_uses_up_the_stack() {
        let nested = |open: &str, inner: &str, close: &str, count| {
            format!("{}{inner}{}", open.repeat(count), close.repeat(count))
        };
        let deep = [
            nested("(", "true", ")", 16),
            nested("[", "1", "]", 16),
            nested("!(", "true", ")", 15),
            nested("string(", "'a'", ")", 15) + " == 'a'",
            format!("{}true", "!-".repeat(127)),
            format!("{}true", "true ? true : ".repeat(8)),
            format!("{} == 1", ["1"; 250].join("+")),
            format!("claims{}", ".a".repeat(255)),
            format!("claims{}", "[0]".repeat(330)),
            ["claims.a == 1"; 60].join(" || "),
            format!("subject in [{}]", ["'a'"; 200].join(",")),
            format!("size({}) > 1", ["subject"; 30].join(" + ")),
        ];
        for expression in deep {
            if refusal(&expression).is_none() {
                passes(&mut Gateway::warm(&policy(&expression)), &json!(3));
            }
        }
    }

    #[test]
    #[ignore = "needs plugin-full.wasm: cargo xtask test-full"]
    fn claims_too_large_to_hand_over_are_missing() {
        let mut gateway = Gateway::warm(&policy("claims.level != 'a' && claims.level != 'b'"));
        assert!(passes(&mut gateway, &json!("x".repeat(100))));
        let mut long = vec!["claims.level != 'a'"; 10];
        long.push("claims.level != 'b'");
        let mut gateway = Gateway::warm(&policy(&long.join(" && ")));
        assert!(!passes(&mut gateway, &json!("x".repeat(8_000))));
    }
}
