//! Commands we run and wait for.
//!
//! They are children like any other, so a signal to us ends them too. None may run without a limit.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, process};

use anyhow::{Context, Result, bail, ensure};
use claimgate_proc::{Launch, Output};

use crate::workspace;

/// For builds: long enough for a cold one on a small machine.
pub const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);
const LOG_LINES: usize = 30;

/// A cargo command in the repository's root, with our output.
#[must_use]
pub fn cargo(args: &[&str]) -> Launch {
    Launch::new(format!("cargo {}", args.join(" ")), workspace::cargo(), Output::Inherit)
        .args(args)
        .dir(workspace::root())
}

/// Runs to the end; an error when it fails or takes longer than `limit`.
pub fn succeed(launch: &Launch, limit: Duration) -> Result<()> {
    let (name, status) = finish(launch, limit)?;
    ensure!(status.success(), "{name} failed ({status})");
    Ok(())
}

/// Runs quietly; the error carries the end of what it said.
pub fn succeed_quietly(program: &Path, args: &[&str], limit: Duration) -> Result<()> {
    capture(program, args, limit).map(drop)
}

/// Runs quietly and returns what it said, stdout and stderr together.
pub fn capture(program: &Path, args: &[&str], limit: Duration) -> Result<String> {
    capture_with(program, args, &[], limit)
}

/// The same with these environment variables.
pub fn capture_with(
    program: &Path,
    args: &[&str],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<String> {
    let log = Scratch::new("command")?;
    let launch =
        Launch::new(program.display().to_string(), program, Output::Log(log.path().join("output")));
    let launch = launch.args(args);
    let launch = variables.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
    let child = launch.start()?;
    let status = child.wait(limit);
    let said = child.log_tail(usize::MAX);
    match status {
        Some(status) if status.success() => Ok(said),
        Some(status) => {
            bail!("{} {} failed ({status}):\n{}", child.name(), args.join(" "), tail(&said))
        }
        None => bail!("{} {} took longer than {limit:?}", child.name(), args.join(" ")),
    }
}

fn finish(launch: &Launch, limit: Duration) -> Result<(String, ExitStatus)> {
    let child = launch.start()?;
    let status = child.wait(limit);
    let status = status.with_context(|| format!("{} took longer than {limit:?}", child.name()))?;
    Ok((child.name().to_owned(), status))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES)..).unwrap_or_default().join("\n")
}

/// A folder of our own under the system's temporary one, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// `name` says what for.
    pub fn new(name: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("claimgate-{name}-{}-{count}", process::id()));
        // A leftover of a process that once had our id.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
