//! What to start: program, arguments, environment, where its output goes.
//!
//! A value of its own (not `std::process::Command`) because a part is started again after a test
//! has killed it, and because the command is wrapped before it runs. It must never run anything
//! itself: [`Launch::start`] hands it to the spawner.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::child::Process;
use crate::{registry, spawner};

/// Where a child's stdout and stderr go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Both appended to this file, which [`Process::log_tail`] reads.
    Log(PathBuf),
    /// Both to ours, untouched, with our stdin.
    Inherit,
    /// Stdout to [`Process::take_stdout`], stderr to ours, no stdin.
    Pipe,
}

/// A child that can be started, and started again.
#[derive(Clone, Debug)]
pub struct Launch {
    pub(crate) name: String,
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
    pub(crate) output: Output,
    own_group: bool,
}

impl Launch {
    /// `name` is what messages call it; `program` is a path or is looked up on `PATH`.
    pub fn new(name: impl Into<String>, program: impl AsRef<OsStr>, output: Output) -> Self {
        Self {
            name: name.into(),
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            envs: Vec::new(),
            dir: None,
            output,
            own_group: true,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments in order.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets one environment variable; the rest of the environment is ours.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// The working directory; ours when not set.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Stays in our process group: for a child that reads from our terminal.
    #[must_use]
    pub fn share_group(mut self) -> Self {
        self.own_group = false;
        self
    }

    /// Starts it. The error names the program that could not be run.
    pub fn start(&self) -> io::Result<Process> {
        let command = self.command()?;
        let child = spawner::spawn(command).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot run {}: {error}", self.program.to_string_lossy()),
            )
        })?;
        let process = Process::new(self, child, self.own_group);
        registry::add(process.inner());
        Ok(process)
    }

    fn command(&self) -> io::Result<Command> {
        let mut command = wrapped(&self.program)?;
        command.args(&self.args).envs(self.envs.iter().map(|(key, value)| (key, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if self.own_group {
            command.process_group(0);
        }
        match &self.output {
            Output::Inherit => {}
            Output::Pipe => {
                command.stdin(Stdio::null()).stdout(Stdio::piped());
            }
            Output::Log(path) => {
                let log = OpenOptions::new().create(true).append(true).open(path)?;
                command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            }
        }
        Ok(command)
    }
}

/// `setpriv` replaces itself with the program, so the child's pid is the program's. Should this process
/// be killed in the moment before `setpriv` has done its part, the child stays.
fn wrapped(program: &OsStr) -> io::Result<Command> {
    let found = on_path(program).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("cannot run {}: not found", program.to_string_lossy()),
        )
    })?;
    let Some(setpriv) = setpriv() else {
        return Ok(Command::new(found));
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--"]).arg(found);
    Ok(command)
}

/// Looked for before the start: `setpriv` would report a missing program as its own failure.
fn on_path(program: &OsStr) -> Option<PathBuf> {
    let as_path = Path::new(program);
    if as_path.components().count() > 1 {
        return as_path.is_file().then(|| as_path.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn setpriv() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(
            || {
                if cfg!(target_os = "linux") { on_path(OsStr::new("setpriv")) } else { None }
            },
        )
        .as_deref()
}
