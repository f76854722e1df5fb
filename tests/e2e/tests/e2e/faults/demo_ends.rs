//! `cargo xtask demo` ended from outside: by TERM, by KILL, by one of its parts. No process and no
//! port is left, and the next start works at once.

use std::process::Command;

use claimgate_e2e::SOON;
use claimgate_e2e::client::Request;
use claimgate_proc::wait_until;

use super::demo::{Demo, PATIENCE, Turn, children, runs, taken};

/// A demo that says it is ready, and the processes it has started.
fn ready(turn: &Turn) -> (Demo, Vec<(u32, String)>) {
    let demo = turn.start(|launch| launch);
    let is_ready = || demo.stdout().contains("Ctrl-C") || demo.process.exited().is_some();
    assert!(wait_until(PATIENCE, is_ready), "{}", demo.stderr());
    assert_eq!(demo.process.exited(), None, "{}", demo.stderr());
    let parts = children(demo.process.pid());
    assert!(parts.len() >= 5, "{parts:?}");
    let reply = Request::get("/products").send(([127, 0, 0, 1], 8080).into());
    assert_eq!(reply.status, 200, "{reply:?}");
    (demo, parts)
}

fn signal(name: &str, pid: u32) {
    let kill = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(kill.expect("kill").success());
}

#[track_caller]
fn nothing_is_left(parts: &[(u32, String)]) {
    let left = || parts.iter().filter(|(pid, _)| runs(*pid)).collect::<Vec<_>>();
    assert!(wait_until(SOON, || left().is_empty()), "{:?}", left());
    // Of a process with threads the port goes with the last of them.
    assert!(wait_until(SOON, || taken().is_empty()), "{:?}", taken());
}

#[test]
fn a_demo_that_is_told_to_end_leaves_nothing_and_the_next_starts_at_once() {
    let turn = Turn::take();
    for name in ["TERM", "INT"] {
        let (demo, parts) = ready(&turn);
        signal(name, demo.process.pid());
        assert_eq!(demo.ends(SOON), Some(0), "{}", demo.stderr());
        nothing_is_left(&parts);
    }
}

#[test]
fn a_demo_that_is_told_to_end_while_it_starts_leaves_nothing() {
    let turn = Turn::take();
    let demo = turn.start(|launch| launch.args(["--exec", "echo ran"]));
    assert!(wait_until(PATIENCE, || !taken().is_empty()), "{}", demo.stderr());
    let parts = children(demo.process.pid());
    signal("TERM", demo.process.pid());
    assert_ne!(demo.ends(SOON), Some(0), "{}", demo.stderr());
    assert_eq!(demo.stdout(), "");
    nothing_is_left(&parts);
}

#[test]
fn a_demo_that_is_killed_leaves_nothing_and_the_next_starts_at_once() {
    let turn = Turn::take();
    let (demo, parts) = ready(&turn);
    signal("KILL", demo.process.pid());
    assert_eq!(demo.ends(SOON), None);
    nothing_is_left(&parts);
    let (_next, _) = ready(&turn);
}

#[test]
fn a_demo_ends_with_the_first_part_that_does() {
    let turn = Turn::take();
    let (demo, parts) = ready(&turn);
    let (victim, name) = parts.iter().find(|(_, name)| name == "product-service").expect("it");
    signal("KILL", *victim);
    assert_eq!(demo.ends(SOON), Some(1), "{}", demo.stderr());
    assert!(demo.stderr().contains(&format!("{name} ended")), "{}", demo.stderr());
    nothing_is_left(&parts);
}
