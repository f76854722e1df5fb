//! `cargo xtask k8s deploy` and `verify`, the commands, at a real API server.
//!
//! Nobody runs the pods, so who answers for the gateway stands beside: a real Envoy with the configuration that the pods
//! are given and the real module, or one that lets everybody through.

mod direct;
pub mod envoy;
mod gateway_api;

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;
use xtask::workspace;

use super::server::Server;

/// Of no image; nothing that is shown here pulls it.
fn image(of: &str) -> String {
    format!("registry.test/claimgate/filter@sha256:{}", of.repeat(32))
}

/// `cargo xtask k8s …` with this server.
fn k8s(server: &Server, args: &[&str]) -> Output {
    let tested = std::env::var_os("XTASK").map(PathBuf::from);
    let xtask = tested.unwrap_or_else(|| workspace::debug_binary("xtask").unwrap());
    let mut command = server.command(&xtask);
    // Its tools are where they always are; what kubectl remembers is about this server alone.
    let cache = server.folder().join("kube-cache");
    command.env("HOME", std::env::var("HOME").unwrap()).env("KUBECACHEDIR", cache);
    command.arg("k8s").args(args).output().unwrap()
}

/// What it says when it succeeds.
fn succeeds(server: &Server, args: &[&str]) -> String {
    let output = k8s(server, args);
    let said = said(&output);
    assert!(output.status.success(), "xtask k8s {}:\n{said}", args.join(" "));
    said
}

/// What it says when it fails, as it says it: with 1.
fn fails(server: &Server, args: &[&str]) -> String {
    let output = k8s(server, args);
    let said = said(&output);
    eprintln!("$ cargo xtask k8s {}\n{said}", args.join(" "));
    assert_eq!(output.status.code(), Some(1), "xtask k8s {}:\n{said}", args.join(" "));
    said
}

fn said(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|one| String::from_utf8_lossy(one));
    format!("{error}{out}")
}

fn assert_says(said: &str, wanted: &[&str]) {
    for one in wanted {
        assert!(said.contains(one), "does not say `{one}`:\n{said}");
    }
}

/// An object as somebody gave it, without what the server and controllers add.
fn given(server: &Server, namespace: &str, kind: &str, name: &str) -> Value {
    let mut object = server.get(&[kind, name, "-n", namespace]);
    object.as_object_mut().unwrap().remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["managedFields", "resourceVersion", "generation"] {
        metadata.remove(field);
    }
    // The controller's own count of versions.
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove("deployment.kubernetes.io/revision");
    }
    object
}
