//! Several VMs of one process: one of them fetches, all of them have it, and whatever becomes of
//! the one that fetches, nobody waits for ever.

use std::time::Duration;

use claimgate_abi::Answer;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::policy::{CLUSTERS, without_roles};
use crate::tokens::{Key, claims, jwks};

/// Another VM with the same configuration.
fn beside(gateway: &Gateway, policy: &Value) -> Gateway {
    let mut vm = gateway.vm.beside(&CLUSTERS);
    let (root, accepted) = vm.root(policy.to_string().as_bytes());
    assert!(accepted, "{:?}", vm.logs());
    Gateway { vm, root }
}

fn two(policy: &Value) -> [Gateway; 2] {
    let first = Gateway::cold(policy);
    let second = beside(&first, policy);
    [first, second]
}

#[test]
fn who_waits_for_another_vm_looks_often_and_is_resumed_with_its_keys() {
    let [mut holder, mut other] = two(&without_roles());
    let token = holder.token();
    let (mine, theirs) = (holder.get("/products", &token), other.get("/products", &token));
    let call = holder.fetch();
    other.deliver_queue();
    assert_eq!(other.in_flight(), [], "somebody fetches already");
    assert_eq!(other.tick_period(other.root), Some(20));
    assert_eq!(holder.tick_period(holder.root), Some(500));
    other.tick();
    other.held(theirs);
    holder.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    holder.resumed_last(mine);
    other.tick();
    other.resumed_last(theirs);
    assert_eq!(other.tick_period(other.root), Some(500));
    assert_eq!(other.calls(), 0);
}

#[test]
fn who_comes_later_neither_fetches_nor_waits() {
    let first = Gateway::warm(&without_roles());
    let mut later = beside(&first, &without_roles());
    let token = later.token();
    let stream = later.get("/products", &token);
    later.forwarded(stream);
    assert_eq!((later.deliver_queue(), later.calls()), (0, 0));
}

#[test]
fn a_new_configuration_in_the_same_vm_starts_with_the_keys_that_are_there() {
    let mut gateway = Gateway::warm(&without_roles());
    let (root, accepted) = gateway.vm.root(without_roles().to_string().as_bytes());
    assert!(accepted);
    gateway.root = root;
    let token = gateway.token();
    let stream = gateway.get("/products", &token);
    gateway.forwarded(stream);
    gateway.tick();
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn a_key_that_one_vm_saw_removed_is_refused_by_the_other_after_a_tick() {
    let mut first = Gateway::publishing(&without_roles(), &[&Key::one(), &Key::two()]);
    let mut other = beside(&first, &without_roles());
    let mut long = claims(first.now());
    long["exp"] = (first.now() + 3_600).into();
    let (kept, dropped) = (Key::two().sign(&long), Key::one().sign(&long));
    for token in [&kept, &dropped] {
        let stream = other.get("/products", token);
        other.forwarded(stream);
    }
    first.advance(Duration::from_secs(290));
    first.tick();
    let call = first.only_call();
    first.answer(call.token, Answer::new(200, jwks(&[&Key::two()])));
    other.tick();
    let stream = other.get("/products", &kept);
    other.forwarded(stream);
    let stream = other.get("/products", &dropped);
    other.held(stream);
    let call = other.fetch();
    other.answer(call.token, Answer::new(200, jwks(&[&Key::two()])));
    other.refused(stream, 401);
}

#[test]
fn a_new_key_that_another_vm_has_seen_costs_no_fetch() {
    let mut first = Gateway::warm(&without_roles());
    let mut other = beside(&first, &without_roles());
    let rotated = Key::two().sign(&claims(first.now()));
    let stream = first.get("/products", &rotated);
    let call = first.fetch();
    first.answer(call.token, Answer::new(200, jwks(&[&Key::one(), &Key::two()])));
    first.resumed_last(stream);
    let stream = other.get("/products", &rotated);
    other.forwarded(stream);
    assert_eq!(other.calls(), 0);
}

#[test]
fn a_vm_that_dies_while_it_fetches_is_followed_by_another() {
    let [mut dead, mut heir] = two(&without_roles());
    let token = dead.token();
    dead.get("/products", &token);
    dead.fetch();
    let stream = heir.get("/products", &token);
    heir.deliver_queue();
    heir.advance(Duration::from_millis(1_900));
    heir.tick();
    heir.held(stream);
    assert_eq!(heir.calls(), 0);
    heir.advance(Duration::from_millis(100));
    heir.tick();
    heir.held(stream);
    let call = heir.fetch();
    heir.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
    heir.resumed_last(stream);
}

#[test]
fn a_failure_of_the_other_vm_refuses_here_too() {
    let [mut holder, mut other] = two(&without_roles());
    let token = holder.token();
    let (mine, theirs) = (holder.get("/products", &token), other.get("/products", &token));
    let call = holder.fetch();
    other.deliver_queue();
    holder.answer(call.token, Answer::new(500, ""));
    holder.unavailable(mine);
    other.tick();
    other.unavailable(theirs);
    assert_eq!(other.calls(), 0);
    assert_eq!(other.counted("claimgate.jwks_failed"), 0, "it is counted where it happened");
}

#[test]
fn shared_data_that_somebody_overwrites_is_no_trap_and_is_made_good() {
    for garbage in [&b""[..], b"garbage", &[0xff; 57], &[1; 26], &[1; 4096]] {
        let mut gateway = Gateway::warm(&without_roles());
        gateway.overwrite_shared_data(garbage);
        let token = gateway.token();
        let stream = gateway.get("/products", &token);
        gateway.forwarded(stream);
        gateway.tick();
        let mut other = beside(&gateway, &without_roles());
        let stream = other.get("/products", &token);
        let call = other.fetch();
        other.answer(call.token, Answer::new(200, jwks(&[&Key::one()])));
        other.resumed_last(stream);
    }
}
