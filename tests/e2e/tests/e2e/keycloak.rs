//! A real Keycloak: its keys, its algorithms, its logouts and its lifetimes, through the gateway.
//!
//! Run by `cargo xtask test-idp`, which runs the contract at such a stack too.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use claimgate_e2e::keycloak::{Administration, Session, builder, log_in, log_out};
use claimgate_e2e::stacks::{Shared, own_stack, shared, shared_stack};
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER, User};
use claimgate_e2e::{SOON, edit, mint, tokens};
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::stack::Stack;

use crate::support::*;

const CLIENT: &str = "test-client";
/// From a logout until no worker takes the token any more.
const HEEDED: Duration = Duration::from_secs(2);

/// A stack that no test takes a key from, and where many keys may be new at a time.
fn stack() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    let many = json!({"max_tokens": 20});
    let builder = || {
        builder().edit_envoy(|config| {
            edit::policy(config)["providers"][0]["jwks"]["unknown_key_fetches"] = many;
        })
    };
    shared(&STACK, "keycloak", builder)
}

fn kid(token: &str) -> Value {
    let header = mint::decode(token.split('.').next().expect("a header"));
    serde_json::from_slice::<Value>(&header).expect("JSON")["kid"].clone()
}

fn algorithms(stack: &Stack) -> Vec<String> {
    let published = tokens::published_keys(stack);
    let keys = published["keys"].as_array().expect("keys").iter();
    keys.filter_map(|key| key["alg"].as_str().map(str::to_owned)).collect()
}

#[track_caller]
fn assert_known(stack: &Stack, user: &User, session: &Session) {
    assert_answer(&get(stack, "/auth/me", Some(&session.access)), 200, &me(user));
}

/// On every worker: each connection is one worker's, and there are two.
fn is_refused(stack: &Stack, session: &Session) -> bool {
    (0..8).all(|_| get(stack, "/customers", Some(&session.access)).status == 401)
}

#[test]
#[ignore = "needs Keycloak: cargo xtask test-idp"]
fn a_key_that_is_rotated_in_costs_nobody_a_request_and_one_that_is_withdrawn_ends() {
    let stack = own_stack(builder().edit_envoy(|config| {
        let jwks = &mut edit::policy(config)["providers"][0]["jwks"];
        jwks["refresh"] = "5s".into();
    }));
    let (keycloak, before) = (Administration(&stack), log_in(&stack, CLIENT, &USER));
    assert_known(&stack, &USER, &before);
    keycloak.add_signing_key();
    let after = log_in(&stack, CLIENT, &USER);
    assert_ne!(kid(&before.access), kid(&after.access));
    for session in [&after, &before, &after] {
        assert_known(&stack, &USER, session);
    }
    keycloak.withdraw_older_keys();
    let gone = || is_refused(&stack, &before);
    assert!(wait_until(Duration::from_secs(20), gone), "a withdrawn key still counts");
    assert_known(&stack, &USER, &after);
}

#[test]
#[ignore = "needs Keycloak: cargo xtask test-idp"]
fn an_algorithm_that_keycloak_begins_to_use_is_verified_from_its_first_token_on() {
    let stack = stack();
    // The gateway has the keys of the beginning.
    assert_known(stack, &USER, &log_in(stack, CLIENT, &USER));
    let all = ["RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    for algorithm in all {
        let appears = !algorithms(stack).contains(&algorithm.to_owned());
        assert!(appears, "{algorithm} is there before its first token");
        let client = format!("{CLIENT}-{}", algorithm.to_lowercase());
        let session = log_in(stack, &client, &CUSTOMER_MANAGER);
        assert!(algorithms(stack).contains(&algorithm.to_owned()));
        assert_known(stack, &CUSTOMER_MANAGER, &session);
    }
}

#[test]
#[ignore = "needs Keycloak: cargo xtask test-idp"]
fn who_logs_out_is_refused_within_seconds_and_others_are_not() {
    let stack = stack();
    let [ending, other] = [0, 1].map(|_| log_in(stack, CLIENT, &USER));
    let manager = log_in(stack, CLIENT, &CUSTOMER_MANAGER);
    assert_known(stack, &USER, &ending);
    log_out(stack, CLIENT, &ending);
    let begun = Instant::now();
    assert!(wait_until(HEEDED, || is_refused(stack, &ending)), "a logout is not heeded");
    println!("refused {} ms after the logout", begun.elapsed().as_millis());
    assert_token_refused(&get(stack, "/customers", Some(&ending.access)), "after the logout");
    assert_known(stack, &USER, &other);
    // An administrator ends the rest; a login after that is a session of its own.
    Administration(stack).end_sessions_of(&USER);
    assert!(wait_until(HEEDED, || is_refused(stack, &other)), "an ended session is not heeded");
    assert_known(stack, &CUSTOMER_MANAGER, &manager);
    thread::sleep(Duration::from_secs(1));
    assert_known(stack, &USER, &log_in(stack, CLIENT, &USER));
}

/// Of whatever stack already runs, with a Keycloak that nobody administers here.
mod already_running {
    use super::*;

    #[test]
    #[ignore = "needs containers: cargo xtask test-compose"]
    fn who_logs_out_is_refused_and_another_session_is_not() {
        let stack = shared_stack();
        let [ending, other] = [0, 1].map(|_| log_in(stack, CLIENT, &USER));
        assert_known(stack, &USER, &ending);
        log_out(stack, CLIENT, &ending);
        let begun = Instant::now();
        assert!(wait_until(HEEDED, || is_refused(stack, &ending)), "a logout is not heeded");
        println!("refused {} ms after the logout", begun.elapsed().as_millis());
        assert_known(stack, &USER, &other);
    }
}

#[test]
#[ignore = "needs Keycloak: cargo xtask test-idp"]
fn an_expired_token_of_keycloak_is_refused_and_another_is_not() {
    let lifetime = Duration::from_secs(3);
    let stack = own_stack(builder().token_lifetime(lifetime).edit_envoy(|config| {
        edit::policy(config)["providers"][0]["clock_skew"] = "1s".into();
    }));
    let session = log_in(&stack, CLIENT, &USER);
    assert_known(&stack, &USER, &session);
    assert!(wait_until(SOON, || is_refused(&stack, &session)), "it never ends");
    assert_token_refused(&get(&stack, "/customers", Some(&session.access)), "expired");
    assert_known(&stack, &USER, &log_in(&stack, CLIENT, &USER));
}
