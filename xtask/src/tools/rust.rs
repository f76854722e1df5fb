//! The compiler for what is shipped, and `cargo deny`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use claimgate_proc::{Launch, Output};

use super::install;
use crate::{run, say, workspace};

/// What the module is built for.
pub const WASM_TARGET: &str = "wasm32-wasip1";
/// What shipped services are built for: Linux, and no library of it.
pub const MUSL_TARGET: &str = "x86_64-unknown-linux-musl";
/// Where the toolchain server is out of reach, rustup hangs.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);
const DENY_VERSION: &str = "0.20.2";

/// Debian's compiler, which builds its own standard library for the target.
const DEBIAN_PACKAGES: [&str; 6] =
    ["rustc-web", "rust-web-src", "cargo-web", "rust-web-llvm", "lld-22", "wasi-libc"];

/// What compiles for `wasm32-wasip1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The user's own, with the target installed.
    Own,
    /// Debian's packages, beside the user's own.
    Debian,
}

/// Where Debian's packages have what a module is linked with.
const DEBIAN_LINKING: &str = "-Clink-self-contained=no -L/usr/lib/wasm32-wasi";

/// With the compiler's default the module is a twelfth larger, and Envoy's memory grows with it. With
/// 20 it is 3 % smaller still, and every request some 3 % dearer.
const INLINE_LESS: &str = "-Cllvm-args=-inline-threshold=50";

impl WasmToolchain {
    /// Builds for wasm32-wasip1 with these arguments of `cargo rustc`, in the repository's root.
    pub fn build(self, args: &[&str]) -> Result<Launch> {
        let args = [&["rustc", "--target", WASM_TARGET], args].concat();
        let flags = nowhere()?;
        let launch = match self {
            Self::Own => run::cargo(&args).env("RUSTFLAGS", flags),
            Self::Debian => Launch::new("Debian's cargo build", "/usr/bin/cargo", Output::Inherit)
                .args(args)
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTFLAGS", format!("{flags} {DEBIAN_LINKING}"))
                .dir(workspace::root()),
        };
        Ok(launch.args(["--", INLINE_LESS]))
    }
}

/// Flags of the compiler for what is shipped. Messages name source files; where those were on this machine is
/// nobody's business, and would make each machine's programs other ones.
pub fn nowhere() -> Result<String> {
    let (home, root) = (cargo_home()?, workspace::root());
    let (home, root) = (home.display(), root.display());
    Ok(format!("--remap-path-prefix={home}=/cargo --remap-path-prefix={root}=/claimgate"))
}

/// The user's toolchain, with the target added when rustup can; else Debian's.
pub fn wasm_toolchain() -> Result<WasmToolchain> {
    if has_target(WASM_TARGET) || add_target(WASM_TARGET) {
        return Ok(WasmToolchain::Own);
    }
    let installed = || DEBIAN_PACKAGES.iter().all(|package| is_installed(package));
    if !installed() {
        say("falling back on Debian's compiler for the module");
        install::apt(&DEBIAN_PACKAGES).with_context(|| {
            format!("no compiler for {WASM_TARGET}: rustup target add {WASM_TARGET}")
        })?;
    }
    Ok(WasmToolchain::Debian)
}

/// Makes sure that services can be built for [`MUSL_TARGET`].
pub fn musl() -> Result<()> {
    // For the C in SQLite and ring.
    install::program("musl-gcc", "musl-tools")?;
    ensure!(
        has_target(MUSL_TARGET) || add_target(MUSL_TARGET),
        "run this, then try again:\n  rustup target add {MUSL_TARGET}"
    );
    Ok(())
}

/// The compiler.
pub fn rustc() -> Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    rustc.to_str().and_then(install::on_path).context("rustc is not on PATH")
}

/// Where cargo keeps the sources of packages.
pub fn cargo_home() -> Result<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home);
    home.context("no home folder: set CARGO_HOME")
}

fn has_target(target: &str) -> bool {
    let Ok(rustc) = rustc() else { return false };
    let args = ["--print", "target-libdir", "--target", target];
    run::capture(&rustc, &args, RUSTUP_LIMIT).is_ok_and(|dir| PathBuf::from(dir.trim()).is_dir())
}

fn add_target(target: &str) -> bool {
    let Some(rustup) = install::on_path("rustup") else { return false };
    say(format_args!("adding the compiler's target: rustup target add {target}"));
    let added = run::succeed_quietly(&rustup, &["target", "add", target], RUSTUP_LIMIT);
    if let Err(error) = &added {
        say(format_args!("that failed: {error}"));
    }
    added.is_ok() && has_target(target)
}

fn is_installed(package: &str) -> bool {
    install::on_path("dpkg-query").is_some_and(|query| {
        let args = ["-W", "-f", "${Status}", package];
        run::capture(&query, &args, RUSTUP_LIMIT).is_ok_and(|said| said == "install ok installed")
    })
}

/// `cargo-deny`: the user's, else built into the tools' folder.
pub fn cargo_deny() -> Result<PathBuf> {
    if let Some(path) = install::on_path("cargo-deny") {
        return Ok(path);
    }
    let tool = format!("cargo-deny-{DENY_VERSION}");
    let built = install::home(&tool)?.join("bin/cargo-deny");
    if built.is_file() {
        return Ok(built);
    }
    let command = format!("cargo install cargo-deny --locked --version {DENY_VERSION}");
    say(format_args!("building cargo-deny, once, some minutes: {command}"));
    let home = install::into_home(&tool, |dir| {
        let root = dir.display().to_string();
        let version = ["--version", DENY_VERSION];
        let args = [&["install", "cargo-deny", "--locked", "--root", &root][..], &version].concat();
        run::succeed(&run::cargo(&args), run::BUILD_LIMIT)
    });
    Ok(home
        .with_context(|| format!("run this, then try again:\n  {command}"))?
        .join("bin/cargo-deny"))
}
