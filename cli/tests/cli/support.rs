//! Runs the command, and changes the demo's bootstrap for it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use serde_json::Value;

/// The repository.
pub(crate) fn root() -> PathBuf {
    let package = env::var("CARGO_MANIFEST_DIR").expect("cargo says so");
    Path::new(&package).parent().expect("a parent").to_owned()
}

/// What a run of the command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it in the repository with this on standard input, and without any variable of ours.
pub(crate) fn run_with(args: &[&str], input: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claimgate"));
    command.env_remove("AUTHZ_TOKEN").env_remove("DPOP_NONCE_SECRET");
    command.args(args).current_dir(root()).envs(variables.iter().copied());
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    let writing = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    // A run that reads nothing has closed its end.
    let _ = writing.join().expect("no panic");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let status = output.status.code().expect("no signal");
    Ran { status, stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub(crate) fn run(args: &[&str]) -> Ran {
    run_with(args, "", &[])
}

/// The demo's bootstrap.
pub(crate) fn bootstrap() -> Value {
    let text = fs::read_to_string(root().join("envoy/envoy.yaml")).expect("the demo's file");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Where its connection manager is.
pub(crate) const MANAGER: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Its entry at this path; created when a map lacks it.
pub(crate) fn set(config: &mut Value, path: &str, value: Value) {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    let parent = config.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match parent {
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        parent => parent[name] = value,
    }
}

pub(crate) fn remove(config: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    let parent = config.pointer_mut(parent).and_then(Value::as_object_mut).expect("a map");
    assert!(parent.remove(name).is_some(), "no {path}");
}

/// The plugin's settings.
pub(crate) fn plugin(path: &str) -> String {
    format!("{MANAGER}/http_filters/1/typed_config/config{path}")
}

/// The plugin's configuration.
pub(crate) fn policy(path: &str) -> String {
    plugin(&format!("/configuration/value{path}"))
}

/// A finding: its code and the end of its path.
pub(crate) type Found = (String, String);

/// What the command finds in a bootstrap.
pub(crate) fn findings(config: &Value) -> Vec<Found> {
    let ran = run_with(&["validate", "--envoy", "-", "--json"], &config.to_string(), &[]);
    let report: Value = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("a text").to_owned();
    let findings = report["findings"].as_array().expect("a list");
    let refuses = findings.iter().any(|finding| finding["severity"] == "error");
    assert_eq!(ran.status, i32::from(refuses), "{ran:?}");
    findings.iter().map(|finding| (text(finding, "code"), text(finding, "at"))).collect()
}

/// Holds that the demo's bootstrap, changed like this, gives exactly this finding, whose path ends so.
pub(crate) fn gives(change: impl FnOnce(&mut Value), code: &str, at: &str) {
    let mut config = bootstrap();
    change(&mut config);
    let found = findings(&config);
    let [(one, place)] = found.as_slice() else { panic!("{code} expected alone: {found:#?}") };
    assert_eq!(one, code, "{place}");
    assert!(place.ends_with(at), "{code} is said of {place}");
}

/// Holds that nothing is found in it.
pub(crate) fn gives_nothing(change: impl FnOnce(&mut Value)) {
    let mut config = bootstrap();
    change(&mut config);
    assert_eq!(findings(&config), []);
}
