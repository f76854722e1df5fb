//! Builds the test executables and says which rung each belongs to.
//!
//! One cargo call: several would each settle on other features of the shared dependencies and
//! build them again. Every executable has a rung, so that a new one cannot be forgotten.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output};
use serde_json::Value;
use xtask::workspace::Package;
use xtask::{run, workspace};

use super::Rung;
use super::executable::Executable;

/// In the order of their names; the services' programs are built with them.
pub(super) fn test_executables(rungs: &[Rung]) -> Result<Vec<Executable>> {
    executables(workspace::packages()?.iter().filter(|package| is_needed(package, rungs)))
}

/// Those of the packages in these folders.
pub(super) fn executables_of(folders: &[&str]) -> Result<Vec<Executable>> {
    let named = |package: &&Package| folders.iter().any(|one| package.folder == Path::new(one));
    executables(workspace::packages()?.iter().filter(named))
}

fn executables<'a>(packages: impl Iterator<Item = &'a Package>) -> Result<Vec<Executable>> {
    // Not the benchmarks: they would be built, and then run as tests.
    let mut args =
        vec!["build", "--bins", "--tests", "--message-format", "json-render-diagnostics"];
    args.extend(packages.flat_map(|package| ["--package", &package.name]));
    let messages = cargo_messages(&args)?;
    let mut executables: Vec<_> = messages.iter().filter_map(executable).collect();
    executables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(executables)
}

fn cargo_messages(args: &[&str]) -> Result<Vec<Value>> {
    let launch = Launch::new("cargo build", workspace::cargo(), Output::Pipe);
    let child = launch.args(args).dir(workspace::root()).start()?;
    let stdout = child.take_stdout().context("cargo has no stdout")?;
    let lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let messages = lines.filter_map(|line| serde_json::from_str(&line).ok()).collect();
    let status = child.wait(run::BUILD_LIMIT).context("the build takes too long")?;
    ensure!(status.success(), "the build failed");
    Ok(messages)
}

/// An artifact's message that names a test executable.
fn executable(message: &Value) -> Option<Executable> {
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    let path = PathBuf::from(message.get("executable")?.as_str()?);
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let target = message.pointer("/target/name")?.as_str()?;
    let kind = message.pointer("/target/kind/0")?.as_str()?;
    let folder = manifest.parent()?.to_owned();
    let relative = folder.strip_prefix(workspace::root()).ok()?.display().to_string();
    let rung = rung_of(&relative, kind);
    let place = if relative.is_empty() { "claimgate" } else { &relative };
    is_test.then(|| Executable { name: format!("{place} ({kind} {target})"), rung, path, folder })
}

fn rung_of(folder: &str, kind: &str) -> Rung {
    match folder {
        "" if kind == "test" => Rung::Pipeline,
        "tests/abi" => Rung::Abi,
        "tests/e2e" => Rung::E2e,
        "services/authz-api" => Rung::Unit,
        service if service.starts_with("services/") => Rung::Contract,
        _ => Rung::Unit,
    }
}

/// By their own tests, or because the end-to-end tests run the services.
fn is_needed(package: &Package, rungs: &[Rung]) -> bool {
    let folder = package.folder.to_string_lossy();
    let tested = ["lib", "test"].map(|kind| rung_of(&folder, kind));
    let run = rungs.contains(&Rung::E2e) && folder.starts_with("services/");
    run || rungs.iter().any(|rung| tested.contains(rung))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_executable_has_its_rung() {
        assert_eq!(rung_of("", "cdylib"), Rung::Unit);
        assert_eq!(rung_of("", "test"), Rung::Pipeline);
        assert_eq!(rung_of("services/authz-service", "bin"), Rung::Contract);
        assert_eq!(rung_of("services/authz-api", "lib"), Rung::Unit);
        assert_eq!(rung_of("tests/abi", "test"), Rung::Abi);
        assert_eq!(rung_of("tests/e2e", "test"), Rung::E2e);
        assert_eq!(rung_of("cli", "bin"), Rung::Unit);
    }

    #[test]
    fn a_rung_builds_what_it_tests_and_what_it_runs() {
        let package = |folder: &str| Package { name: folder.to_owned(), folder: folder.into() };
        let needed = |folder, rung| is_needed(&package(folder), &[rung]);
        assert!(needed("", Rung::Unit) && needed("", Rung::Pipeline));
        assert!(
            needed("services/dev-idp", Rung::Contract) && needed("services/dev-idp", Rung::E2e)
        );
        assert!(needed("tests/e2e", Rung::E2e) && !needed("tests/e2e", Rung::Contract));
        assert!(!needed("tests/abi", Rung::E2e) && !needed("services/dev-idp", Rung::Abi));
    }
}
