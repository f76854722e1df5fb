//! At a real API server, with nodes and pods that only say that they run. `cargo xtask test-k8s`.
//!
//! No pod is ever run here, nothing is measured, and no policy of the network is kept: docs/kubernetes.md
//! lists what this does not show.

mod applied;
mod controller;
mod deploy;
mod dry_run;
mod gateway_api;
mod programs;
mod server;
mod sources;

use std::time::Duration;

/// For what controllers do by themselves.
const SOON: Duration = Duration::from_secs(60);
