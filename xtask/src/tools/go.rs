//! Programs built from Go modules, once, into the tools' folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::install;
use crate::{run, say};

/// Their dependencies are many.
const BUILD: Duration = Duration::from_secs(30 * 60);
/// Without symbols, which nobody debugs here: two thirds of the size.
const STRIPPED: [&str; 2] = ["-ldflags", "-s -w"];

/// A program in a Go module.
pub(super) struct GoProgram {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) package: &'static str,
}

impl GoProgram {
    /// The user's, else one that is built here.
    pub(super) fn path(&self) -> Result<PathBuf> {
        install::on_path(self.name).map_or_else(|| self.pinned(), Ok)
    }

    /// The one of this version, whatever is on `PATH`.
    pub(super) fn pinned(&self) -> Result<PathBuf> {
        let Self { name, version, package } = self;
        let source = format!("{package}@v{version}");
        let advice =
            format!("run this with Go 1.26 or newer, then try again:\n  go install {source}");
        let home = install::into_home(&format!("{name}-{version}"), |dir| {
            say(format_args!("building {name} {version}, once, some minutes: go install {source}"));
            install_from(&source, dir)
        });
        Ok(home.context(advice)?.join("bin").join(name))
    }
}

fn install_from(source: &str, dir: &Path) -> Result<()> {
    let env = install::on_path("env").context("env is not on PATH")?;
    let (bin, go) = (format!("GOBIN={}", dir.join("bin").display()), go()?.display().to_string());
    let args = [&[&*bin, &go, "install"], &STRIPPED[..], &[source]].concat();
    run::succeed_quietly(&env, &args, BUILD)
}

/// Builds a package in a folder with the source of its module.
pub(super) fn build(source: &Path, package: &str, to: &Path) -> Result<()> {
    let (source, to) = (source.display().to_string(), to.display().to_string());
    let args = [&["-C", &source, "build"], &STRIPPED[..], &["-o", &to, package]].concat();
    run::succeed_quietly(&go()?, &args, BUILD)
}

/// Where Go keeps a module's source, which nobody may write to.
pub(super) fn source(module: &str, version: &str) -> Result<PathBuf> {
    let wanted = format!("{module}@v{version}");
    run::succeed_quietly(&go()?, &["mod", "download", &wanted], BUILD)?;
    let cache = run::capture(&go()?, &["env", "GOMODCACHE"], install::LIMIT)?;
    Ok(Path::new(cache.trim()).join(wanted))
}

/// The folder of a tool, built with `steps`.
pub(super) fn built(tool: &str, steps: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let advice = format!("{tool} needs Go 1.26 or newer, and its modules to be reachable");
    install::into_home(tool, |dir| {
        say(format_args!("building {tool} from its Go modules, once, some minutes: go build"));
        fs::create_dir_all(dir.join("bin"))?;
        steps(dir)
    })
    .context(advice)
}

/// A module of our own that requires another one: `go install` refuses those that replace something.
pub(super) struct Module {
    folder: run::Scratch,
    go: PathBuf,
}

impl Module {
    /// `requirements` are lines of its `go.mod`, `packages` what is built.
    pub(super) fn new(name: &str, requirements: &str, packages: &[String]) -> Result<Self> {
        let folder = run::Scratch::new(&format!("build-{name}"))?;
        let go = go()?;
        let module = format!("module claimgate.test/{name}\n\ngo 1.26.0\n\n{requirements}");
        fs::write(folder.path().join("go.mod"), module)?;
        let imports: String = packages.iter().map(|one| format!("\t_ \"{one}\"\n")).collect();
        let tools = format!("//go:build tools\n\npackage tools\n\nimport (\n{imports})\n");
        fs::write(folder.path().join("tools.go"), tools)?;
        let module = Self { folder, go };
        module.run(&["mod", "tidy"])?;
        Ok(module)
    }

    /// Builds one of its packages, to `bin/NAME` below `dir`.
    pub(super) fn build(&self, package: &str, flags: &str, dir: &Path, name: &str) -> Result<()> {
        let to = dir.join("bin").join(name).display().to_string();
        self.run(&["build", "-ldflags", flags, "-o", &to, package])
    }

    fn run(&self, args: &[&str]) -> Result<()> {
        let folder = self.folder.path().display().to_string();
        let args = [&["-C", &folder], args].concat();
        run::capture_with(&self.go, &args, &[("GOTOOLCHAIN", "local")], BUILD).map(drop)
    }
}

fn go() -> Result<PathBuf> {
    install::on_path("go").context("go is not on PATH")
}
