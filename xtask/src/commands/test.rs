//! `cargo xtask test`: every rung, what it ran, how long it took.
//!
//! One build makes all test executables and the services, then each rung runs its own. A rung that ran no
//! test has failed: it must never be possible to lose one unseen.

mod build;
mod compose;
mod contract;
mod executable;
mod gateway;
mod idp;
mod kubernetes;

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use clap::ValueEnum;
use xtask::{package, run, say, tools, wasm, workspace};

pub(crate) use compose::compose;
use executable::{Executable, Outcome};
pub(crate) use gateway::gateway;
pub(crate) use idp::idp;
pub(crate) use kubernetes::kubernetes;

/// The folder of the package whose ignored tests have commands of their own.
const SERVICE: &str = "services/authz-service";
/// Where the console's picture is.
const PICTURE: &str = "docs/authz-service/console.png";

/// The folder of the package that tests the gateway.
const E2E: &str = "tests/e2e";
/// The module of its tests that need other decision points than ours.
const PEERS: &str = "peers::";
/// Modules of its tests that the ordinary suite leaves to [`slow`].
const SLOW: [&str; 6] = [
    "judges::",
    "faults::demo",
    "faults::discovery::",
    "faults::idp_lying::",
    "faults::redis_",
    "faults::upstream_down::",
];
/// The folder of the package whose ignored tests are those in a browser.
const BROWSER: &str = "tests/browser";
/// The folder of the package that tests the images.
const IMAGES: &str = "tests/images";
/// The folder of the package that tests the module.
const ABI: &str = "tests/abi";
/// What is ignored there unless the module is the full one, and what is about the small one.
const FULL: &str = "full::";
const SMALL: &str = "small::";
/// What the browser sees, beside.
const SEEN: [&str; 2] = ["authz-service", "dev-idp"];

/// A step of the ladder, the quick ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Rung {
    /// The tests beside the code of the filter and of the tools.
    Unit,
    /// Whole requests through the filter's core, and the golden configurations.
    Pipeline,
    /// The services, their stores included.
    Contract,
    /// The real module in a Wasm runtime with a scripted host.
    Abi,
    /// Real Envoy, real Redis, real services.
    E2e,
}

struct Finished {
    rung: Rung,
    outcome: Outcome,
    took: Duration,
}

/// Runs these rungs, all when none is named.
pub(crate) fn run(rungs: &[Rung]) -> Result<ExitCode> {
    let rungs = if rungs.is_empty() { Rung::value_variants() } else { rungs };
    let begun = Instant::now();
    let executables = prepare(rungs).inspect_err(|_| println!("0 passed, 1 failed"))?;
    say(format_args!("built in {}", seconds(begun.elapsed())));
    let finished: Vec<_> = rungs.iter().map(|rung| climb(*rung, &executables)).collect();
    report(&finished, begun.elapsed());
    let failed = finished.iter().any(|finished| finished.outcome.failed > 0);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs the tests that harm the stores' databases and caches: too slow for every day.
pub(crate) fn stores() -> Result<ExitCode> {
    tools::redis_server()?;
    tools::postgres()?;
    ignored(SERVICE, &["--skip", idp::KEYCLOAK], &[])
}

/// Runs the end-to-end tests that are too slow for every day.
pub(crate) fn slow() -> Result<ExitCode> {
    let begun = Instant::now();
    let executables = prepare(&[Rung::E2e])?;
    let args = [&["--test-threads", "2"], &SLOW[..]].concat();
    let of_rung = executables.iter().filter(|executable| executable.rung == Rung::E2e);
    let outcome: Outcome = of_rung.map(|executable| executable.run_chosen(&args, &[])).sum();
    Ok(closed(outcome.of_some_tests("test-slow"), begun))
}

/// Runs the tests of the module with everything in it.
pub(crate) fn full() -> Result<ExitCode> {
    let plugin = wasm::build_full(true)?;
    tools::envoy()?;
    let module = [("CLAIMGATE_WASM", plugin.as_path())];
    let scripted = ["--include-ignored", "--skip", SMALL];
    let chosen = [(ABI, &scripted[..]), (E2E, &["--ignored", "--test-threads", "2", FULL])];
    chosen_tests(&chosen, &module)
}

/// Makes the images, and tests them at a real registry.
pub(crate) fn images() -> Result<ExitCode> {
    tools::docker_registry()?;
    tools::crane()?;
    tools::cosign()?;
    let images = package::build()?;
    ensure!(package::build()? == images, "a second package of the same has other digests");
    ignored(IMAGES, &[], &[])
}

/// Runs the tests with decision points that others wrote.
pub(crate) fn peers() -> Result<ExitCode> {
    let (cerbos, openfga) = (tools::cerbos()?, tools::openfga()?);
    tools::envoy()?;
    wasm::build(true)?;
    ignored(E2E, &[PEERS], &[("CERBOS", &cerbos), ("OPENFGA", &openfga)])
}

/// Runs the tests in a browser.
pub(crate) fn browser(picture: bool) -> Result<ExitCode> {
    tools::chromium()?;
    let packages = SEEN.iter().flat_map(|name| ["--package", name]);
    let build: Vec<_> = ["build", "--bins"].into_iter().chain(packages).collect();
    run::succeed(&run::cargo(&build), run::BUILD_LIMIT)?;
    let place = workspace::root().join(PICTURE);
    let variable = [("CONSOLE_PICTURE", place.as_path())];
    ignored(BROWSER, &[], if picture { &variable } else { &[] })
}

/// Runs the tests of a package that are left out of the rungs, those that `filter` chooses. Each has
/// servers of its own, so few run at a time.
fn ignored(folder: &str, filter: &[&str], variables: &[(&str, &Path)]) -> Result<ExitCode> {
    let args = [&["--ignored", "--test-threads", "2"], filter].concat();
    chosen_tests(&[(folder, &args)], variables)
}

/// Runs the tests of packages that these arguments choose, with these environment variables.
fn chosen_tests(chosen: &[(&str, &[&str])], variables: &[(&str, &Path)]) -> Result<ExitCode> {
    let begun = Instant::now();
    Ok(closed(outcome_of(chosen, variables)?, begun))
}

/// The same; a package of which no test ran has failed, as a rung has.
fn outcome_of(chosen: &[(&str, &[&str])], variables: &[(&str, &Path)]) -> Result<Outcome> {
    let folders: Vec<_> = chosen.iter().map(|(folder, _)| *folder).collect();
    let executables = build::executables_of(&folders)?;
    let one = |(folder, args): &(&str, &[&str])| {
        let there = executables.iter().filter(|one| one.folder.ends_with(folder));
        let outcome: Outcome = there.map(|one| one.run_chosen(args, variables)).sum();
        outcome.of_some_tests(folder)
    };
    Ok(chosen.iter().map(one).sum())
}

fn closed(outcome: Outcome, begun: Instant) -> ExitCode {
    let Outcome { passed, failed } = outcome;
    println!("{passed} passed, {failed} failed in {}", seconds(begun.elapsed()));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Everything a rung needs, so that none of it is part of a rung's time or fails within it.
fn prepare(rungs: &[Rung]) -> Result<Vec<Executable>> {
    let needs = |wanted: &[Rung]| rungs.iter().any(|rung| wanted.contains(rung));
    if needs(&[Rung::Unit]) {
        tools::kustomize()?;
    }
    if needs(&[Rung::Contract, Rung::E2e]) {
        tools::redis_server()?;
    }
    if needs(&[Rung::Contract]) {
        tools::postgres()?;
    }
    if needs(&[Rung::E2e]) {
        tools::envoy()?;
    }
    if !needs(&[Rung::Abi, Rung::E2e]) {
        return build::test_executables(rungs);
    }
    // The module ends in two long steps that use one core; the rest of the build has the other.
    thread::scope(|scope| {
        let module = scope.spawn(|| wasm::build(true));
        let executables = build::test_executables(rungs);
        module.join().map_err(|_| anyhow!("the module's build panicked"))??;
        executables
    })
}

fn climb(rung: Rung, executables: &[Executable]) -> Finished {
    let begun = Instant::now();
    let mut outcome = Outcome::default();
    println!("\n=== {}", rung.name());
    for executable in executables.iter().filter(|executable| executable.rung == rung) {
        println!("--- {}", executable.name);
        outcome += executable.run();
    }
    Finished { rung, outcome: outcome.of_some_tests(rung.name()), took: begun.elapsed() }
}

fn report(finished: &[Finished], took: Duration) {
    println!("\n{:<10} {:>7} {:>7} {:>9}", "rung", "passed", "failed", "time");
    for Finished { rung, outcome: Outcome { passed, failed }, took } in finished {
        println!("{:<10} {passed:>7} {failed:>7} {:>9}", rung.name(), seconds(*took));
    }
    let total: Outcome = finished.iter().map(|finished| finished.outcome).sum();
    println!("with the build: {}", seconds(took));
    println!("{} passed, {} failed", total.passed, total.failed);
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

impl Rung {
    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Pipeline => "pipeline",
            Self::Contract => "contract",
            Self::Abi => "abi",
            Self::E2e => "e2e",
        }
    }
}
