//! The module that is shipped: built, reduced to what the host calls, optimised.
//!
//! A module with fewer exports is smaller and each request through it is cheaper: the host does not
//! call what is not there. It must never keep an export because a library happens to have it:
//! [`KEPT_EXPORTS`] is the list. What the benchmark compares with goes the same way.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::tools::{self, Binaryen};
use crate::{run, say, workspace};

/// The callbacks the filter uses, and what the ABI itself needs. Those a build does not have are
/// passed over.
pub const KEPT_EXPORTS: [&str; 15] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "malloc",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_queue_ready",
    "proxy_on_http_call_response",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_delete",
];

/// What Envoy's V8 knows; with `--all-features` it refuses the module.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-multivalue",
    "--enable-reference-types",
];

/// Stands before the filter in a module that is for tests alone.
const TRAPS: &str = "tests/gateway/traps.wat";

const OPT_LIMIT: Duration = Duration::from_secs(600);

/// A package and the library that it is in the target folder.
struct Source {
    package: &'static str,
    library: &'static str,
    /// The library has one name in a profile's folder, whatever its features.
    profile: &'static str,
    /// What cargo is told about features.
    features: &'static [&'static str],
}

/// What cargo is told about the features of the module.
pub const FILTER_FEATURES: [&str; 1] = ["--no-default-features"];
/// The same of the module with everything in it.
pub const FULL_FEATURES: [&str; 3] = ["--no-default-features", "--features", "full"];

const FILTER: Source = Source {
    package: "claimgate",
    library: "claimgate",
    profile: "wasm",
    features: &FILTER_FEATURES,
};
const FULL_FILTER: Source = Source { profile: "wasm-full", features: &FULL_FEATURES, ..FILTER };
const FLOOR: Source = Source {
    package: "claimgate-bench-modules",
    library: "claimgate_bench_modules",
    profile: "wasm",
    features: &[],
};
const PROBE: Source = Source {
    package: "claimgate-verify-probe",
    library: "claimgate_verify_probe",
    profile: "wasm",
    features: &[],
};

/// Builds the module and writes `dist/plugin.wasm`, optimised unless told otherwise.
pub fn build(optimise: bool) -> Result<PathBuf> {
    build_filter(&FILTER, workspace::plugin(), optimise)
}

/// Builds the module with everything in it and writes `dist/plugin-full.wasm`, likewise.
pub fn build_full(optimise: bool) -> Result<PathBuf> {
    build_filter(&FULL_FILTER, workspace::plugin_full(), optimise)
}

fn build_filter(source: &Source, plugin: PathBuf, optimise: bool) -> Result<PathBuf> {
    let built = source.compile()?;
    let name = plugin.file_name().unwrap_or_default().display();
    fs::create_dir_all(workspace::root().join("dist"))?;
    if !optimise {
        fs::copy(&built, &plugin)?;
        say(format_args!("dist/{name}: {}, not optimised, not for use", kilobytes(&plugin)?));
        return Ok(plugin);
    }
    shrink_once(&built, &plugin)?;
    say(format_args!("dist/{name}: {} ({} before)", kilobytes(&plugin)?, kilobytes(&built)?));
    Ok(plugin)
}

/// Builds what the benchmark compares the filter with, in the target folder: modules that do next
/// to nothing.
pub fn build_floor() -> Result<PathBuf> {
    let built = FLOOR.compile()?;
    let plugin = built.with_file_name("bench_modules_optimised.wasm");
    shrink_once(&built, &plugin)?;
    Ok(plugin)
}

/// Builds the module as it is shipped, but for one thing: it traps on a request that tests send
/// (`tests/gateway/traps.wat` says which). In the target folder, where nothing that is packaged comes from.
pub fn build_trapping() -> Result<PathBuf> {
    let module = build(true)?;
    let traps = workspace::root().join(TRAPS);
    let trapping = workspace::target_dir()?.join("plugin-trapping.wasm");
    let [module, traps, merged] =
        [&module, &traps, &trapping].map(|path| path.display().to_string());
    // What both export the first has under that name; the second's is called otherwise, and by nobody outside.
    let args = [&traps, "traps", &module, "filter", "--rename-export-conflicts", "-o", &merged];
    let args = [&args[..], &FEATURES].concat();
    run::succeed_quietly(&tools::binaryen()?.merge, &args, OPT_LIMIT)?;
    Ok(trapping)
}

/// Builds what tests ask for the host's opinion of signatures, in the target folder.
pub fn build_probe() -> Result<PathBuf> {
    PROBE.compile()
}

impl Source {
    fn compile(&self) -> Result<PathBuf> {
        let toolchain = tools::wasm_toolchain()?;
        // The other crate types of the library would keep the compiler from inlining less.
        let library = ["--lib", "--crate-type", "cdylib"];
        let args = ["--profile", self.profile, "--package", self.package];
        let args = [&args[..], &library, self.features].concat();
        run::succeed(&toolchain.build(&args)?, run::BUILD_LIMIT)?;
        let built = format!("wasm32-wasip1/{}/{}.wasm", self.profile, self.library);
        Ok(workspace::target_dir()?.join(built))
    }
}

/// Optimises `built` into `plugin` unless that is what `plugin` holds.
fn shrink_once(built: &Path, plugin: &Path) -> Result<()> {
    let binaryen = tools::binaryen()?;
    let stamp = built.with_extension("optimised");
    let inputs = inputs(&binaryen, built)?;
    let found = fs::read_to_string(&stamp).ok();
    if found.is_none() || found != stamped(&inputs, plugin) {
        shrink(&binaryen, built, plugin)?;
        fs::write(&stamp, stamped(&inputs, plugin).context("the optimised module is gone")?)?;
    }
    Ok(())
}

/// Keeps functions apart that have one caller. Joined, the largest would have 72 kB; a host compiles a
/// function at a time, in memory that grows with it and that Envoy does not give back.
const APART: &str = "--one-caller-inline-max-function-size=0";

/// Drops every export but the kept ones, with what only they reach; then optimises.
fn shrink(binaryen: &Binaryen, built: &Path, plugin: &Path) -> Result<()> {
    say("optimising the module: wasm-metadce, wasm-opt -O3");
    let scratch = run::Scratch::new("wasm")?;
    let (graph, reduced) = (scratch.path().join("graph.json"), scratch.path().join("reduced.wasm"));
    fs::write(&graph, reachable().to_string())?;
    let [built, graph, reduced_name] =
        [built, &graph, &reduced].map(|path| path.display().to_string());
    let args = [&built, "--graph-file", &graph, "-o", &reduced_name];
    let args = [&args[..], &FEATURES].concat();
    run::succeed_quietly(&binaryen.metadce, &args, OPT_LIMIT)?;
    let optimised = scratch.path().join("optimised.wasm");
    let optimised_name = optimised.display().to_string();
    let args = [&reduced_name, "-O3", APART, "-o", &optimised_name];
    let args = [&args[..], &FEATURES].concat();
    run::succeed_quietly(&binaryen.opt, &args, OPT_LIMIT)?;
    replace(&optimised, plugin)
}

/// In one step: an Envoy that starts meanwhile reads the old module or the new one.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let beside = to.with_extension("new");
    fs::copy(from, &beside)?;
    fs::rename(beside, to)?;
    Ok(())
}

/// The graph that `wasm-metadce` starts from: exports that it does not name are dropped, names that
/// the module does not have are passed over.
fn reachable() -> serde_json::Value {
    let host = json!({"name": "host", "root": true, "reaches": KEPT_EXPORTS});
    let exports = KEPT_EXPORTS.iter().map(|name| json!({"name": name, "export": name}));
    std::iter::once(host).chain(exports).collect()
}

/// Whatever decides what the optimised module looks like.
fn inputs(binaryen: &Binaryen, built: &Path) -> Result<String> {
    let settings =
        [binaryen.version, &KEPT_EXPORTS.join(" "), &FEATURES.join(" "), APART].join("\n");
    Ok(format!("{} {}", tools::digest(&fs::read(built)?), tools::digest(settings.as_bytes())))
}

/// The stamp that a finished `plugin` made of these inputs carries; `None` without a `plugin`.
fn stamped(inputs: &str, plugin: &Path) -> Option<String> {
    Some(format!("{inputs} {}", tools::digest(&fs::read(plugin).ok()?)))
}

fn kilobytes(file: &Path) -> Result<String> {
    Ok(format!("{:.1} kB", fs::metadata(file)?.len() as f64 / 1000.0))
}
