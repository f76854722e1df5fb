//! `cargo xtask test-gateway`: Envoy Gateway on this machine, with the manifests of `kubernetes/gateway-api`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use claimgate_proc::{http_status, wait_until};
use xtask::gateway::{self, World};
use xtask::{say, tools, workspace};

use super::contract::contract_at;
use super::executable::Outcome;
use super::{E2E, closed, outcome_of, seconds};

/// The folder of the package with the tests.
const TESTS: &str = "tests/gateway";
/// The module of the end-to-end tests that has the demo's own configuration run by func-e.
const FUNC_E: &str = "func_e::";
/// The one case that Envoy Gateway keeps otherwise, and cannot be told: its CORS filter answers a preflight from elsewhere,
/// 200 and without leave, where Envoy's own default hands it on to ours.
const OTHERWISE: &str = "a_preflight_from_elsewhere_is_a_request_like_any_other";
/// From the first answer to the filter's.
const GUARDED: Duration = Duration::from_secs(30);

/// Times the way to the first request that is refused for want of a token, has the contract asked of that gateway, and
/// then runs the tests that have gateways of their own, one after the other: the controller's ports are fixed.
pub(crate) fn gateway() -> Result<ExitCode> {
    let begun = Instant::now();
    gateway::build()?;
    let contract = contract()?;
    let alone = ["--include-ignored", "--test-threads", "1"];
    let gateways = outcome_of(&[(TESTS, &alone)], &[])?;
    let func_e = outcome_of(&[(E2E, &["--ignored", FUNC_E])], &[("FUNC_E", &tools::func_e()?)])?;
    Ok(closed(contract + gateways + func_e, begun))
}

fn contract() -> Result<Outcome> {
    let begun = Instant::now();
    let folder = workspace::target_dir()?.join("gateway/contract");
    // Whoever has the gateway's secret is believed: some of the cases call services directly.
    let world = World::start(&folder, false)?;
    let services = begun.elapsed();
    let gateway = world.gateway(&world.manifests()?)?;
    let protects =
        || http_status(gateway.address(), "/customers").is_ok_and(|status| status == 401);
    ensure!(wait_until(GUARDED, protects), "nothing is protected:\n{}", gateway.log_tail(40));
    let all = begun.elapsed();
    let (all, services) = (seconds(all), seconds(services));
    say(format_args!(
        "from nothing to the first protected request: {all}, of which image and services {services}"
    ));
    let file = folder.join("stack.json");
    world.stack().describe(&file)?;
    say(format_args!("left out, because Envoy Gateway does it otherwise: {OTHERWISE}"));
    let outcome = contract_at(&file, &["--skip", OTHERWISE])?;
    if outcome.failed > 0 {
        say(gateway.log_tail(40));
    }
    Ok(outcome)
}
