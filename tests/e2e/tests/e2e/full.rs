//! What only `plugin-full.wasm` can do, in Envoy. `cargo xtask test-full` builds it and runs these.

use claimgate::policy::Policy;
use claimgate_corpus::sign::{self, Signer};
use claimgate_e2e::bare::{self, Bare};
use claimgate_e2e::client::Request;
use claimgate_e2e::mint::now;
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.test/realms/demo";

fn policy(routes: &Value) -> Value {
    json!({
        "version": "v1",
        "providers": [{
            "name": "idp", "issuer": ISSUER, "audiences": ["account"],
            "jwks": {"inline": sign::jwks().to_string()},
        }],
        "routes": routes,
    })
}

fn route(name: &str, rules: &Value) -> Value {
    json!({"name": name, "match": {"path": format!("/{name}")}, "token": "required", "rules": rules})
}

fn bearer(level: &Value) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": "account", "sub": "alice", "exp": now() + 60, "level": level,
    });
    format!("Bearer {}", Signer::new().token("ES256", &sign::header("ES256"), &claims))
}

fn status(envoy: &Bare, path: &str, level: &Value) -> u16 {
    let request = Request::get(path).header("authorization", bearer(level));
    request.send(envoy.address("full")).status
}

#[test]
#[ignore = "needs plugin-full.wasm: cargo xtask test-full"]
fn expressions_decide_about_requests() {
    let rules = json!([
        {"name": "low", "deny": {"cel": "claims.level < 2"}},
        {"name": "high", "allow": {"cel": {
            "expression": "claims.level > 2 && request.path == '/r' && subject == 'alice'",
            "claims": {"level": "int"},
        }}},
    ]);
    let policy = policy(&json!([route("r", &rules)]));
    let envoy = Bare::start(&[("full", bare::claimgate_full(&policy))]);
    for (level, expected) in [
        (json!(3), 200),
        (json!(2), 403),
        (json!(1), 403),
        (json!("3"), 403),
        (json!([3]), 403),
        (Value::Null, 403),
        (json!(3.5), 200),
    ] {
        for _ in 0..2 {
            assert_eq!(status(&envoy, "/r", &level), expected, "{level}\n{}", envoy.log());
        }
    }
}

/// As deep, and as long, as is let through: the host's stack is not ours.
#[test]
#[ignore = "needs plugin-full.wasm: cargo xtask test-full"]
fn the_deepest_expressions_do_not_end_the_module() {
    let nested = |open: &str, inner: &str, close: &str, count| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    let mut routes = vec![route("plain", &json!([{"name": "all", "allow": {"cel": "true"}}]))];
    for expression in [
        nested("(", "true", ")", 16),
        nested("[", "1", "]", 15) + " == [1]",
        nested("!(", "true", ")", 16),
        nested("string(", "'a'", ")", 15) + " == 'a'",
        format!("{}true", "!-".repeat(10)),
        format!("{}true", "true ? true : ".repeat(8)),
        format!("{} == 1", ["1"; 25].join("+")),
        format!("claims{} == 1", ".a".repeat(250)),
        ["claims.a == 1"; 60].join(" || "),
        format!("subject in [{}]", ["'a'"; 200].join(",")),
        format!("size({}) > 1", ["subject"; 25].join(" + ")),
    ] {
        let rules = json!([{"name": "deep", "allow": {"cel": expression}}]);
        let one = route(&format!("r{}", routes.len()), &rules);
        let compiles =
            Policy::from_document(policy(&json!([one])).to_string().as_bytes(), &|_| None);
        if compiles.is_ok() {
            routes.push(one);
        }
    }
    assert!(routes.len() > 6, "only {} are let through", routes.len());
    let envoy = Bare::start(&[("full", bare::claimgate_full(&policy(&json!(routes))))]);
    for (number, route) in routes.iter().enumerate().skip(1) {
        let status = status(&envoy, &format!("/r{number}"), &json!(1));
        assert!([200, 403].contains(&status), "{status} from {route}");
    }
    assert_eq!(status(&envoy, "/plain", &json!(1)), 200);
}
