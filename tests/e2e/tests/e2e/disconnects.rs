//! Clients that go away while they wait: the others are answered, and the gateway goes on.

use claimgate_e2e::SOON;
use claimgate_e2e::client::{Pending, Request};
use claimgate_e2e::gate::Gate;
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::users::{CUSTOMER_MANAGER, USERS};
use claimgate_e2e::{edit, tokens};
use claimgate_proc::wait_until;
use xtask::stack::{Part, Stack};

use crate::support::*;

fn start(stack: &Stack, token: &str) -> Pending {
    let request = Request::get("/customers").bearer(token);
    request.start(stack.address(Part::Envoy)).unwrap()
}

/// Requests that Envoy has taken and not yet finished.
fn active(stack: &Stack) -> u64 {
    let admin = std::net::SocketAddr::from(([127, 0, 0, 1], stack.ports().envoy_admin));
    let stats = Request::get("/stats?filter=http.gateway.downstream_rq_active").send(admin).text();
    let value = stats.trim().rsplit(' ').next().and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("no such counter: {stats:?}"))
}

fn settles_at(stack: &Stack, count: u64) {
    assert!(wait_until(SOON, || active(stack) == count), "{} are active", active(stack));
}

fn serves_everybody(stack: &OwnStack) {
    for user in USERS {
        let token = tokens::direct(stack, &user).access_token;
        assert_answer(&get(stack, "/auth/me", Some(&token)), 200, &me(&user));
        assert_eq!(get(stack, "/customers", Some(&token)).status, 200);
    }
    settles_at(stack, 0);
    assert_eq!(stack.dead(), None);
}

#[test]
fn clients_that_leave_while_waiting_for_keys_leave_the_rest_alone() {
    let gate = Gate::holding("/certs");
    let stack =
        own_stack(builder().workers(1).edit_envoy(gate.before("idp")).edit_envoy(|config| {
            edit::policy(config)["providers"][0]["jwks"]["timeout"] = "9s".into();
        }));
    let token = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let leaving: Vec<_> = (0..5).map(|_| start(&stack, &token)).collect();
    settles_at(&stack, 5);
    let staying: Vec<_> = (0..5).map(|_| start(&stack, &token)).collect();
    settles_at(&stack, 10);
    assert!(gate.has(1, SOON), "nobody asked for keys");
    leaving.into_iter().for_each(Pending::abandon);
    settles_at(&stack, 5);
    gate.open();
    for pending in staying {
        assert_eq!(pending.reply().unwrap().status, 200);
    }
    serves_everybody(&stack);
}

#[test]
fn when_everybody_leaves_while_waiting_for_keys_the_next_is_served() {
    let gate = Gate::holding("/certs");
    let stack =
        own_stack(builder().workers(1).edit_envoy(gate.before("idp")).edit_envoy(|config| {
            edit::policy(config)["providers"][0]["jwks"]["timeout"] = "9s".into();
        }));
    let token = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let leaving: Vec<_> = (0..5).map(|_| start(&stack, &token)).collect();
    settles_at(&stack, 5);
    assert!(gate.has(1, SOON), "nobody asked for keys");
    leaving.into_iter().for_each(Pending::abandon);
    settles_at(&stack, 0);
    gate.open();
    serves_everybody(&stack);
}

#[test]
fn clients_that_leave_while_waiting_for_a_decision_leave_the_rest_alone() {
    let gate = Gate::holding("/access/v1/evaluation");
    let builder = builder().workers(1).edit_envoy(gate.before("authz-service"));
    let stack = own_stack(builder.edit_envoy(|config| edit::decision_timeout(config, "9s")));
    let token = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let leaving: Vec<_> = (0..5).map(|_| start(&stack, &token)).collect();
    settles_at(&stack, 5);
    let staying: Vec<_> = (0..5).map(|_| start(&stack, &token)).collect();
    settles_at(&stack, 10);
    assert!(gate.has(1, SOON), "nobody asked for a decision");
    leaving.into_iter().for_each(Pending::abandon);
    settles_at(&stack, 5);
    gate.open();
    for pending in staying {
        assert_eq!(pending.reply().unwrap().status, 200);
    }
    serves_everybody(&stack);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_is_forgotten() {
    let gate = Gate::holding("/access/v1/evaluation");
    let builder = builder().workers(1).edit_envoy(gate.before("authz-service"));
    let stack = own_stack(builder.edit_envoy(|config| edit::decision_timeout(config, "9s")));
    let token = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    // Each asks another question, as the root goes on with those of clients that have left.
    for method in ["POST", "PUT", "PATCH"] {
        let before = gate.arrived();
        let request = Request::new(method, "/customers").bearer(&token).body(vec![b'a'; 1_000_000]);
        let pending = request.start(stack.address(Part::Envoy)).unwrap();
        assert!(gate.has(before + 1, SOON), "nobody asked for a decision");
        pending.abandon();
        settles_at(&stack, 0);
    }
    gate.open();
    serves_everybody(&stack);
}
