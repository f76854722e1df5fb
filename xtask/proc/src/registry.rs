//! Every child that runs, so that a signal can stop them all.
//!
//! The first start installs the handler for SIGINT, SIGTERM and SIGHUP: it stops the children in
//! reverse order of their start and then ends this process. It must never be possible to start a
//! child without it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::{process, thread};

use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::child::Inner;

static CHILDREN: Mutex<Vec<Arc<Inner>>> = Mutex::new(Vec::new());
static STOPPING: AtomicBool = AtomicBool::new(false);
static STATUS_ON_SIGNAL: AtomicI32 = AtomicI32::new(-1);

/// The exit status for an end by signal. Without this call we end by that signal itself, as a
/// program without a handler does.
pub fn exit_with_on_signal(status: i32) {
    STATUS_ON_SIGNAL.store(status, Ordering::SeqCst);
    watch_signals();
}

/// True from the moment a signal has begun to stop the children: a child that ends now did so
/// because we asked.
#[must_use]
pub fn is_stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

/// Does not return once a signal has begun to stop the children: what looks like a failure now is
/// that stop, and the thread that handles it ends this process.
pub fn park_if_stopping() {
    while is_stopping() {
        thread::park();
    }
}

/// The last started first.
fn stop_all() {
    loop {
        let last = children().last().cloned();
        let Some(child) = last else { return };
        child.stop();
    }
}

pub(crate) fn add(child: &Arc<Inner>) {
    watch_signals();
    children().push(Arc::clone(child));
    if is_stopping() {
        child.stop();
    }
}

pub(crate) fn remove(pid: Pid) {
    children().retain(|child| child.pid() != pid);
}

fn children() -> MutexGuard<'static, Vec<Arc<Inner>>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch_signals() {
    static WATCHED: OnceLock<io::Result<()>> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                end_by(signal);
            }
        })?;
        Ok(())
    });
}

fn end_by(signal: i32) -> ! {
    STOPPING.store(true, Ordering::SeqCst);
    stop_all();
    let status = STATUS_ON_SIGNAL.load(Ordering::SeqCst);
    if status < 0 {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    process::exit(if status < 0 { 128 + signal } else { status })
}
