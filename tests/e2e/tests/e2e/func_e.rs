//! The demo's configuration as it stands, run by func-e.
//!
//! Run by `cargo xtask test-gateway`, which builds func-e and says where it is.

use std::env;
use std::net::SocketAddr;

use claimgate_e2e::client::Request;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use claimgate_proc::{Launch, Output, wait_until};
use xtask::run::Scratch;
use xtask::stack::Part;
use xtask::{tools, workspace};

use crate::support::*;

const GATEWAY: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

#[test]
#[ignore = "needs func-e: cargo xtask test-gateway"]
fn func_e_serves_the_demo() {
    let func_e = env::var_os("FUNC_E").expect("run by `cargo xtask test-gateway`");
    let stack = own_stack(builder().fixed_ports().without(Part::Envoy));
    let home = Scratch::new("func-e").unwrap();
    let log = Output::Log(home.path().join("func-e.log"));
    let process = Launch::new("func-e", func_e, log)
        .args(["run", "-c", "envoy/envoy.yaml", "--use-dynamic-base-id"])
        .dir(workspace::root())
        .env("ENVOY_PATH", tools::envoy().unwrap())
        .env("FUNC_E_HOME", home.path())
        .env("GATEWAY_SECRET", stack.secret())
        .start()
        .unwrap();
    let ready =
        || Request::get("/products").try_send(GATEWAY).is_ok_and(|reply| reply.status == 200);
    assert!(wait_until(claimgate_e2e::SOON, ready), "{}", process.log_tail(20));
    assert_token_missing(&Request::get("/customers").send(GATEWAY));
    let token = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let reply = Request::get("/customers").bearer(&token).send(GATEWAY);
    assert_eq!((reply.status, reply.json().as_array().unwrap().len()), (200, 7), "{reply:?}");
    assert_answer(
        &Request::get("/auth/me").bearer(&token).send(GATEWAY),
        200,
        &me(&CUSTOMER_MANAGER),
    );
}
