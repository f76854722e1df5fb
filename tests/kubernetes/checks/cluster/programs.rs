//! What the pods' configurations and scripts do, by the real programs: the kubelet that would run them is
//! not there, and nothing else here would notice a mistake in them.

mod database;
mod door;
mod logouts;
mod redis;

use std::fs;
use std::process::Command;

use xtask::run::Scratch;
use xtask::{tools, workspace};

use crate::gateway::configuration;
use crate::rendered::{self, OVERLAYS, Object, overlay, with_logouts_from_outside};

/// A file of a ConfigMap.
fn file(objects: &[Object], map: &str, file: &str) -> String {
    rendered::file(objects, map, file).unwrap()
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}: {error}{said}");
    said.into_owned()
}

/// With the module in it, so its policy too.
#[test]
#[ignore = "cargo xtask test-k8s: needs Envoy and the module"]
fn envoy_takes_the_configuration_of_every_overlay() {
    let module = workspace::plugin().display().to_string();
    let scratch = Scratch::new("envoy").unwrap();
    let with_secrets = |command: &mut Command| {
        command.env("GATEWAY_SECRET", "a-secret-of-the-tests");
        succeed(command.env("AUTHZ_SERVICE_TOKEN", "a-token-of-the-tests"))
    };
    let validate = |text: &str| {
        let file = scratch.path().join("envoy.yaml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(tools::envoy().unwrap());
        command.args(["--mode", "validate", "--use-dynamic-base-id", "--config-path"]).arg(&file);
        with_secrets(&mut command);
        file
    };
    for objects in OVERLAYS.map(overlay).into_iter().chain([with_logouts_from_outside()]) {
        let text = configuration(&objects).replace("/etc/claimgate/plugin.wasm", &module);
        let file = validate(&text);
        let claimgate = workspace::debug_binary("claimgate").unwrap();
        with_secrets(Command::new(claimgate).args(["validate", "--envoy"]).arg(&file));
    }
    validate(&file(&overlay("dev"), "dev-idp-door", "envoy.yaml"));
}
