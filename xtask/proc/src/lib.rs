//! Child processes and ports for the task runner and the end-to-end tests.
//!
//! A [`Process`] runs in its own process group and never outlives us: it is stopped on drop, on
//! Ctrl-C and SIGTERM, and, on Linux, by the kernel when we are killed. A [`Port`] belongs to
//! one process on this machine until it is dropped.
//! This crate must never know what it starts: no demo names, no tools, no configuration.

mod child;
mod launch;
mod ports;
mod ready;
mod registry;
mod spawner;

pub use child::Process;
pub use launch::{Launch, Output};
pub use ports::{Port, port_holder, port_is_free};
pub use ready::{NotReady, Ready, http_get, http_status, wait_until};
pub use registry::{exit_with_on_signal, is_stopping, park_if_stopping};

#[cfg(test)]
mod tests;
