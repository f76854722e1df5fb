//! `cargo xtask demo` as a process on the contract's ports: what other tests of it share, and how
//! it ends by itself.
//!
//! There is one set of these ports on a machine: tests of the demo take turns, in this process and
//! with others.

use std::fs::{self, File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claimgate_proc::{Launch, Output, Process, port_holder, port_is_free, wait_until};
use xtask::run::Scratch;
use xtask::workspace;

/// For the ports of another demo to be free, and for the start. What it starts is built with the
/// tests: a build of the services alone would be another one, with other features.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// For every other test of a demo to have had its turn.
const TURNS: Duration = Duration::from_secs(600);
const PORTS: [u16; 7] = [8080, 9901, 8180, 8182, 8001, 8002, 8003];

/// The turn to use the contract's ports, and a folder for what the demo says.
pub(super) struct Turn {
    scratch: Scratch,
    _lock: File,
}

impl Turn {
    /// Waits for the ports; panics, naming who holds one, when they do not get free.
    pub(super) fn take() -> Self {
        let path = std::env::temp_dir().join("claimgate-demo-ports");
        let lock = OpenOptions::new().create(true).append(true).open(path).expect("a lock file");
        assert!(wait_until(TURNS, || lock.try_lock().is_ok()), "another test's turn lasts");
        let free = wait_until(PATIENCE, || taken().is_empty());
        assert!(free, "in use for too long: {:?}", taken());
        Self { scratch: Scratch::new("demo").expect("a folder"), _lock: lock }
    }

    /// A `cargo xtask demo` that has been started, with what it says in files.
    pub(super) fn start(&self, launch: impl FnOnce(Launch) -> Launch) -> Demo {
        let stdout = self.scratch.path().join("stdout");
        let log = self.scratch.path().join("stderr");
        for before in [&stdout, &log] {
            let _ = fs::remove_file(before);
        }
        // A shell keeps the two apart, and becomes the task runner.
        let script = r#"exec "$0" demo --built "$@" >"$STDOUT""#;
        let binary = workspace::debug_binary("xtask").expect("cargo knows its target folder");
        let shell = Launch::new("demo", "sh", Output::Log(log)).args(["-c", script]).arg(binary);
        let process = launch(shell.env("STDOUT", &stdout)).start().expect("a shell");
        Demo { process, stdout }
    }
}

/// Ports that are not free, with their holders.
pub(super) fn taken() -> Vec<String> {
    let taken = PORTS.into_iter().filter(|port| !port_is_free(*port));
    taken.map(|port| format!("{port}: {:?}", port_holder(port))).collect()
}

/// A running demo.
pub(super) struct Demo {
    pub(super) process: Process,
    stdout: PathBuf,
}

impl Demo {
    /// What it said on stdout so far.
    pub(super) fn stdout(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// What it said on stderr so far.
    pub(super) fn stderr(&self) -> String {
        self.process.log_tail(usize::MAX)
    }

    /// Its exit status; panics when it does not end.
    #[track_caller]
    pub(super) fn ends(&self, within: Duration) -> Option<i32> {
        let status = self.process.wait(within);
        let status = status.unwrap_or_else(|| panic!("still runs; it says:\n{}", self.stderr()));
        status.code()
    }
}

/// The processes it has started, by id and name.
pub(super) fn children(pid: u32) -> Vec<(u32, String)> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter_map(|child| {
            parent_and_name(child)
                .filter(|(parent, _)| *parent == pid)
                .map(|(_, name)| (child, name))
        })
        .collect()
}

/// Whether it is there and more than an entry that nobody has collected yet.
pub(super) fn runs(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

fn parent_and_name(pid: u32) -> Option<(u32, String)> {
    let (name, rest) = stat(pid)?;
    Some((rest.split(' ').nth(1)?.parse().ok()?, name))
}

/// The name, and what follows it: state, parent.
fn stat(pid: u32) -> Option<(String, String)> {
    let text = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let (start, rest) = text.rsplit_once(") ")?;
    Some((start.split_once('(')?.1.to_owned(), rest.to_owned()))
}

#[test]
fn a_demo_with_a_command_exits_with_its_status_and_leaves_its_stdout_alone() {
    let turn = Turn::take();
    let script = "printf 'to stdout'; echo 'to stderr' >&2; exit 7";
    let demo = turn.start(|launch| launch.args(["--exec", script]));
    assert_eq!(demo.ends(PATIENCE), Some(7), "{}", demo.stderr());
    assert_eq!(demo.stdout(), "to stdout");
    assert!(demo.stderr().contains("to stderr"), "{}", demo.stderr());
    assert_eq!(taken(), [""; 0]);
}

#[test]
fn a_command_of_the_demo_runs_once_everything_is_ready() {
    let turn = Turn::take();
    let script = "for path in products customers auth/me; do \
                  curl -s -o /dev/null -w '%{http_code} ' http://localhost:8080/$path; done; pwd";
    let demo = turn.start(|launch| launch.dir("/").args(["--redis", "--exec", script]));
    assert_eq!(demo.ends(PATIENCE), Some(0), "{}", demo.stderr());
    assert_eq!(demo.stdout(), "200 401 200 /\n");
    assert_eq!(taken(), [""; 0]);
}

#[test]
fn a_taken_port_is_named_with_its_holder() {
    let turn = Turn::take();
    for port in [8080, 8182, 8003] {
        let _listener = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let demo = turn.start(|launch| launch.args(["--exec", "echo ran"]));
        assert_eq!(demo.ends(PATIENCE), Some(1), "{}", demo.stderr());
        let holder = format!("(pid {})", std::process::id());
        let said = demo.stderr();
        let named = said
            .lines()
            .any(|line| line.contains(&format!("port {port},")) && line.contains(&holder));
        assert!(named, "{said}");
        assert_eq!(demo.stdout(), "");
    }
}

#[test]
fn a_part_that_does_not_come_up_fails_the_demo_and_its_command_never_runs() {
    let turn = Turn::take();
    let demo =
        turn.start(|launch| launch.env("ENVOY_PATH", "/bin/false").args(["--exec", "echo ran"]));
    assert_eq!(demo.ends(PATIENCE), Some(1), "{}", demo.stderr());
    assert!(demo.stderr().contains("envoy ended"), "{}", demo.stderr());
    assert_eq!(demo.stdout(), "");
    assert_eq!(taken(), [""; 0]);
}
