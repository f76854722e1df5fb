//! PostgreSQL: the server that the stores are tested on. Any version from 13 on.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::install;

/// Where Debian keeps the servers of all versions, none of them on `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// `postgres`, with its other programs beside it.
pub fn postgres() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    install::apt(&["postgresql"]).context("PostgreSQL is not installed")?;
    find().context("PostgreSQL is still not to be found")
}

fn find() -> Option<PathBuf> {
    install::on_path("postgres").or_else(|| {
        let versions = std::fs::read_dir(DEBIAN).ok()?.flatten();
        let servers = versions.map(|version| version.path().join("bin/postgres"));
        servers.filter(|server| server.is_file()).max()
    })
}
