//! `cargo xtask test-compose`: the images as containers, in the topology of `compose.yaml`.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xtask::compose::{Changes, Containers};
use xtask::run::Scratch;
use xtask::{package, say, stack, tools, wasm};

use super::contract::{contract_at, signing_key};
use super::idp::ALREADY_RUNNING;
use super::{closed, seconds};

/// What listens in the containers, or in the demo, and is for nobody outside.
const NOT_PUBLISHED: [u16; 8] = [5432, 6379, 8001, 8002, 8003, 9000, 9901, 9903];
/// To a port of this machine.
const CONNECT: Duration = Duration::from_secs(1);

/// Makes the images, runs them, and asks of them what the contract says.
pub(crate) fn compose(built: bool) -> Result<ExitCode> {
    let begun = Instant::now();
    tools::podman()?;
    tools::docker_compose()?;
    if !built {
        package::build()?;
        wasm::build(true)?;
    }
    let scratch = Scratch::new("compose-test")?;
    let realm = scratch.path().join("realm.json");
    // As shipped, but for a key that the tests can sign with too.
    fs::write(&realm, stack::realm(Some(&signing_key()), None)?.to_string())?;
    let mounts = BTreeMap::from([("keycloak/realm.json".to_owned(), realm)]);
    let starting = Instant::now();
    let containers = Containers::start(&Changes { mounts })?;
    say(format_args!("all of compose.yaml is healthy after {}", seconds(starting.elapsed())));
    nothing_else_is_published()?;
    let file = scratch.path().join("stack.json");
    containers.describe(&file)?;
    let outcome = contract_at(&file, &["--include-ignored", ALREADY_RUNNING])?;
    if outcome.failed > 0 {
        say(containers.log_tails(20));
    }
    Ok(closed(outcome, begun))
}

fn nothing_else_is_published() -> Result<()> {
    for port in NOT_PUBLISHED {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let reached = TcpStream::connect_timeout(&address, CONNECT).is_ok();
        ensure!(!reached, "port {port} of this machine leads somewhere");
    }
    Ok(())
}
