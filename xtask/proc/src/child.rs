//! A running child and the ways to end it.
//!
//! Signals go to the child's whole process group. The child is waited for only here, so every
//! clone of the state agrees on whether it still runs. It must never wait without a deadline.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
#[cfg(target_os = "linux")]
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::launch::{Launch, Output};
use crate::registry;

/// How long a child has between TERM and KILL.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(10);

/// A running child, stopped when this is dropped.
#[derive(Debug)]
pub struct Process {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    name: String,
    pid: Pid,
    log: Option<PathBuf>,
    own_group: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Running(Child),
    Ended(ExitStatus),
}

impl Process {
    pub(crate) fn new(launch: &Launch, child: Child, own_group: bool) -> Self {
        let log = match &launch.output {
            Output::Log(path) => Some(path.clone()),
            Output::Inherit | Output::Pipe => None,
        };
        let inner = Inner {
            name: launch.name.clone(),
            pid: Pid::from_raw(child.id().cast_signed()),
            log,
            own_group,
            state: Mutex::new(State::Running(child)),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// The name from [`Launch::new`].
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The process id, which is also the id of its group.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.inner.pid.as_raw().cast_unsigned()
    }

    /// How it ended, or `None` while it runs.
    #[must_use]
    pub fn exited(&self) -> Option<ExitStatus> {
        self.inner.exited()
    }

    /// Waits until it has ended, `None` when `limit` passes first.
    #[must_use]
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        self.inner.wait(limit)
    }

    /// TERM, then KILL after 3 s; returns when it has ended.
    pub fn stop(&self) {
        self.inner.stop();
    }

    /// KILL at once, as a crash would end it; returns when it has ended.
    pub fn kill(&self) {
        self.inner.kill();
    }

    /// SIGSTOP: it keeps its ports and answers nothing. On Linux returns when its last thread stands
    /// still: on a busy machine one of them could go on answering for a while.
    pub fn freeze(&self) {
        self.inner.signal(Signal::SIGSTOP);
        #[cfg(target_os = "linux")]
        let _ = crate::wait_until(PATIENCE, || stands_still(self.inner.pid));
    }

    /// SIGCONT, after [`Process::freeze`].
    pub fn thaw(&self) {
        self.inner.signal(Signal::SIGCONT);
    }

    /// Its stdout, once, when it was started with [`Output::Pipe`].
    #[must_use]
    pub fn take_stdout(&self) -> Option<ChildStdout> {
        match &mut *self.inner.state() {
            State::Running(child) => child.stdout.take(),
            State::Ended(_) => None,
        }
    }

    /// The file with its output, when it has one.
    #[must_use]
    pub fn log(&self) -> Option<&Path> {
        self.inner.log.as_deref()
    }

    /// The last `lines` lines of its log; empty without one.
    #[must_use]
    pub fn log_tail(&self, lines: usize) -> String {
        let read = self.log().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&read);
        let all: Vec<&str> = text.lines().collect();
        all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether it has stopped, which stays to be seen by whoever waits for it.
#[cfg(target_os = "linux")]
fn stands_still(pid: Pid) -> bool {
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(pid), flags), Ok(WaitStatus::StillAlive))
}

impl Inner {
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    fn exited(&self) -> Option<ExitStatus> {
        let mut state = self.state();
        if let State::Running(child) = &mut *state
            && let Ok(Some(status)) = child.try_wait()
        {
            *state = State::Ended(status);
        }
        match &*state {
            State::Running(_) => None,
            State::Ended(status) => Some(*status),
        }
    }

    fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            let status = self.exited();
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            thread::sleep(POLL);
        }
    }

    pub(crate) fn stop(&self) {
        if self.exited().is_none() {
            self.signal(Signal::SIGTERM);
            // A frozen child takes the TERM only once it runs again.
            self.signal(Signal::SIGCONT);
            let _ = self.wait(PATIENCE);
        }
        self.kill();
    }

    fn kill(&self) {
        self.signal(Signal::SIGKILL);
        let _ = self.wait(PATIENCE);
        registry::remove(self.pid);
    }

    /// Errors mean that nobody is left to signal. Once the child has ended only its group is
    /// signalled, for what it may have left behind: its own pid may be another's by then.
    fn signal(&self, signal: Signal) {
        let ended = self.exited().is_some();
        let _ = match (self.own_group, ended) {
            (true, _) => killpg(self.pid, signal),
            (false, false) => kill(self.pid, signal),
            (false, true) => Ok(()),
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
