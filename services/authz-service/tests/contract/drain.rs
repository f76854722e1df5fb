//! The end: readiness says no, requests are still answered for the delay, then nobody is accepted.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::service::{EVALUATION, Service, eventually, subject};

#[test]
fn readiness_goes_first_and_the_port_last() {
    let mut service = Service::start(&["--shutdown-delay", "3"]);
    let signalled = Instant::now();
    kill_process(Pid::from_child(&service.child), Signal::TERM).unwrap();
    eventually(Duration::from_secs(2), "readiness says no", || {
        let reply = service.send("GET", "/health/ready", &[]);
        reply.status == 503 && reply.json()["status"] == "draining"
    });
    assert_eq!(service.send("GET", "/health/live", &[]).status, 200);
    let who = subject("test.user@example.com", true);
    assert_eq!(service.decide(&who, "GET", "/customers").json()["decision"], true, "{EVALUATION}");
    eventually(Duration::from_secs(15), "it ends", || service.child.try_wait().unwrap().is_some());
    assert!(signalled.elapsed() >= Duration::from_secs(3), "{:?}", signalled.elapsed());
    assert!(service.child.wait().unwrap().success());
}
