//! Servers and load generators that come as system packages.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::install;

/// `redis-server`, 6 or newer.
pub fn redis_server() -> Result<PathBuf> {
    package("redis-server", "redis-server")
}

/// The load generator `wrk`.
pub fn wrk() -> Result<PathBuf> {
    package("wrk", "wrk")
}

fn package(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = install::on_path(program) {
        return Ok(path);
    }
    install::apt(&[package]).with_context(|| format!("{program} is not installed"))?;
    install::on_path(program).with_context(|| format!("{program} is still not on PATH"))
}
