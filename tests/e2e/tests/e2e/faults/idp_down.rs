//! The identity provider killed or frozen. Before its keys were ever fetched a token cannot be
//! judged: 503, and only for requests that carry one. Afterwards nobody notices.

use std::time::Duration;

use claimgate_e2e::SOON;
use claimgate_e2e::client::Request;
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER};
use claimgate_proc::wait_until;
use serde_json::json;
use xtask::stack::{Part, Stack};

use super::keys::fetches;
use super::{
    Fault, KEYS_BOUND, ask_within, becomes, envoy_pid, expect, expect_guest, expect_undecided,
    expect_undecided_within, get, is_noticed, is_still_up,
};

const REALM: &str = "/auth/realms/api-gateway-poc";
/// The realm's route waits this long for its upstream (envoy.yaml).
const ROUTE_TIMEOUT: Duration = Duration::from_secs(10);

fn only_tokens_are_undecided(stack: &Stack, token: &str) {
    let paths = ["/customers", "/customers/4", "/customers/health", "/products", "/products/1"];
    for path in paths.into_iter().chain(["/auth/me"]) {
        expect_undecided_within(KEYS_BOUND, stack, &get(path, Some(token)));
    }
    for path in ["/products", "/products/1", "/products/category/toys", "/products/health"] {
        expect(stack, &get(path, None), 200);
    }
    expect_guest(stack, &get("/auth/me", None));
    expect(stack, &get("/customers", None), 401);
    // Two tokens are wrong whatever the keys are.
    expect(stack, &get("/products", Some(token)).bearer(token), 400);
    expect(stack, &get("/products", Some("no token")), 400);
    expect(stack, &get("/elsewhere", Some(token)), 404);
}

fn before_the_keys_were_fetched(fault: Fault) {
    let mut stack = own_stack(builder());
    let (envoy, token) =
        (envoy_pid(&stack), tokens::direct(&stack, &CUSTOMER_MANAGER).access_token);
    assert_eq!(fetches(&stack), 0, "the keys are there already");
    fault.strike(&stack, Part::Idp);
    only_tokens_are_undecided(&stack, &token);
    is_noticed(&stack, "idp");
    only_tokens_are_undecided(&stack, &token);
    expect_undecided(&stack, &get(REALM, None));
    fault.heal(&mut stack, Part::Idp);
    for _ in 0..8 {
        becomes(&stack, &get("/customers", Some(&token)), 200);
    }
    becomes(&stack, &get(REALM, None), 200);
    is_still_up(&stack, envoy);
}

#[test]
fn with_the_provider_killed_before_its_keys_were_fetched_only_tokens_are_undecided() {
    before_the_keys_were_fetched(Fault::Killed);
}

#[test]
fn with_the_provider_frozen_before_its_keys_were_fetched_only_tokens_are_undecided() {
    before_the_keys_were_fetched(Fault::Frozen);
}

/// Tokens seen before, and tokens that have to be verified with the keys at hand.
fn valid_tokens_are_untouched(stack: &Stack, mint: &Mint, seen: &str) {
    for index in 0..10 {
        expect(stack, &get("/customers", Some(seen)), 200);
        let claims = with(&mint.claims(&USER), "jti", index.to_string().into());
        let new = mint.good(&with(&claims, "exp", json!(claims["exp"].as_u64().unwrap() + index)));
        expect(stack, &get("/products", Some(&new)), 200);
        expect(stack, &get("/customers", Some(&new)), 200);
    }
    expect(stack, &get("/products", None), 200);
    expect_guest(stack, &get("/auth/me", None));
}

fn after_the_keys_were_fetched(fault: Fault) {
    let mut stack = own_stack(builder());
    let (envoy, mint) = (envoy_pid(&stack), Mint::of(&stack));
    let seen = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let base = fetches(&stack);
    let fetched = || {
        expect(&stack, &get("/products", Some(&seen)), 200);
        fetches(&stack) > base
    };
    assert!(wait_until(SOON, fetched), "the keys are there, for every worker");

    fault.strike(&stack, Part::Idp);
    valid_tokens_are_untouched(&stack, &mint, &seen);
    // A key that nobody knows could be a new one: it cannot be told now.
    let unknown = mint.token(&with(&mint.header(), "kid", "unknown".into()), &mint.claims(&USER));
    for _ in 0..4 {
        expect_undecided_within(KEYS_BOUND, &stack, &get("/products", Some(&unknown)));
    }
    valid_tokens_are_untouched(&stack, &mint, &seen);
    is_noticed(&stack, "idp");
    valid_tokens_are_untouched(&stack, &mint, &seen);
    expect_undecided(&stack, &get(REALM, None));
    fault.heal(&mut stack, Part::Idp);
    becomes(&stack, &get(REALM, None), 200);
    becomes(&stack, &get("/products", Some(&unknown)), 401);
    valid_tokens_are_untouched(&stack, &mint, &seen);
    is_still_up(&stack, envoy);
}

#[test]
fn with_the_provider_killed_after_its_keys_were_fetched_nobody_notices() {
    after_the_keys_were_fetched(Fault::Killed);
}

#[test]
fn with_the_provider_frozen_after_its_keys_were_fetched_nobody_notices() {
    after_the_keys_were_fetched(Fault::Frozen);
}

#[test]
fn a_login_at_a_frozen_provider_ends_with_its_routes_timeout_and_holds_up_nobody() {
    let stack = own_stack(builder());
    Fault::Frozen.strike(&stack, Part::Idp);
    std::thread::scope(|threads| {
        let login = threads.spawn(|| {
            ask_within(ROUTE_TIMEOUT + Duration::from_secs(1), &stack, &Request::get(REALM))
        });
        while !login.is_finished() {
            expect(&stack, &get("/products", None), 200);
            std::thread::sleep(Duration::from_millis(50));
        }
        let reply = login.join().expect("an answer");
        assert!(matches!(reply.status, 503 | 504), "{reply:?}");
        assert!(reply.headers.has("retry-after"), "{reply:?}");
    });
}
