//! A decision point that does not answer, for longer than a moment: what is kept goes on, what is
//! new costs its time limit a few times and then nothing, and all is well again by itself.

use std::time::{Duration, Instant};

use claimgate_e2e::SOON;
use claimgate_e2e::edit;
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::users::CUSTOMER_MANAGER;
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::stack::Part;

use super::{
    Fault, ask, becomes, envoy_pid, expect, expect_undecided, get, is_still_up, metric, vms,
};

/// How long a call may take, and what a request takes beside it on a busy machine.
const TIMEOUT: Duration = Duration::from_millis(500);
const MARGIN: Duration = Duration::from_millis(400);
/// What a request may take that nobody is asked about.
const NOTHING: Duration = Duration::from_millis(100);

/// Short times; and no health checks, which would find out before the filter does.
fn watched(config: &mut Value) {
    let cluster = edit::cluster(config, "authz-service").as_object_mut().expect("an object");
    cluster.remove("health_checks");
    let service = &mut edit::policy(config)["authorization"][0];
    service["timeout"] = "500ms".into();
    service["breaker"] = json!({"failures": 3, "window": "10s", "open": "2s"});
    service["cache"]["max_stale"] = "60s".into();
}

struct Scene {
    stack: OwnStack,
    mint: Mint,
    workers: usize,
    envoy: u32,
    vms: usize,
}

impl Scene {
    fn set(workers: u32) -> Self {
        let stack = own_stack(builder().workers(workers).edit_envoy(watched));
        let (mint, envoy) = (Mint::of(&stack), envoy_pid(&stack));
        let scene = Self {
            mint,
            workers: usize::try_from(workers).expect("few"),
            envoy,
            vms: vms(&stack),
            stack,
        };
        // Keys, on all workers.
        for n in 0..8 {
            expect(
                &scene.stack,
                &get("/customers", Some(&scene.caller(&format!("warm-{n}")))),
                200,
            );
        }
        scene
    }

    /// Somebody nobody has decided about.
    fn caller(&self, name: &str) -> String {
        self.mint.good(&with(&self.mint.claims(&CUSTOMER_MANAGER), "jti", name.into()))
    }

    /// A request that nobody has asked about, with how long it took.
    fn new_request(&self, name: usize) -> (u16, Duration) {
        let mut claims =
            with(&self.mint.claims(&CUSTOMER_MANAGER), "sub", format!("s{name}").into());
        claims["jti"] = json!(name.to_string());
        let request = get("/customers", Some(&self.mint.good(&claims)));
        let begun = Instant::now();
        (ask(&self.stack, &request).status, begun.elapsed())
    }

    fn calls(&self) -> usize {
        metric(&self.stack, "cluster.authz-service.upstream_rq_total")
    }

    fn count(&self, what: &str) -> usize {
        metric(&self.stack, &format!("wasmcustom.claimgate.authorization.authz.{what}"))
    }

    /// Every worker has found out: its breaker is open.
    fn is_left_alone(&self, fault: Fault) -> usize {
        let mut slow = 0;
        let found_out = wait_until(SOON, || {
            for n in 0..4 {
                let (status, took) = self.new_request(slow * 10 + n);
                assert_eq!(status, 503);
                assert!(took < TIMEOUT + MARGIN, "{took:?}");
                slow += usize::from(took > NOTHING);
            }
            self.count("opened") >= self.workers
        });
        assert!(found_out, "{fault:?}: opened {} times", self.count("opened"));
        assert_eq!(self.count("breaker"), 1);
        slow
    }

    fn costs_nothing(&self) {
        let before = self.calls();
        let (begun, requests) = (Instant::now(), 60);
        let mut slowest = Duration::ZERO;
        for n in 0..requests {
            let (status, took) = self.new_request(10_000 + n);
            assert_eq!(status, 503);
            slowest = slowest.max(took);
        }
        let calls = self.calls() - before;
        println!(
            "{requests} requests in {:?}, {calls} calls, slowest {slowest:?}",
            begun.elapsed()
        );
        // One probe for each worker and two seconds, which may be tried twice.
        let periods = usize::try_from(begun.elapsed().as_secs() / 2).expect("few") + 1;
        assert!(calls <= 2 * periods * self.workers, "{calls} calls");
    }

    fn recovers(&mut self, fault: Fault) {
        fault.heal(&mut self.stack, Part::Authz);
        let request = get("/customers", Some(&self.caller("after")));
        becomes(&self.stack, &request, 200);
        // Each worker finds out for itself; so many in a row reach them all.
        let mut number = 20_000;
        let all_ask = wait_until(SOON, || {
            (0..16).all(|_| {
                number += 1;
                self.new_request(number).0 == 200
            })
        });
        assert!(all_ask, "it stays open");
        is_still_up(&self.stack, self.envoy);
        assert_eq!(vms(&self.stack), self.vms, "a VM has trapped");
    }
}

fn who_does_not_answer_is_left_alone(fault: Fault, workers: u32) {
    let mut scene = Scene::set(workers);
    fault.strike(&scene.stack, Part::Authz);
    let slow = scene.is_left_alone(fault);
    println!("{fault:?}, {workers} workers: {slow} requests that took their time");
    scene.costs_nothing();
    scene.recovers(fault);
}

#[test]
fn frozen_it_costs_its_time_limit_a_few_times_and_then_nothing() {
    who_does_not_answer_is_left_alone(Fault::Frozen, 1);
}

#[test]
fn frozen_it_costs_each_worker_its_time_limit_a_few_times_and_then_nothing() {
    who_does_not_answer_is_left_alone(Fault::Frozen, 2);
}

#[test]
fn killed_it_costs_nothing_soon_and_is_asked_again_by_itself() {
    who_does_not_answer_is_left_alone(Fault::Killed, 2);
}

fn what_is_kept_goes_on(fault: Fault, workers: u32) {
    let mut scene = Scene::set(workers);
    let known = get("/customers", Some(&scene.caller("known")));
    // Until every worker has been told.
    (0..24).for_each(|_| drop(expect(&scene.stack, &known, 200)));
    fault.strike(&scene.stack, Part::Authz);
    // The answers are good for five seconds, and may stand in for a minute.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        expect(&scene.stack, &known, 200);
        expect_undecided(&scene.stack, &get("/customers/1", Some(&scene.caller("new"))));
    }
    assert!(wait_until(SOON, || scene.count("stood_in") > 0), "no old answer has stood in");
    println!("{fault:?}, {workers} workers: {} old answers", scene.count("stood_in"));
    scene.recovers(fault);
}

#[test]
fn killed_what_is_kept_goes_on_and_what_is_new_is_undecided() {
    what_is_kept_goes_on(Fault::Killed, 1);
}

#[test]
fn killed_what_each_worker_keeps_goes_on_and_what_is_new_is_undecided() {
    what_is_kept_goes_on(Fault::Killed, 2);
}

#[test]
fn frozen_what_is_kept_goes_on_and_what_is_new_is_undecided() {
    what_is_kept_goes_on(Fault::Frozen, 2);
}
