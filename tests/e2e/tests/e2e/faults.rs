//! Faults, each with the status a client sees: a part of the system killed, frozen, lying or
//! rotated, on a stack of its own.
//!
//! Every request has a bound, so a hang is a failure. Waiting is for a state, never for a time.
//! Nothing here may touch a shared stack.

mod authz_cached;
mod authz_down;
mod authz_lying;
mod authz_silent;
mod crowds;
mod demo;
mod demo_ends;
mod discovery;
mod freshness;
mod idp_down;
mod idp_lying;
mod keys;
mod liar;
mod outage;
mod redis_down;
mod redis_values;
mod upstream_down;

use std::time::{Duration, Instant};

use claimgate_e2e::SOON;
use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::stacks::OwnStack;
use claimgate_proc::wait_until;
use xtask::stack::{Part, Stack};

/// The longest a client may be kept waiting for what another's fault keeps from it.
const BOUND: Duration = Duration::from_secs(2);
/// The same for keys: a fetch may take 2 s (the default of `jwks.timeout`), and a request may wait
/// for one that had begun before it and for one more.
const KEYS_BOUND: Duration = Duration::from_secs(5);

/// What becomes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Its process is gone and its port closed.
    Killed,
    /// Its process is stopped: its port takes connections and nobody answers.
    Frozen,
}

impl Fault {
    fn strike(self, stack: &Stack, part: Part) {
        let process = stack.part(part).expect("a part of the stack");
        match self {
            Self::Killed => process.kill(),
            Self::Frozen => process.freeze(),
        }
    }

    fn heal(self, stack: &mut OwnStack, part: Part) {
        match self {
            Self::Killed => stack.restart(part).expect("it starts again"),
            Self::Frozen => stack.part(part).expect("a part of the stack").thaw(),
        }
    }
}

/// Sends a request through the gateway; it has to be answered within [`BOUND`].
#[track_caller]
fn ask(stack: &Stack, request: &Request) -> Reply {
    ask_within(BOUND, stack, request)
}

#[track_caller]
fn ask_within(bound: Duration, stack: &Stack, request: &Request) -> Reply {
    let begun = Instant::now();
    let reply = request.clone().limit(SOON + bound).send(stack.address(Part::Envoy));
    let took = begun.elapsed();
    assert!(took <= bound, "{request} took {took:?}: {reply:?}");
    reply
}

/// Asks and compares the status.
#[track_caller]
fn expect(stack: &Stack, request: &Request, status: u16) -> Reply {
    let reply = ask(stack, request);
    assert_eq!(reply.status, status, "{request}: {reply:?}");
    reply
}

/// 503 that says when to ask again.
#[track_caller]
fn expect_undecided(stack: &Stack, request: &Request) {
    expect_undecided_within(BOUND, stack, request);
}

#[track_caller]
fn expect_undecided_within(bound: Duration, stack: &Stack, request: &Request) {
    let reply = ask_within(bound, stack, request);
    assert_eq!(reply.status, 503, "{request}: {reply:?}");
    let again = reply.headers.one("retry-after").and_then(|after| after.parse::<u32>().ok());
    assert!(again.is_some_and(|after| after > 0), "{request}: {reply:?}");
}

/// The body of `/auth/me` for who has no token.
#[track_caller]
fn expect_guest(stack: &Stack, request: &Request) {
    let reply = expect(stack, request, 200);
    assert_eq!(reply.text(), r#"{"email":"","roles":["guest"]}"#, "{request}");
    assert_eq!(reply.headers.one("content-type"), Some("application/json"), "{request}");
}

/// Waits until the request is answered with this status.
#[track_caller]
fn becomes(stack: &Stack, request: &Request, status: u16) {
    let begun = Instant::now();
    let mut last = None;
    let met = wait_until(SOON, || {
        let reply = ask_within(KEYS_BOUND, stack, request);
        let same = reply.status == status;
        last = Some(reply);
        same
    });
    assert!(met, "{request} is not {status} after {:?}: {last:?}", begun.elapsed());
}

/// Waits until every worker answers the request with this status: so many in a row reach them all.
#[track_caller]
fn becomes_everywhere(stack: &Stack, request: &Request, status: u16) {
    let is = |_| ask_within(KEYS_BOUND, stack, request).status == status;
    assert!(wait_until(SOON, || (0..16).all(is)), "{request} is not {status} everywhere");
}

/// A GET with a token or without.
fn get(target: &str, token: Option<&str>) -> Request {
    let request = Request::get(target);
    token.map_or(request.clone(), |token| request.bearer(token))
}

/// Waits until Envoy's health checks have found a cluster's host dead.
#[track_caller]
fn is_noticed(stack: &Stack, cluster: &str) {
    let dead = wait_until(SOON, || healthy_hosts(stack, cluster) == 0);
    assert!(dead, "Envoy does not notice that {cluster} is down");
}

/// Waits until Envoy's health checks have found a cluster's host alive: where a test has put a
/// peer of its own.
#[track_caller]
fn is_reached(stack: &Stack, cluster: &str) {
    let alive = wait_until(SOON, || healthy_hosts(stack, cluster) == 1);
    assert!(alive, "Envoy does not reach {cluster}");
}

fn healthy_hosts(stack: &Stack, cluster: &str) -> usize {
    gauge(stack, &format!("cluster.{cluster}.membership_healthy"))
}

/// A gauge or counter of Envoy's, which is there.
fn gauge(stack: &Stack, name: &str) -> usize {
    statistic(stack, name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// A gauge or counter of Envoy's; 0 while nothing has moved it.
fn metric(stack: &Stack, name: &str) -> usize {
    statistic(stack, name).unwrap_or_default()
}

fn statistic(stack: &Stack, name: &str) -> Option<usize> {
    let admin = ([127, 0, 0, 1], stack.ports().envoy_admin).into();
    let stats = Request::get(format!("/stats?filter=^{name}$")).send(admin).text();
    let value = stats.trim().strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
    value.and_then(|value| value.parse().ok())
}

/// VMs that Envoy has made so far: one that traps is made anew.
fn vms(stack: &Stack) -> usize {
    gauge(stack, "wasm.envoy.wasm.runtime.v8.created")
}

/// The gateway is the process it was: nothing here needs it to be started again.
#[track_caller]
fn is_still_up(stack: &Stack, pid: u32) {
    let envoy = stack.part(Part::Envoy).expect("a gateway");
    assert_eq!((envoy.pid(), envoy.exited()), (pid, None));
}

fn envoy_pid(stack: &Stack) -> u32 {
    stack.part(Part::Envoy).expect("a gateway").pid()
}
