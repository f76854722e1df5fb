//! Conditions in CEL: any text, about any claims.

use claimgate::policy::Policy;
use serde_json::{Value, json};

use crate::gateway::{self, BelievesEverything, Gateway};

/// An expression and, after a NUL, claims that it may be about. Whatever compiles is evaluated; an
/// expression and its opposite never both allow, and one that allows also denies.
pub fn cel(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (expression, claims) = text.split_once('\0').unwrap_or((text, "{}"));
    let credential = gateway::credential(serde_json::from_str(claims).unwrap_or_default());
    let passes = |rules: Value| {
        let policy = Policy::from_document(config(rules).to_string().as_bytes(), &|_| None);
        let gateway = Gateway::under(policy.ok()?, Box::new(BelievesEverything));
        Some(gateway.lets_pass(credential.as_bytes()))
    };
    let condition = json!({"cel": expression});
    let allows = |condition: &Value| passes(json!([{"name": "allow", "allow": condition}]));
    if allows(&condition) == Some(true) {
        let opposite = allows(&json!({"not": condition}));
        assert_eq!(opposite, Some(false), "{expression:?} and its opposite");
        let always = json!({"name": "all", "allow": {"always": true}});
        let rest = passes(json!([{"name": "deny", "deny": condition}, always]));
        assert_eq!(rest, Some(false), "{expression:?} allows and does not deny");
    }
}

fn config(rules: Value) -> Value {
    let mut config = gateway::config();
    config["routes"][0]["match"] = json!({"path": "/{id}"});
    config["routes"][0]["rules"] = rules;
    config
}

const CLAIMS: &str = r#"{"n":7,"t":"x","l":["a","b"],"m":{"k":[1]},"b":true,"d":1.5,"z":null}"#;

/// What people write, and what parsers and interpreters stumble over.
const EXPRESSIONS: [&str; 24] = [
    "claims.n > 1 && claims.t == 'x'",
    "'a' in claims.l || size(claims.l) == 2",
    "has(claims.m) && claims.m.k[0] == 1",
    r#"claims['t'].startsWith("x") ? claims.b : !claims.b"#,
    "request.method in ['GET', 'HEAD'] && request.path == '/' + params.id",
    "request.headers['x-a'] == subject && 't' in claims",
    "subject != '' && issuer.contains('://') && provider == 'idp'",
    "'staff' in roles || 'read' in scopes",
    "int('7') == claims.n && double(claims.n) == 7.0 && string(claims.n) == '7'",
    "-claims.n < 0 && claims.n % 2 == 1 && claims.d * 2.0 / 3.0 > 0.5",
    "9223372036854775807 + claims.n > 0",
    "-9223372036854775808 / -1 == 0 || -9223372036854775808 % -1 == 0",
    "1 / 0 == 1 || 1 % 0 == 1 || 1u - 2u > 0u",
    "claims.l.exists(x, x == 'a')",
    "{'a': 1}.a == 1",
    r"b'\xff' == b'a' || '\u{0}' == ''",
    r#"r'\' == '''\\''' && "\U0001F600" != ''"#,
    "((((((((((((((true))))))))))))))",
    "!!!!!!-!-!true",
    "true ? true : true ? true : true ? true : false",
    "claims.m.k.a.b.c.d.e.f.g == 1",
    "[[[[[[1]]]]]] == [[[[[[1]]]]]] && [1, 'a', true][0] == 1",
    "// a comment\ntrue",
    "0xFFFFFFFFFFFFFFFF == 1 || 1e308 * 10.0 > 1.0",
];

/// Expressions with claims.
pub(crate) fn expressions() -> Vec<Vec<u8>> {
    EXPRESSIONS.map(|text| format!("{text}\0{CLAIMS}").into_bytes()).to_vec()
}
