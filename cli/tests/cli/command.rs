//! `claimgate validate FILE`: what is said, where, and with which status.

use std::fs;

use serde_json::Value;

use crate::support::{root, run, run_with};

const GOOD: &str = "
version: v1
providers:
  - name: idp
    issuer: https://idp.example
    audiences: [api]
    jwks: {cluster: idp, url: https://idp.example/certs}
authorization:
  - {name: authz, cluster: authz, credential_env: AUTHZ_TOKEN}
routes:
  - name: orders
    match: {path: /orders}
    token: required
    rules: [{name: permitted, allow: {decision: true}}]
";

#[test]
fn a_good_configuration_is_told_in_a_few_lines() {
    let ran = run_with(&["validate", "-"], GOOD, &[("AUTHZ_TOKEN", "secret")]);
    let expected = "<stdin>: good
  routes: 1 (token: 1 required); tokens of idp; decisions of authz
  sets nothing; everything else is answered 404
";
    assert_eq!((ran.status, &*ran.stdout, &*ran.stderr), (0, expected, ""));
}

#[test]
fn an_error_is_the_filters_own_with_its_place() {
    let text = GOOD.replace("audiences: [api]", "audiences: []");
    let ran = run_with(&["validate", "-", "--assume-env"], &text, &[]);
    let what = "either at least one entry or `any_audience: true`, not both";
    let expected = format!(
        "error[configuration-invalid]: providers[0] \"idp\".audiences: needs {what}
  --> <stdin>:6:5

<stdin>: 1 error
"
    );
    assert_eq!((ran.status, &*ran.stdout, ran.stderr), (1, "", expected));
}

#[test]
fn a_misspelt_field_is_found_where_it_stands() {
    let text = GOOD.replace("token: required", "tokn: required");
    let ran = run_with(&["validate", "-", "--assume-env", "--json"], &text, &[]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!((&finding["at"], &finding["line"]), (&"routes[0].tokn".into(), &13.into()));
    let problem = finding["problem"].as_str().unwrap();
    assert!(problem.starts_with("unknown field `tokn`, expected one of `name`"), "{problem}");
}

#[test]
fn variables_that_are_not_set_are_an_error_unless_assumed() {
    let ran = run_with(&["validate", "-"], GOOD, &[]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("environment variable `AUTHZ_TOKEN` is not set"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--> <stdin>:9:35"), "{}", ran.stderr);
    assert_eq!(run_with(&["validate", "-"], GOOD, &[("AUTHZ_TOKEN", "")]).status, 1);
    assert_eq!(run_with(&["validate", "-", "--assume-env"], GOOD, &[]).status, 0);
}

#[test]
fn no_value_of_a_variable_is_shown() {
    let bad = GOOD.replace("path: /orders", "path: orders");
    for text in [GOOD, &bad] {
        let ran = run_with(&["validate", "-", "--json"], text, &[("AUTHZ_TOKEN", "geheim")]);
        assert!(!format!("{ran:?}").contains("geheim"), "{ran:?}");
    }
    let spaced = run_with(&["validate", "-"], GOOD, &[("AUTHZ_TOKEN", "ge heim")]);
    assert!(spaced.status == 1 && !spaced.stderr.contains("heim"), "{spaced:?}");
}

#[test]
fn what_is_no_yaml_has_a_place_too() {
    let ran = run_with(&["validate", "-"], "version: v1\nroutes: [\n  {name: a\n", &[]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.starts_with("error[not-yaml]: document: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("--> <stdin>:"), "{}", ran.stderr);
}

#[test]
fn json_is_taken_however_it_is_indented() {
    let value: Value = serde_saphyr::from_str(GOOD).unwrap();
    for text in [value.to_string(), format!("{value:#}"), format!("{value:#}").replace("  ", "\t")]
    {
        let ran = run_with(&["validate", "-", "--assume-env"], &text, &[]);
        assert_eq!(ran.status, 0, "{text}\n{}", ran.stderr);
    }
}

#[test]
fn a_bootstrap_in_place_of_a_configuration_is_recognised() {
    let ran = run(&["validate", "envoy/envoy.yaml"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("say `--envoy`"), "{}", ran.stderr);
}

#[test]
fn misuse_has_a_status_of_its_own() {
    let cases: [&[&str]; 5] = [
        &["validate"],
        &["validate", "no-such-file.yaml"],
        &["validate", "a.yaml", "--envoy", "b.yaml"],
        &["validat"],
        &[],
    ];
    for args in cases {
        let ran = run(args);
        assert_eq!((ran.status, &*ran.stdout), (2, ""), "{args:?}");
        assert!(!ran.stderr.is_empty());
    }
}

fn key(name: &str) -> String {
    fs::read_to_string(root().join(format!("tests/testdata/keys/{name}.pem"))).unwrap()
}

#[test]
fn a_key_can_be_assumed_like_any_secret() {
    let file = root().join("tests/testdata/config/signed-identity.in.yaml");
    let ran = run(&["validate", &file.display().to_string(), "--assume-env"]);
    assert_eq!((ran.status, &*ran.stderr), (0, ""));
}

#[test]
fn every_golden_configuration_is_judged_as_the_filter_judges_it() {
    let folder = root().join("tests/testdata/config");
    let secrets = [
        ("AUTHZ_TOKEN", "not-a-real-secret".to_owned()),
        ("GATEWAY_SECRET", "another-not-a-real-secret".to_owned()),
        ("SPACED", "not a header".to_owned()),
        ("SECRET_15", "s".repeat(15)),
        ("SECRET_31", "s".repeat(31)),
        ("SECRET_32", "s".repeat(32)),
        ("DPOP_NONCE_SECRET", "s".repeat(32)),
        ("SECRET_64", "s".repeat(64)),
        ("IDENTITY_KEY", key("p256-1")),
        ("RSA_KEY", key("rsa-1")),
    ];
    let secrets: Vec<_> = secrets.iter().map(|(name, value)| (*name, &**value)).collect();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path().display().to_string();
        let Some(name) = file.strip_suffix(".in.yaml") else { continue };
        let ran = run_with(&["validate", &file], "", &secrets);
        let expected = fs::read_to_string(format!("{name}.out")).unwrap();
        let Some(error) = expected.strip_prefix("error: ") else {
            assert_eq!(ran.status, 0, "{file}: {}", ran.stderr);
            continue;
        };
        let said = format!("error[configuration-invalid]: {error}  --> {file}:");
        assert!(ran.stderr.starts_with(&said), "{said}\n{}", ran.stderr);
        assert_eq!(ran.status, 1);
    }
}

/// Whoever reads that a configuration is good has to see what of it does not count yet.
#[test]
fn what_is_only_tried_is_told() {
    let text = format!("{GOOD}    mode: shadow\n    until: 2030-01-01\n");
    let ran = run_with(&["validate", "-", "--assume-env"], &text, &[]);
    let told = "\n  not enforced yet: route orders until 2030-01-01\n";
    assert!(ran.status == 0 && ran.stdout.contains(told), "{ran:?}");
}
