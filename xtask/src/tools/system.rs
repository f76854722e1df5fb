//! Servers, load generators and browsers that come as system packages.

use std::path::PathBuf;

use anyhow::Result;

use super::install;

/// `redis-server`, 6 or newer.
pub fn redis_server() -> Result<PathBuf> {
    install::program("redis-server", "redis-server")
}

/// `curl`.
pub fn curl() -> Result<PathBuf> {
    install::program("curl", "curl")
}

/// The load generator `wrk`.
pub fn wrk() -> Result<PathBuf> {
    install::program("wrk", "wrk")
}

/// A registry of images.
pub fn docker_registry() -> Result<PathBuf> {
    install::program("docker-registry", "docker-registry")
}

/// `podman`, with the `runc` that it runs containers by on `PATH`. Root's, since it makes networks.
pub fn podman() -> Result<PathBuf> {
    install::program("runc", "runc")?;
    install::program("iptables", "iptables")?;
    install::program("podman", "podman")
}

/// `chromedriver`, with the Chromium that it drives on `PATH`.
pub fn chromium() -> Result<PathBuf> {
    install::program("chromium", "chromium")?;
    install::program("chromedriver", "chromium-driver")
}
