//! `cargo xtask fuzz`: builds the targets of `tests/fuzz` with coverage counters and runs them.
//!
//! On the stable compiler: libFuzzer is linked, LLVM's own pass counts edges and comparisons. What a run
//! learns stays in the target folder and is where the next begins. It must never end well after a
//! finding: the input that shows it is kept, and its path printed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output};
use clap::ValueEnum;
use xtask::{run, say, workspace};

const PACKAGE: &str = "claimgate-fuzz";
/// LLVM's edge counters and comparisons: what `-fsanitize=fuzzer` asks for, without the sanitizer.
const INSTRUMENTED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longest input: a token at its limit and what surrounds it, and more than a header may have.
const LONGEST: &str = "-max_len=20000";
/// For the end of a run that was to last some seconds.
const GRACE: Duration = Duration::from_secs(60);
/// Until stopped by hand, in practice.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The command's flags.
#[derive(clap::Args)]
pub(crate) struct Fuzz {
    /// The targets; all when none is named.
    #[arg(value_enum)]
    targets: Vec<Target>,
    /// A short run of each, then the time and the runs of each.
    #[arg(long)]
    smoke: bool,
    /// How long each lasts with --smoke.
    #[arg(long, value_name = "N", default_value_t = 60, requires = "smoke")]
    seconds: u64,
}

/// What is fuzzed; see `tests/fuzz/src/lib.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A credential, with real signatures: only what was signed may pass.
    Token,
    /// A credential whose signature is believed: what is behind the check.
    Claims,
    /// A key set's document.
    Jwks,
    /// A configuration.
    Config,
    /// A proof of possession, with real signatures and with believed ones.
    Dpop,
    /// A body at the authorization service's AuthZEN endpoints.
    Questions,
    /// A condition in CEL, and claims that it may be about.
    Cel,
    /// A message of Envoy's ext_authz over gRPC.
    CheckRequest,
    /// A value of the cache that replicas share.
    Shared,
    /// A logout token or a security event.
    Statements,
}

impl Fuzz {
    /// Fails with the first finding of each target that has one.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let targets =
            if self.targets.is_empty() { Target::value_variants() } else { &self.targets };
        ensure!(self.smoke || targets.len() == 1, "name one target, or say --smoke");
        let programs = build(targets)?;
        let mut good = true;
        for (target, program) in targets.iter().zip(&programs) {
            let folders = Folders::of(*target)?;
            good &= self.fuzz(*target, program, &folders)?;
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Whether it ended without a finding.
    fn fuzz(&self, target: Target, program: &Path, folders: &Folders) -> Result<bool> {
        let output = if self.smoke { Output::Log(folders.log.clone()) } else { Output::Inherit };
        let launch = Launch::new(target.name(), program, output)
            .args([LONGEST, "-timeout=10", "-rss_limit_mb=2048"])
            .arg(format!("-artifact_prefix={}/", folders.findings.display()))
            .arg(&folders.corpus)
            .arg(&folders.seeds);
        let seconds = Duration::from_secs(self.seconds);
        let (launch, limit) = if self.smoke {
            (launch.arg(format!("-max_total_time={}", self.seconds)), seconds + GRACE)
        } else {
            (launch, WEEK)
        };
        let begun = Instant::now();
        let child = launch.start()?;
        let status = child.wait(limit).with_context(|| format!("{} hangs", target.name()))?;
        let said = child.log_tail(40);
        let runs = said.lines().rev().find_map(runs).unwrap_or("?");
        let (name, took) = (target.name(), begun.elapsed().as_secs_f64());
        if status.success() {
            println!("{name:<13} ok     {took:>6.1} s {runs:>10} runs");
        } else {
            println!("{said}\n{name:<13} FAILED {took:>6.1} s; the input is in");
            folders.findings()?.iter().for_each(|file| println!("  {}", file.display()));
        }
        Ok(status.success())
    }
}

/// The number in `Done 3004 runs in 61 second(s)`.
fn runs(line: &str) -> Option<&str> {
    line.strip_prefix("Done ")?.split(' ').next()
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Claims => "claims",
            Self::Jwks => "jwks",
            Self::Config => "config",
            Self::Dpop => "dpop",
            Self::Questions => "questions",
            Self::Cel => "cel",
            Self::CheckRequest => "check-request",
            Self::Shared => "shared",
            Self::Statements => "statements",
        }
    }
}

/// The targets' programs. In a folder of their own, so that ordinary builds keep theirs; for an
/// explicit host, so that build scripts are not instrumented.
fn build(targets: &[Target]) -> Result<Vec<PathBuf>> {
    let host = host()?;
    let folder = workspace::target_dir()?.join("fuzz");
    let names: Vec<_> = targets.iter().map(|target| format!("fuzz-{}", target.name())).collect();
    let mut args =
        vec!["build", "--package", PACKAGE, "--profile", "fuzz", "--features", "libfuzzer"];
    args.extend(["--target", &host]);
    args.extend(names.iter().flat_map(|name| ["--bin", name.as_str()]));
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let build = run::cargo(&args)
        .env("CARGO_TARGET_DIR", &folder)
        .env("RUSTFLAGS", format!("{flags} {INSTRUMENTED}"));
    let begun = Instant::now();
    run::succeed(&build, run::BUILD_LIMIT)?;
    say(format_args!("built in {:.1} s", begun.elapsed().as_secs_f64()));
    let programs = folder.join(host).join("fuzz");
    Ok(names.iter().map(|name| programs.join(name)).collect())
}

fn host() -> Result<String> {
    let said = run::capture(Path::new("rustc"), &["-vV"], Duration::from_secs(60))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc names no host")
}

/// Where a target's inputs are.
struct Folders {
    /// What earlier runs learned.
    corpus: PathBuf,
    /// Written anew for every run.
    seeds: PathBuf,
    findings: PathBuf,
    log: PathBuf,
}

impl Folders {
    fn of(target: Target) -> Result<Self> {
        let home = workspace::target_dir()?.join("fuzz/inputs").join(target.name());
        let folder = |name: &str| home.join(name);
        let folders = Self {
            corpus: folder("corpus"),
            seeds: folder("seeds"),
            findings: folder("findings"),
            log: folder("log"),
        };
        let _ = fs::remove_file(&folders.log);
        let _ = fs::remove_dir_all(&folders.findings);
        for made in [&folders.corpus, &folders.seeds, &folders.findings] {
            fs::create_dir_all(made)
                .with_context(|| format!("cannot create {}", made.display()))?;
        }
        write_seeds(target, &folders.seeds)?;
        Ok(folders)
    }

    fn findings(&self) -> Result<Vec<PathBuf>> {
        fs::read_dir(&self.findings)?.map(|entry| Ok(entry?.path())).collect()
    }
}

fn write_seeds(target: Target, folder: &Path) -> Result<()> {
    let args = ["run", "--quiet", "--package", PACKAGE, "--bin", "fuzz-seeds", "--"];
    let launch = run::cargo(&args).arg(target.name()).arg(folder);
    run::succeed(&launch, run::BUILD_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_libfuzzer_has_the_runs() {
        assert_eq!(runs("Done 3004 runs in 61 second(s)"), Some("3004"));
        assert_eq!(runs("#3004 DONE cov: 12 ft: 13"), None);
    }
}
