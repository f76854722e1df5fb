//! The promise of this crate, on real processes: whatever ends the parent, nothing is left. The
//! test executable runs itself as a parent that starts two children, one of them with a child of
//! its own.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

const PORT: &str = "CLAIMGATE_PROC_TEST_PORT";
const SOON: Duration = Duration::from_secs(10);

fn this_test(name: &str) -> Vec<String> {
    ["--ignored", "--exact", "--nocapture", name].map(str::to_owned).to_vec()
}

#[test]
#[ignore = "not a test of its own: run as a child"]
fn acts_as_listener() {
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    thread::sleep(Duration::from_secs(60));
}

#[test]
#[ignore = "not a test of its own: run as a parent"]
fn acts_as_parent() {
    let port = std::env::var(PORT).unwrap();
    let (listener, sleeper) = (listener(&port), sleeper());
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    listener.wait_ready(&Ready::Tcp(address), SOON).unwrap();
    // Until `setpriv` has done its part a child does not end with its parent.
    let comm = format!("/proc/{}/comm", sleeper.pid());
    assert!(wait_until(SOON, || std::fs::read_to_string(&comm).is_ok_and(|name| name == "sleep\n")));
    eprintln!("\nchildren {} {}", listener.pid(), sleeper.pid());
    thread::sleep(Duration::from_secs(60));
}

fn listener(port: &str) -> Process {
    Launch::new("listener", std::env::current_exe().unwrap(), Output::Inherit)
        .args(this_test("tests::acts_as_listener"))
        .env(PORT, port)
        .start()
        .unwrap()
}

fn sleeper() -> Process {
    Launch::new("sleeper", "sh", Output::Inherit).args(["-c", "exec sleep 60"]).start().unwrap()
}

/// Starts the parent; its pid as a child, and its children's pids.
fn parent(port: u16) -> (Child, Vec<u32>) {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(this_test("tests::acts_as_parent"))
        .env(PORT, port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stderr.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("children ")).unwrap();
    (parent, line.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect())
}

/// A zombie has ended: its new parent may be slow to collect it.
fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
}

fn nothing_is_left_after(signal: Signal) {
    let port = Port::free().unwrap();
    let (mut parent, children) = parent(port.number());
    assert_eq!(children.len(), 2);
    assert!(children.iter().all(|pid| lives(*pid)));
    kill(Pid::from_raw(parent.id().cast_signed()), signal).unwrap();
    parent.wait().unwrap();
    assert!(wait_until(SOON, || !children.iter().any(|pid| lives(*pid))));
    assert!(wait_until(SOON, || port_holder(port.number()).is_none()));
    TcpListener::bind(("127.0.0.1", port.number())).unwrap();
}

#[test]
fn term_to_the_parent_leaves_no_process_and_no_port() {
    nothing_is_left_after(Signal::SIGTERM);
}

#[test]
fn interrupt_to_the_parent_leaves_no_process_and_no_port() {
    nothing_is_left_after(Signal::SIGINT);
}

#[cfg(target_os = "linux")]
#[test]
fn kill_to_the_parent_leaves_no_process_and_no_port() {
    nothing_is_left_after(Signal::SIGKILL);
}

#[test]
fn a_dropped_child_is_gone_and_so_is_its_own_child() {
    let dir = scratch("dropped");
    let log = dir.join("log");
    let shell = Launch::new("shell", "sh", Output::Log(log.clone()))
        .args(["-c", "sleep 60 & echo $!; wait"])
        .start()
        .unwrap();
    assert!(wait_until(SOON, || !shell.log_tail(1).is_empty()));
    let (pid, grandchild) = (shell.pid(), shell.log_tail(1).parse().unwrap());
    assert!(lives(grandchild));
    drop(shell);
    assert!(!lives(pid));
    assert!(wait_until(SOON, || !lives(grandchild)));
}

#[test]
fn a_child_that_ignores_term_or_is_frozen_is_stopped_all_the_same() {
    let log = scratch("deaf").join("log");
    let deaf = Launch::new("deaf", "sh", Output::Log(log))
        .args(["-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"])
        .start()
        .unwrap();
    assert!(wait_until(SOON, || deaf.log_tail(1) == "deaf"));
    let frozen = sleeper();
    frozen.freeze();
    let begun = Instant::now();
    deaf.stop();
    assert!(begun.elapsed() >= Duration::from_secs(3));
    frozen.stop();
    assert!(deaf.exited().is_some() && frozen.exited().is_some());
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[test]
fn a_child_that_ends_early_fails_the_wait_with_its_last_words() {
    let log = scratch("early").join("log");
    let child = Launch::new("part", "sh", Output::Log(log))
        .args(["-c", "echo no such policy >&2; exit 3"])
        .start()
        .unwrap();
    let nobody = Ready::Tcp(SocketAddr::from(([127, 0, 0, 1], Port::free().unwrap().number())));
    let begun = Instant::now();
    let error = child.wait_ready(&nobody, Duration::from_secs(30)).unwrap_err().to_string();
    assert!(error.contains("part ended") && error.contains("no such policy"), "{error}");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn a_child_that_is_never_ready_fails_the_wait_in_time() {
    let nobody = Ready::Tcp(SocketAddr::from(([127, 0, 0, 1], Port::free().unwrap().number())));
    let error = sleeper().wait_ready(&nobody, Duration::from_millis(200)).unwrap_err();
    assert!(matches!(error, NotReady::TimedOut(..)), "{error}");
}

#[test]
fn a_missing_program_is_named() {
    let error = Launch::new("ghost", "no-such-program-here", Output::Inherit).start().unwrap_err();
    assert!(error.to_string().contains("no-such-program-here"), "{error}");
}

fn scratch(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("claimgate-proc-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    assert!(Path::new(&dir).is_dir());
    dir
}
