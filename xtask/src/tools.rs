//! The tools a task needs: looked for where the user has them, else installed.
//!
//! What we install goes to `$CLAIMGATE_TOOLS` (default `~/.cache/claimgate/<tool>-<version>`), is checked
//! against a digest in this folder, comes from the package manager at hand, and is said aloud first.
//! With no way left the error holds the exact command to run. It must never install silently, and
//! never wait without a limit.

mod binaryen;
mod compose;
mod decision_points;
mod envoy;
mod gateway;
mod go;
mod images;
mod install;
mod keycloak;
mod kubernetes;
mod postgres;
mod rust;
mod schemathesis;
mod system;

pub use binaryen::{Binaryen, binaryen};
pub use compose::docker_compose;
pub use decision_points::{cerbos, openfga};
pub use envoy::envoy;
pub use gateway::{egctl, envoy_gateway, envoy_gateway_source, func_e};
pub use images::{cosign, crane, git};
pub(crate) use install::digest;
pub use keycloak::keycloak;
pub use kubernetes::{
    Kubernetes, cert_manager_source, etcd, external_secrets_source, kubectl, kubernetes,
    kubernetes_source, kustomize, kwok,
};
pub use postgres::postgres;
pub use rust::{
    MUSL_TARGET, WASM_TARGET, WasmToolchain, cargo_deny, cargo_home, musl, nowhere, rustc,
    wasm_toolchain,
};
pub use schemathesis::{Schemathesis, schemathesis};
pub use system::{chromium, curl, docker_registry, podman, redis_server, wrk};
