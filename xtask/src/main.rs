//! The task runner: `cargo xtask …`. One file per command under `commands/`.

#![allow(clippy::print_stdout, reason = "a command's result goes to stdout")]

mod commands;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use commands::{bench, check, demo, fuzz, k8s, package, test, test_admin_api};
use xtask::render::Place;
use xtask::{say, wasm};

/// Builds, runs, tests and checks Claimgate.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes dist/plugin.wasm: built, reduced to what Envoy calls, optimised.
    Wasm {
        /// Leaves the optimiser out: for quick edits, never for use.
        #[arg(long)]
        no_opt: bool,
        /// Writes dist/plugin-full.wasm instead: with conditions in CEL.
        #[arg(long)]
        full: bool,
    },
    /// Writes dist/oci: the module and the services as images, without a container engine.
    Package(package::Package),
    /// Writes envoy/envoy.yaml anew for another place: its hosts, its module, its credential; kept in git.
    RenderEnvoy {
        /// For where.
        place: Place,
    },
    /// Brings kubernetes/ into a cluster, or looks whether what is there is in force.
    #[command(subcommand)]
    K8s(k8s::K8s),
    /// Runs the demo system: gateway on 8080, identity provider on 8180; until Ctrl-C.
    Demo(demo::Demo),
    /// Runs the ordinary test suite, or the rungs named, and prints what ran and how long it took.
    Test {
        /// All of them, in this order, when none is named.
        #[arg(value_enum)]
        rungs: Vec<test::Rung>,
    },
    /// Tests dist/plugin-full.wasm: everything the small module is tested for in a Wasm runtime, and in
    /// Envoy what only it can do.
    TestFull,
    /// Judges as jwt_authn does or stricter, runs the demo's command, and has neighbours lie: end to end, but
    /// too slow for every day.
    TestSlow,
    /// Harms the stores' databases and caches: kills, freezes, fills disks, fails over.
    TestStores,
    /// Makes the images, pushes them to a registry of its own, pulls, signs and verifies them there.
    TestImages,
    /// Has Docker Compose start compose.yaml on podman, and asks of it what the contract says.
    TestCompose {
        /// Takes dist/oci and dist/plugin.wasm as they are, and builds nothing.
        #[arg(long)]
        built: bool,
    },
    /// Serves kubernetes/gateway-api by Envoy Gateway on this machine, and asks of it what the contract says.
    TestGateway,
    /// Has a real Keycloak in the identity provider's place: the contract, its keys, its logouts.
    TestIdp,
    /// Applies every overlay of kubernetes/ to a real API server, with nodes that only say that they run.
    TestK8s,
    /// Has Cerbos and OpenFGA decide what the gateway asks.
    TestPeers,
    /// Asks the administration API what its OpenAPI document allows, and what it does not.
    TestAdminApi,
    /// Uses the admin console in a real Chromium.
    TestBrowser {
        /// Takes the picture in the console's documentation anew.
        #[arg(long)]
        picture: bool,
    },
    /// Measures the filter in a real Envoy, beside Envoy's own filters.
    Bench(bench::Bench),
    /// Feeds parsers and checks with what nobody would send; docs in CONTRIBUTING.md.
    Fuzz(fuzz::Fuzz),
    /// Formatting, lints (native and wasm), documentation, dependencies.
    Check,
}

fn main() -> ExitCode {
    let result = run(Arguments::parse().command);
    claimgate_proc::park_if_stopping();
    result.unwrap_or_else(|error| {
        say(format_args!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Wasm { no_opt, full } => {
            let build = if full { wasm::build_full } else { wasm::build };
            build(!no_opt).map(|_| ExitCode::SUCCESS)
        }
        Command::Package(package) => package.run(),
        Command::RenderEnvoy { place } => {
            say(place.write()?.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::K8s(k8s) => k8s.run(),
        Command::Demo(demo) => demo.run(),
        Command::Test { rungs } => test::run(&rungs),
        Command::TestFull => test::full(),
        Command::TestSlow => test::slow(),
        Command::TestStores => test::stores(),
        Command::TestImages => test::images(),
        Command::TestCompose { built } => test::compose(built),
        Command::TestGateway => test::gateway(),
        Command::TestIdp => test::idp(),
        Command::TestK8s => test::kubernetes(),
        Command::TestPeers => test::peers(),
        Command::TestAdminApi => test_admin_api::run(),
        Command::TestBrowser { picture } => test::browser(picture),
        Command::Bench(bench) => bench.run(),
        Command::Fuzz(fuzz) => fuzz.run(),
        Command::Check => check::run(),
    }
}
