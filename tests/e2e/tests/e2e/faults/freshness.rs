//! What is revoked or changed at the authorization service is in effect on every worker within a
//! second, and what is known holds whatever becomes of the service.

mod outage;
mod streams;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use claimgate_e2e::SOON;
use claimgate_e2e::admin::Admin;
use claimgate_e2e::edit;
use claimgate_e2e::mint::{Mint, now, with};
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER};
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::stack::{Builder, Part, Stack};

use super::{becomes, expect, gauge, get};

/// Soonest after the administrator's call that nothing may depend any more on what was before.
const EFFECTIVE: Duration = Duration::from_secs(1);
const THREADS: u32 = 6;
/// Between the beginnings of two requests of a thread: three hundred a second all together.
const PACE: Duration = Duration::from_millis(20);
/// The cluster that polls go through, so that Envoy counts them apart.
const CLUSTER: &str = "authz-state";

/// A feed through a cluster of its own, without health checks.
fn polled(config: &mut Value) {
    let mut cluster = edit::cluster(config, "authz-service").clone();
    cluster["name"] = CLUSTER.into();
    cluster["load_assignment"]["cluster_name"] = CLUSTER.into();
    cluster.as_object_mut().expect("an object").remove("health_checks");
    config["static_resources"]["clusters"].as_array_mut().expect("clusters").push(cluster);
    edit::policy(config)["freshness"] = json!({"cluster": CLUSTER});
}

fn administered(workers: u32) -> Builder {
    builder().administered().workers(workers).edit_envoy(polled)
}

/// Polls that Envoy has made.
fn polls(stack: &Stack) -> usize {
    gauge(stack, &format!("cluster.{CLUSTER}.upstream_rq_total"))
}

/// Waits until what is known is known to all VMs.
fn is_known(stack: &Stack, revocations: usize) {
    let gauges = || {
        let gauge = |name| gauge(stack, &format!("wasmcustom.claimgate.freshness.{name}"));
        (gauge("healthy"), gauge("revocations")) == (1, revocations)
    };
    assert!(wait_until(SOON, gauges), "the feed is not read");
}

/// Requests for `path` with a token that is to end and one that is not, until told to stop.
struct Traffic<'a> {
    stack: &'a Stack,
    path: &'a str,
    ending: &'a str,
    other: &'a str,
    stopped: AtomicBool,
    /// When each was sent, and its status, of those with the token that is to end.
    seen: Mutex<Vec<(Instant, u16)>>,
    failed: Mutex<Vec<String>>,
}

impl<'a> Traffic<'a> {
    fn new(stack: &'a Stack, path: &'a str, ending: &'a str, other: &'a str) -> Self {
        let stopped = AtomicBool::new(false);
        let (seen, failed) = (Mutex::default(), Mutex::default());
        Self { stack, path, ending, other, stopped, seen, failed }
    }

    fn run(&self) {
        let begun = Instant::now();
        for round in 0_u32.. {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            self.send(round.is_multiple_of(4));
            thread::sleep((PACE * (round + 1)).saturating_sub(begun.elapsed()));
        }
    }

    fn send(&self, other: bool) {
        let (token, sent) = (if other { self.other } else { self.ending }, Instant::now());
        let reply = get(self.path, Some(token)).try_send(self.stack.address(Part::Envoy));
        let status = reply.as_ref().map_or(0, |reply| reply.status);
        if !other {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push((sent, status));
        }
        if if other { status != 200 } else { !matches!(status, 200 | 401 | 403) } {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.push(format!("{other}: {reply:?}"));
        }
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Until this many more have been answered.
    #[track_caller]
    fn go_on(&self, more: usize) {
        let target = self.count() + more;
        assert!(wait_until(SOON, || self.count() >= target), "the traffic stands still");
    }

    /// Runs while `change` is made; how long after its beginning the last request succeeded that
    /// was sent later, and how long the change took.
    fn during(&self, change: impl FnOnce()) -> (Duration, Duration) {
        let (begun, done) = thread::scope(|threads| {
            let _stop = Stop(&self.stopped);
            for _ in 0..THREADS {
                threads.spawn(|| self.run());
            }
            self.go_on(300);
            let begun = Instant::now();
            change();
            let done = Instant::now();
            self.go_on(600);
            (begun, done)
        });
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), failed.first());
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let first = seen.iter().filter(|(sent, _)| *sent < begun);
        assert!(first.clone().all(|(_, status)| *status == 200), "not good from the beginning");
        let last = seen.iter().filter(|(_, status)| *status == 200).map(|(sent, _)| *sent).max();
        let last = last.expect("a success").saturating_duration_since(begun);
        (last, done - begun)
    }
}

struct Stop<'s>(&'s AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[track_caller]
fn is_soon(what: &str, workers: u32, (last, call): (Duration, Duration)) {
    println!(
        "{what}, {workers} workers: last success {last:?} after the call, which took {call:?}"
    );
    assert!(last <= call + EFFECTIVE, "{what}: still good {last:?} after the call");
}

fn a_revoked_token_ends_with(workers: u32) {
    let stack = own_stack(administered(workers));
    let (admin, mint) = (Admin::of(&stack), Mint::of(&stack));
    let claims = |sub: &str| {
        let claims = with(&mint.claims(&USER), "sub", sub.into());
        let claims = with(&claims, "jti", format!("jti-{sub}").into());
        with(&claims, "sid", format!("sid-{sub}").into())
    };
    let token = |sub: &str| mint.good(&claims(sub));
    let other = mint.good(&with(&claims("other"), "iat", json!(now() + 30)));
    is_known(&stack, 0);
    let (iss, base) = (stack.issuer(), Instant::now());
    let polled_before = polls(&stack);
    let before = now() + 1;
    for (count, (sub, revocation)) in [
        ("a", json!({"kind": "token", "jti": "jti-a"})),
        ("b", json!({"kind": "session", "sid": "sid-b", "iss": iss})),
        ("c", json!({"kind": "subject", "iss": iss, "sub": "c"})),
        ("d", json!({"kind": "everyone"})),
    ]
    .into_iter()
    .enumerate()
    {
        let ending = token(sub);
        if sub == "c" || sub == "d" {
            // `before` is now, in whole seconds.
            assert!(wait_until(SOON, || now() > before));
        }
        let traffic = Traffic::new(&stack, "/customers", &ending, &other);
        let took = traffic.during(|| admin.revoke(&revocation));
        is_soon(&revocation["kind"].to_string(), workers, took);
        is_known(&stack, count + 1);
    }
    // All VMs of the process together ask once in 400 ms.
    let (asked, most) = (polls(&stack) - polled_before, base.elapsed().as_millis() / 400 + 2);
    println!("{asked} polls in {:?} with {workers} workers", base.elapsed());
    assert!(asked as u128 <= most && asked as u128 >= most / 2, "{asked} polls, {most} at most");
}

#[test]
fn a_revoked_token_stops_working_within_a_second_with_one_worker() {
    a_revoked_token_ends_with(1);
}

#[test]
fn a_revoked_token_stops_working_within_a_second_with_two_workers() {
    a_revoked_token_ends_with(2);
}

/// Customers are for managers, as the authorization service says who is one.
fn for_managers(config: &mut Value) {
    let routes = edit::policy(config)["routes"].as_array_mut().expect("routes");
    let route = routes.iter_mut().find(|route| route["name"] == "customers").expect("a route");
    let roles = json!({"any_of": ["customer-manager"], "from": "decision"});
    route["rules"] = json!([{"name": "managers", "allow": {"roles": roles}}]);
}

fn a_removed_role_ends_with(workers: u32) {
    let stack = own_stack(administered(workers).edit_envoy(for_managers));
    let admin = Admin::of(&stack);
    let manager = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let mint = Mint::of(&stack);
    let other = mint.good(&mint.claims(&CUSTOMER_MANAGER));
    is_known(&stack, 0);
    becomes(&stack, &get("/customers", Some(&manager)), 200);
    // The other one's path needs nothing that is taken away.
    let traffic = Traffic::new(&stack, "/customers", &manager, &other);
    let subject = subject_of(&manager);
    let begun = Instant::now();
    let took = thread::scope(|threads| {
        let _stop = Stop(&traffic.stopped);
        for _ in 0..THREADS {
            threads.spawn(|| {
                while !traffic.stopped.load(Ordering::SeqCst) {
                    traffic.send(false);
                    thread::sleep(PACE);
                }
            });
        }
        traffic.go_on(300);
        let called = Instant::now();
        admin.withdraw(&subject, "customer-manager");
        let done = called.elapsed();
        traffic.go_on(600);
        let seen = traffic.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let good = seen.iter().filter(|(_, status)| *status == 200).map(|(sent, _)| *sent);
        (good.max().expect("a success").saturating_duration_since(called), done)
    });
    is_soon("role", workers, took);
    expect(&stack, &get("/customers", Some(&manager)), 403);
    // The demo's decisions would have been kept for longer than all of this took.
    assert!(begun.elapsed() < Duration::from_secs(60));
}

fn subject_of(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("claims");
    let claims: Value = serde_json::from_slice(&claimgate_e2e::mint::decode(claims)).expect("JSON");
    claims["sub"].as_str().expect("a subject").to_owned()
}

#[test]
fn a_removed_role_stops_working_within_a_second_with_one_worker() {
    a_removed_role_ends_with(1);
}

#[test]
fn a_removed_role_stops_working_within_a_second_with_two_workers() {
    a_removed_role_ends_with(2);
}
