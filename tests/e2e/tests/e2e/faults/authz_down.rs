//! authz-service killed or frozen, for requests that were never decided before: every row of the
//! contract's table, before and after Envoy has noticed.

use claimgate_e2e::client::Request;
use claimgate_e2e::mint::{self, Mint, with};
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use xtask::stack::{Part, Stack};

use super::{
    Fault, becomes, becomes_everywhere, envoy_pid, expect, expect_guest, expect_undecided, get,
    is_noticed, is_still_up,
};

/// Who asks while it is down.
pub(super) struct Callers {
    pub(super) good: String,
    expired: String,
    forged: String,
}

impl Callers {
    pub(super) fn of(stack: &Stack) -> Self {
        let mint = Mint::of(stack);
        let claims = mint.claims(&CUSTOMER_MANAGER);
        let expired = with(&claims, "exp", (mint::now() - 3600).into());
        let foreign = mint::Key::named("rsa-foreign");
        let signature = mint::Signature::Rs256(&foreign);
        Self {
            good: tokens::direct(stack, &CUSTOMER_MANAGER).access_token,
            expired: mint.good(&expired),
            forged: mint::token(&mint.header(), &claims, &signature),
        }
    }
}

const REALM: &str = "/auth/realms/api-gateway-poc";

/// The contract's table, row by row.
pub(super) fn table_holds(stack: &Stack, callers: &Callers) {
    what_needs_no_decision_is_answered(stack, callers);
    what_needs_one_is_undecided(stack, &callers.good);
    who_has_no_token_is_a_guest(stack);
    who_has_no_good_token_is_told_so(stack, callers);
}

fn what_needs_no_decision_is_answered(stack: &Stack, callers: &Callers) {
    let good = Some(&*callers.good);
    let public = ["/products", "/products/1", "/products/category/electronics", "/products/health"];
    for token in [None, good] {
        for path in public {
            expect(stack, &get(path, token), 200);
        }
        expect(stack, &get(REALM, token), 200);
        let certs = format!("{REALM}/protocol/openid-connect/certs");
        expect(stack, &get(&certs, token), 200);
    }
    expect(stack, &get("/customers/health", good), 200);
    expect(stack, &Request::new("HEAD", "/products").bearer(&callers.good), 200);
    // Asks for a token, and panics when there is none.
    let _ = tokens::access(stack, &CUSTOMER_MANAGER);
}

fn what_needs_one_is_undecided(stack: &Stack, good: &str) {
    for path in ["/customers", "/customers/4", "/customers/9999", "/auth/me"] {
        expect_undecided(stack, &get(path, Some(good)));
    }
    expect_undecided(stack, &Request::new("HEAD", "/customers").bearer(good));
    expect_undecided(stack, &Request::new("POST", "/customers").bearer(good).body("{}"));
}

fn who_has_no_token_is_a_guest(stack: &Stack) {
    expect_guest(stack, &get("/auth/me", None));
    expect_guest(stack, &get("/auth/me?a=b", None));
    // Whatever else the client claims to be.
    let spoofed = get("/auth/me", None).header("x-user-roles", "admin").header("x-user-email", "a");
    expect_guest(stack, &spoofed);
    expect(stack, &Request::new("HEAD", "/auth/me"), 200);
}

fn who_has_no_good_token_is_told_so(stack: &Stack, callers: &Callers) {
    let required = ["/customers", "/customers/4", "/customers/health"];
    for path in required {
        expect(stack, &get(path, None), 401);
    }
    for bad in [&callers.expired, &callers.forged] {
        for path in required.into_iter().chain(["/products", "/products/1", "/auth/me"]) {
            let reply = expect(stack, &get(path, Some(bad)), 401);
            assert!(reply.headers.has("www-authenticate"), "{path}: {reply:?}");
        }
    }
}

fn the_table_holds_when(fault: Fault) {
    let mut stack = own_stack(builder());
    let callers = Callers::of(&stack);
    let envoy = envoy_pid(&stack);
    fault.strike(&stack, Part::Authz);
    table_holds(&stack, &callers);
    is_noticed(&stack, "authz-service");
    table_holds(&stack, &callers);
    fault.heal(&mut stack, Part::Authz);
    all_is_well_again(&stack, &callers.good);
    is_still_up(&stack, envoy);
}

pub(super) fn all_is_well_again(stack: &OwnStack, good: &str) {
    // Envoy notices by its next health check. Both workers have to.
    for _ in 0..8 {
        becomes(stack, &get("/customers", Some(good)), 200);
    }
    // Either may have given the service up for a few seconds.
    becomes_everywhere(stack, &get("/auth/me", Some(good)), 200);
    let me = expect(stack, &get("/auth/me", Some(good)), 200).json();
    assert_eq!(me["email"], CUSTOMER_MANAGER.email);
    assert_eq!(me["roles"], serde_json::json!(CUSTOMER_MANAGER.roles));
    expect_guest(stack, &get("/auth/me", None));
}

#[test]
fn with_authz_killed_the_contracts_table_holds_and_a_restart_heals_it() {
    the_table_holds_when(Fault::Killed);
}

#[test]
fn with_authz_frozen_the_contracts_table_holds_and_a_thaw_heals_it() {
    the_table_holds_when(Fault::Frozen);
}
