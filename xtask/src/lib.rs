//! What the task runner does, as a library: the end-to-end tests use the same parts.
//!
//! - [`tools`]: finds what a task needs, or installs it;
//! - [`wasm`]: builds `dist/plugin.wasm`;
//! - [`package`]: makes images of what is shipped;
//! - [`compose`]: runs `compose.yaml` as containers, without a container engine;
//! - [`render`]: `envoy/envoy.yaml` for other places;
//! - [`stack`]: runs the demo system as processes;
//! - [`gateway`]: runs it behind Envoy Gateway;
//! - [`deploy`]: brings it into a cluster, and looks at what is there;
//! - [`run`] and [`workspace`]: child commands, and where things are.
//!
//! It must never change anything outside the repository's ignored folders and the tools' folder,
//! unless it has said so first; clusters only by [`deploy`].

pub mod compose;
pub mod deploy;
pub mod gateway;
pub mod package;
pub mod render;
pub mod run;
pub mod stack;
pub mod tools;
pub mod wasm;
pub mod workspace;

/// Says what is being done, on stderr: stdout belongs to the caller's command.
pub fn say(what: impl std::fmt::Display) {
    eprintln!("xtask: {what}");
}
