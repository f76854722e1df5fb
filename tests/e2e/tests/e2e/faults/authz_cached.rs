//! authz-service killed or frozen after it has decided: a decision is good for its `max-age` and
//! not longer. And what services are told meanwhile: roles that nobody gave are never sent.

use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::edit::all_routes_to;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use xtask::stack::{Part, Stack};

use super::authz_down::{Callers, table_holds};
use super::{
    Fault, ask, becomes, envoy_pid, expect, expect_guest, expect_undecided, get, is_still_up,
};

const ROLES: &str = "user,customer-manager";

fn a_decision_outlives_its_maker_for_its_max_age_when(fault: Fault) {
    // One worker: each has decisions of its own.
    let mut stack = own_stack(builder().workers(1));
    let (callers, envoy) = (Callers::of(&stack), envoy_pid(&stack));
    let good = Some(&*callers.good);
    let decided = ["/customers", "/customers/4", "/products", "/customers/health"];
    for path in decided.into_iter().chain(["/auth/me"]) {
        expect(&stack, &get(path, good), 200);
    }
    fault.strike(&stack, Part::Authz);
    for path in decided {
        expect(&stack, &get(path, good), 200);
    }
    // It answers this one itself, whatever the filter has kept.
    expect_undecided(&stack, &get("/auth/me", good));
    expect_guest(&stack, &get("/auth/me", None));
    // Nobody has asked about HEAD.
    expect_undecided(
        &stack,
        &claimgate_e2e::client::Request::new("HEAD", "/customers").bearer(&callers.good),
    );

    becomes(&stack, &get("/customers", good), 503);
    becomes(&stack, &get("/customers/4", good), 503);
    table_holds(&stack, &callers);
    fault.heal(&mut stack, Part::Authz);
    becomes(&stack, &get("/customers", good), 200);
    is_still_up(&stack, envoy);
}

#[test]
fn with_authz_killed_a_decision_is_good_for_its_max_age_and_not_longer() {
    a_decision_outlives_its_maker_for_its_max_age_when(Fault::Killed);
}

#[test]
fn with_authz_frozen_a_decision_is_good_for_its_max_age_and_not_longer() {
    a_decision_outlives_its_maker_for_its_max_age_when(Fault::Frozen);
}

/// What the service behind `path` is told. The client claims roles of its own all the while.
#[track_caller]
fn told(stack: &Stack, path: &str, token: Option<&str>) -> Echoed {
    let request = get(path, token).header("x-user-roles", "admin").header("X-User-Roles", "guest");
    Echoed::of(&ask(stack, &request))
}

#[track_caller]
fn is_known_without_roles(told: &Echoed) {
    assert_eq!(told.headers.all("x-user-roles"), [""; 0], "{told:?}");
    assert_eq!(told.headers.one("x-user-email"), Some(CUSTOMER_MANAGER.email), "{told:?}");
    assert_eq!(told.headers.one("x-user-name"), Some(CUSTOMER_MANAGER.name), "{told:?}");
    assert_eq!(told.headers.one("x-email-verified"), Some("true"), "{told:?}");
}

fn no_roles_are_made_up_when(fault: Fault) {
    let echo = Echo::start();
    let mut stack = own_stack(builder().workers(1).edit_envoy(all_routes_to(&echo)));
    let token = tokens::direct(&stack, &CUSTOMER_MANAGER).access_token;
    let good = Some(&*token);
    assert_eq!(told(&stack, "/products", good).headers.all("x-user-roles"), [ROLES]);
    fault.strike(&stack, Part::Authz);
    assert_eq!(told(&stack, "/products", good).headers.all("x-user-roles"), [ROLES]);
    for path in ["/products/1", "/products/category/toys", "/products/health", "/customers/health"]
    {
        is_known_without_roles(&told(&stack, path, good));
    }
    for path in ["/products", "/products/1", "/auth/me"] {
        let guest = told(&stack, path, None);
        assert_eq!(guest.headers.all("x-user-roles"), ["guest"], "{path}");
        assert!(!guest.headers.has("x-user-email"), "{path}: {guest:?}");
    }
    // What cannot be decided never leaves the gateway.
    expect_undecided(&stack, &get("/customers?undecided", good));
    expect_undecided(&stack, &get("/auth/me?undecided", good));
    assert!(!echo.seen().iter().any(|seen| seen.contains("undecided")), "{:?}", echo.seen());
    // Once the decision is too old its roles are gone too.
    let without = || told(&stack, "/products", good).headers.all("x-user-roles").is_empty();
    assert!(claimgate_proc::wait_until(claimgate_e2e::SOON, without));
    is_known_without_roles(&told(&stack, "/products", good));

    fault.heal(&mut stack, Part::Authz);
    let with = || told(&stack, "/products", good).headers.all("x-user-roles") == [ROLES];
    assert!(claimgate_proc::wait_until(claimgate_e2e::SOON, with));
}

#[test]
fn with_authz_killed_services_get_no_roles_that_nobody_gave() {
    no_roles_are_made_up_when(Fault::Killed);
}

#[test]
fn with_authz_frozen_services_get_no_roles_that_nobody_gave() {
    no_roles_are_made_up_when(Fault::Frozen);
}
