//! The demo system under test: one for all cases that only read, one each for those that disturb.
//!
//! A shared stack lives until this process ends: nothing drops it, so its processes go by the
//! kernel's parent-death signal, and its folder, which keeps the logs, with the next run. The
//! identity provider always signs with the test-only key `rsa-1`, see [`crate::mint`].

use std::env;
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use xtask::stack::{Builder, RUNNING, Stack};
use xtask::workspace;

use crate::mint;

/// A shared stack, or why there is none: said once, then to every test that needs it.
pub type Shared = OnceLock<Result<Stack, String>>;

/// The stack on embedded defaults, or the one that already runs. Only for tests that leave it as it is.
#[must_use]
pub fn shared_stack() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    let Some(file) = env::var_os(RUNNING) else {
        return shared(&STACK, "shared", builder);
    };
    let read = || Stack::elsewhere(Path::new(&file)).map_err(|error| format!("{error:#}"));
    STACK.get_or_init(read).as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// The stack with Redis. Only for tests that leave it as it is.
#[must_use]
pub fn shared_stack_with_redis() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "shared-redis", || builder().redis())
}

/// A stack that several tests read, started by the first of them; `name` is its folder's.
pub fn shared(
    stack: &'static Shared,
    name: &str,
    builder: impl FnOnce() -> Builder,
) -> &'static Stack {
    let start = || {
        let folder = folder(name);
        let error = |error| format!("the {name} stack does not start: {error:#}");
        builder().folder(folder).start().map_err(error)
    };
    stack.get_or_init(start).as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// The builder that every stack of the tests starts from.
#[must_use]
pub fn builder() -> Builder {
    Stack::builder().signing_key(mint::key_file("rsa-1"))
}

/// A stack of one's own, stopped when dropped. Panics with the reason when it does not start.
#[must_use]
pub fn own_stack(builder: Builder) -> OwnStack {
    OwnStack(builder.start().unwrap_or_else(|error| panic!("the stack does not start: {error:#}")))
}

/// A stack that only one test uses. Shows the end of every log when that test fails.
#[derive(Debug)]
pub struct OwnStack(Stack);

impl Deref for OwnStack {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.0
    }
}

impl DerefMut for OwnStack {
    fn deref_mut(&mut self) -> &mut Stack {
        &mut self.0
    }
}

impl Drop for OwnStack {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.0.log_tails(15));
        }
    }
}

/// `target/e2e/NAME-PID`; folders of processes that are gone are removed.
fn folder(name: &str) -> PathBuf {
    static CLEANING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = CLEANING.lock().unwrap_or_else(PoisonError::into_inner);
    let home = workspace::target_dir().expect("cargo knows its target folder").join("e2e");
    for left in fs::read_dir(&home).into_iter().flatten().flatten() {
        let name = left.file_name();
        let pid = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(_, pid)| pid);
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(left.path());
        }
    }
    home.join(format!("{name}-{}", std::process::id()))
}
