//! A service behind the gateway killed or frozen: its own routes answer 503 or 504, in time, and
//! nothing else is touched.

use std::time::Duration;

use claimgate_e2e::client::Request;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use xtask::stack::{Part, Stack};

use super::{
    Fault, ask_within, becomes, envoy_pid, expect, expect_guest, expect_undecided, get, is_noticed,
    is_still_up,
};

/// The services' routes wait this long for their upstream (envoy.yaml).
const ROUTE_TIMEOUT: Duration = Duration::from_secs(5);

fn others_are_untouched(stack: &Stack, token: &str) {
    for path in ["/products", "/products/1", "/products/health", "/auth/me"] {
        expect(stack, &get(path, Some(token)), 200);
    }
    expect(stack, &get("/products", None), 200);
    expect_guest(stack, &get("/auth/me", None));
    expect(stack, &get("/auth/realms/api-gateway-poc", None), 200);
    expect(stack, &get("/elsewhere", None), 404);
    // Whose request would not have gone on anyway hears that, and at once.
    expect(stack, &get("/customers", None), 401);
    expect(stack, &get("/customers/a%2fb", Some(token)), 400);
}

/// Says that it is the gateway that answers, and when to ask again.
fn is_no_hang(stack: &Stack, request: &Request) {
    let reply = ask_within(ROUTE_TIMEOUT + Duration::from_secs(1), stack, request);
    assert!(matches!(reply.status, 503 | 504), "{request}: {reply:?}");
    assert!(reply.headers.one("retry-after").is_some(), "{request}: {reply:?}");
    assert_eq!(reply.headers.one("content-type"), Some("application/problem+json"), "{reply:?}");
    assert_eq!(reply.json()["status"], reply.status, "{reply:?}");
}

fn only_its_own_routes_fail_when_customer_service_is(fault: Fault) {
    let mut stack = own_stack(builder());
    let (envoy, token) =
        (envoy_pid(&stack), tokens::direct(&stack, &CUSTOMER_MANAGER).access_token);
    let its_own = ["/customers", "/customers/4", "/customers/health"];
    expect(&stack, &get("/customers", Some(&token)), 200);
    fault.strike(&stack, Part::Customers);
    others_are_untouched(&stack, &token);
    std::thread::scope(|threads| {
        for path in its_own {
            threads.spawn(|| is_no_hang(&stack, &get(path, Some(&token))));
        }
        others_are_untouched(&stack, &token);
    });
    is_noticed(&stack, "customer-service");
    for path in its_own {
        expect_undecided(&stack, &get(path, Some(&token)));
    }
    others_are_untouched(&stack, &token);
    fault.heal(&mut stack, Part::Customers);
    becomes(&stack, &get("/customers", Some(&token)), 200);
    is_still_up(&stack, envoy);
}

#[test]
fn with_customer_service_killed_only_its_own_routes_fail() {
    only_its_own_routes_fail_when_customer_service_is(Fault::Killed);
}

#[test]
fn with_customer_service_frozen_only_its_own_routes_fail() {
    only_its_own_routes_fail_when_customer_service_is(Fault::Frozen);
}
