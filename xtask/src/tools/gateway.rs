//! Envoy Gateway and what goes with it: its controller and `egctl`; and func-e, which runs Envoy by itself. Built from Go modules.
//!
//! Pinned, whatever is on `PATH`: another version makes another configuration of the same manifests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::go::{self, GoProgram};
use super::install;
use crate::{run, say};

const MODULE: &str = "github.com/envoyproxy/gateway";
const VERSION: &str = "1.9.1";
const CONTROLLER: GoProgram = GoProgram {
    name: "envoy-gateway",
    version: VERSION,
    package: "github.com/envoyproxy/gateway/cmd/envoy-gateway",
};

const FUNC_E: GoProgram = GoProgram {
    name: "func-e",
    version: "1.6.0",
    package: "github.com/tetratelabs/func-e/cmd/func-e",
};

/// As it is published, egctl renders a policy with Wasm as an error, because it has nowhere to fetch
/// modules to. This stands in for that place.
const STUB: &str = include_str!("gateway/wasm_stub.go");
const COMMAND: &str = "internal/cmd/egctl";
/// After what in `translate.go` comes what, and how often.
const CHANGES: [(&str, &str, usize); 3] = [
    ("\n\t\tBackendEnabled:          true,\n", WITH_STUB, 2),
    ("\n\t\tBackendEnabled:          opts.BackendEnabled,\n", WITH_STUB, 1),
    ("xTranslator := &translator.Translator{\n", NAMESPACE, 1),
];
const WITH_STUB: &str =
    "\t\tWasmCache: stubWasmCache{},\n\t\tControllerNamespace: \"envoy-gateway-system\",\n";
const NAMESPACE: &str = "\t\t\tControllerNamespace: \"envoy-gateway-system\",\n";

/// The controller.
pub fn envoy_gateway() -> Result<PathBuf> {
    CONTROLLER.pinned()
}

/// Where Go keeps its source, with the descriptions of the kinds of the Gateway API and of its own.
pub fn envoy_gateway_source() -> Result<PathBuf> {
    go::source(MODULE, VERSION)
}

/// `func-e`, Envoy's own launcher.
pub fn func_e() -> Result<PathBuf> {
    FUNC_E.pinned()
}

/// `egctl`, changed so that it renders policies with Wasm.
pub fn egctl() -> Result<PathBuf> {
    let home = install::into_home(&format!("egctl-wasm-{VERSION}"), |dir| {
        say(format_args!("building egctl {VERSION} from {MODULE}, once, some minutes: go build"));
        let (source, work) = (go::source(MODULE, VERSION)?, run::Scratch::new("egctl")?);
        let copy = work.path().join("source");
        copy_writable(&source, &copy)?;
        fs::write(copy.join(COMMAND).join("wasm_stub.go"), STUB)?;
        change(&copy.join(COMMAND).join("translate.go"))?;
        go::build(&copy, "./cmd/egctl", &dir.join("bin/egctl"))
    });
    let advice = format!("egctl needs Go 1.26 or newer, and {MODULE} to be reachable");
    Ok(home.context(advice)?.join("bin/egctl"))
}

fn change(file: &Path) -> Result<()> {
    let mut text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    for (there, more, times) in CHANGES {
        let found = text.matches(there).count();
        ensure!(
            found == times,
            "{}: {found} of {times} places to change: is it {VERSION}?",
            file.display()
        );
        text = text.replace(there, &format!("{there}{more}"));
    }
    Ok(fs::write(file, text)?)
}

fn copy_writable(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_writable(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), &copy)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}
