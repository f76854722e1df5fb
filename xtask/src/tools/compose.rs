//! Docker Compose, built from its Go module.

use std::path::PathBuf;

use anyhow::Result;

use super::go::{Module, built};

/// The last of the second series: the fifth does not understand how podman 4 describes a network without a gateway.
const VERSION: &str = "2.40.3";
const PACKAGE: &str = "github.com/docker/compose/v2/cmd";

/// `docker-compose`, which is `docker compose` without Docker's own command in front.
pub fn docker_compose() -> Result<PathBuf> {
    let home = built(&format!("docker-compose-{VERSION}"), |dir| {
        let requirements = format!("require github.com/docker/compose/v2 v{VERSION}\n");
        let module = Module::new("docker-compose", &requirements, &[PACKAGE.to_owned()])?;
        let flags = format!("-s -w -X github.com/docker/compose/v2/internal.Version=v{VERSION}");
        module.build(PACKAGE, &flags, dir, "docker-compose")
    })?;
    Ok(home.join("bin/docker-compose"))
}
