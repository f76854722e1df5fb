//! `cargo xtask test-gateway`: Envoy Gateway on this machine, with the manifests of `kubernetes/gateway-api`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use claimgate_proc::{http_status, wait_until};
use xtask::gateway::{self, Gateway, World};
use xtask::{say, tools, workspace};

use super::contract::{contract_at, contract_in_other_words_at};
use super::executable::Outcome;
use super::{E2E, closed, outcome_of, seconds};

/// The folder of the package with the tests.
const TESTS: &str = "tests/gateway";
/// The module of the end-to-end tests that has the demo's own configuration run by func-e.
const FUNC_E: &str = "func_e::";
/// The one case that Envoy Gateway keeps otherwise, and cannot be told: its CORS filter answers a preflight from elsewhere,
/// 200 and without leave, where Envoy's own default hands it on to ours.
const OTHERWISE: &str = "a_preflight_from_elsewhere_is_a_request_like_any_other";
/// What `variants/native` does not keep, and what it does instead (docs/gateway-api.md, "Without Wasm").
const WITHOUT_WASM: [(&str, &str); 17] = [
    (OTHERWISE, "200 without leave, as with the filter"),
    ("two_authorization_headers_are_400", "401"),
    ("a_token_longer_than_any_real_one_is_400", "401"),
    ("anything_but_one_bearer_token_is_400_also_where_a_token_is_optional", "401, or a guest"),
    ("a_token_that_is_bound_to_nothing_comes_with_no_proof", "401, or a guest"),
    ("the_scheme_ignores_case", "401, or a guest"),
    ("a_path_that_stays_ambiguous_is_400", "404 for some"),
    ("another_audience_is_401", "403"),
    ("an_id_token_is_401", "403, for its audience"),
    ("a_token_of_another_type_is_401", "not looked at"),
    ("an_extension_that_must_be_understood_is_401", "not looked at"),
    ("an_expired_token_is_401_beyond_60_s", "so it is, but one without an end is good"),
    ("a_token_that_is_not_yet_valid_is_401_beyond_60_s", "so it is, but for `iat`"),
    ("a_kid_that_is_not_published_is_401_although_the_key_is", "an empty one is none"),
    ("what_is_not_a_compact_jws_is_401", "a dot at the end is taken"),
    ("only_the_boolean_true_verifies_an_email", "so does the text `true`"),
    ("a_caller_whose_email_says_nothing_is_no_guest", "a guest, at /auth/me"),
];
/// From the first answer to the filter's.
const GUARDED: Duration = Duration::from_secs(30);

/// Times the way to the first request that is refused for want of a token, has the contract asked of that gateway, and
/// then runs the tests that have gateways of their own, one after the other: the controller's ports are fixed.
pub(crate) fn gateway() -> Result<ExitCode> {
    let begun = Instant::now();
    gateway::build()?;
    let contract = contract()? + contract_without_wasm()?;
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
    wait_until_guarded(&gateway)?;
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

/// As far as Envoy's own filters keep it, whatever they call a refusal.
fn contract_without_wasm() -> Result<Outcome> {
    let folder = workspace::target_dir()?.join("gateway/contract-without-wasm");
    let world = World::start(&folder, false)?;
    let native = world.native()?;
    let gateway = world.gateway(native.manifests())?;
    wait_until_guarded(&gateway)?;
    let file = folder.join("stack.json");
    world.stack().describe(&file)?;
    for (case, instead) in WITHOUT_WASM {
        say(format_args!("left out without Wasm: {case} ({instead})"));
    }
    let skipped: Vec<_> = WITHOUT_WASM.iter().flat_map(|(case, _)| ["--skip", case]).collect();
    let outcome = contract_in_other_words_at(&file, &skipped)?;
    if outcome.failed > 0 {
        say(gateway.log_tail(40));
    }
    Ok(outcome)
}

fn wait_until_guarded(gateway: &Gateway) -> Result<()> {
    let protects =
        || http_status(gateway.address(), "/customers").is_ok_and(|status| status == 401);
    ensure!(wait_until(GUARDED, protects), "nothing is protected:\n{}", gateway.log_tail(40));
    Ok(())
}
