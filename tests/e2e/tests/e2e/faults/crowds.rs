//! Many at once who ask the same: the decision point is asked once for all of them, so that a
//! crowd is no outage.

use std::thread;

use claimgate_e2e::SOON;
use claimgate_e2e::edit::decision_timeout;
use claimgate_e2e::gate::Gate;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use claimgate_proc::wait_until;
use xtask::stack::{Part, Stack};

use super::{gauge, get, vms};

/// Sends this many at once, has `meanwhile` run once the gateway holds them all, and wants each
/// answered 200.
fn crowd(stack: &Stack, paths: &[&str], count: usize, meanwhile: impl FnOnce()) {
    let token = tokens::direct(stack, &CUSTOMER_MANAGER).access_token;
    let (address, vms_before) = (stack.address(Part::Envoy), vms(stack));
    let held = || gauge(stack, "http.gateway.downstream_rq_active");
    thread::scope(|threads| {
        let asks = |index: usize| {
            let request = get(paths[index % paths.len()], Some(&token));
            threads.spawn(move || request.try_send(address))
        };
        let requests: Vec<_> = (0..count).map(asks).collect();
        let all_wait = wait_until(SOON, || held() >= count);
        let waiting = held();
        meanwhile();
        let replies = requests.into_iter().map(|request| request.join().expect("no panic"));
        let replies = replies.map(|reply| reply.map_or(0, |reply| reply.status));
        let failed: Vec<u16> = replies.filter(|status| *status != 200).collect();
        assert!(all_wait, "only {waiting} wait");
        assert!(failed.is_empty(), "{} of {count} failed: {failed:?}", failed.len());
    });
    assert_eq!(vms(stack), vms_before, "a VM has trapped");
}

fn a_question_that_many_ask_at_once(workers: u32) {
    let gate = Gate::holding("/access/v1/evaluation");
    let patient = |config: &mut serde_json::Value| decision_timeout(config, "10s");
    let builder = builder().workers(workers).edit_envoy(gate.before("authz-service"));
    let stack = own_stack(builder.edit_envoy(patient));
    let mut asked = 0;
    crowd(&stack, &["/customers"], 200, || {
        asked = gate.arrived();
        gate.open();
    });
    println!("one question of 200 requests, asked {asked} times by {workers} workers");
    let workers = usize::try_from(workers).expect("a number");
    assert!((1..=workers).contains(&asked), "one question, asked {asked} times");
    assert_eq!(gate.arrived(), asked, "and not again");
}

#[test]
fn a_question_that_many_ask_at_once_is_put_once() {
    a_question_that_many_ask_at_once(1);
}

#[test]
fn a_question_that_many_ask_at_once_is_put_once_by_each_worker() {
    a_question_that_many_ask_at_once(2);
}

#[test]
fn a_burst_before_the_first_keys_is_decided_in_full() {
    let gate = Gate::holding("/protocol/openid-connect/certs");
    let patient = |config: &mut serde_json::Value| {
        claimgate_e2e::edit::policy(config)["providers"][0]["jwks"]["timeout"] = "10s".into();
    };
    let stack = own_stack(builder().edit_envoy(gate.before("idp")).edit_envoy(patient));
    crowd(&stack, &["/customers", "/customers/4", "/products"], 200, || gate.open());
}
