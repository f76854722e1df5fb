//! `cargo xtask check`: what a reviewer should not have to look for.
//!
//! All of it runs, also after a failure: one round shows everything.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use claimgate_proc::Launch;
use xtask::tools::{self, WasmToolchain};
use xtask::{run, say, workspace};

/// The one file of the filter that may hold unsafe code.
const UNSAFE_FILE: &str = "src/filter/host/raw.rs";

type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 6] = [
    ("format", || cargo(&["fmt", "--all", "--check"])),
    ("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("clippy for wasm", clippy_wasm),
    ("documentation", documentation),
    ("dependencies", dependencies),
    ("unsafe code", unsafe_code),
];

/// Fails when any check does.
pub(crate) fn run() -> Result<ExitCode> {
    let mut results = Vec::new();
    for (name, check) in CHECKS {
        say(format_args!("check: {name}"));
        let begun = Instant::now();
        let result = check();
        if let Err(error) = &result {
            say(format_args!("{name}: {error:#}"));
        }
        results.push((name, result.is_ok(), begun.elapsed().as_secs_f64()));
    }
    println!();
    for (name, good, took) in &results {
        println!("{name:<16} {:<7} {took:>7.1} s", if *good { "ok" } else { "FAILED" });
    }
    let good = results.iter().all(|(_, good, _)| *good);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cargo(args: &[&str]) -> Result<()> {
    succeed(&run::cargo(args))
}

fn succeed(launch: &Launch) -> Result<()> {
    run::succeed(launch, run::BUILD_LIMIT)
}

fn clippy_wasm() -> Result<()> {
    let own = tools::wasm_toolchain()? == WasmToolchain::Own;
    ensure!(own, "clippy needs the target: rustup target add wasm32-wasip1");
    let packages = ["claimgate", "claimgate-bench-modules", "claimgate-verify-probe"];
    let packages: Vec<_> = packages.iter().flat_map(|name| ["--package", name]).collect();
    let (args, deny) = (
        ["clippy", "--no-default-features", "--target", "wasm32-wasip1"],
        ["--", "-D", "warnings"],
    );
    cargo(&[&args[..], &packages, &deny].concat())
}

/// A module's opening may name the private ones that it is made of: who reads the source follows them.
fn documentation() -> Result<()> {
    let launch = run::cargo(&["doc", "--workspace", "--no-deps"]);
    succeed(&launch.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links"))
}

/// Advisories need the network; they are not part of this.
fn dependencies() -> Result<()> {
    let deny = tools::cargo_deny()?;
    let name = deny.display().to_string();
    let launch = Launch::new("cargo deny", name, claimgate_proc::Output::Inherit)
        .args(["--offline", "check", "bans", "licenses", "sources"])
        .dir(workspace::root());
    succeed(&launch)
}

fn unsafe_code() -> Result<()> {
    let mut files = Vec::new();
    collect(&workspace::root().join("src"), &mut files)?;
    files.retain(|file| file != UNSAFE_FILE);
    ensure!(files.is_empty(), "only {UNSAFE_FILE} may allow unsafe code, not {}", files.join(", "));
    Ok(())
}

/// The files under `folder` that allow unsafe code, as paths from the repository's root.
fn collect(folder: &Path, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            if ["allow(unsafe_code", "expect(unsafe_code"].iter().any(|mark| text.contains(mark)) {
                found.push(path.strip_prefix(workspace::root())?.display().to_string());
            }
        }
    }
    Ok(())
}
