//! A provider that is down for long: what its clients feel of it ends soon after it does.

use claimgate_e2e::SOON;
use claimgate_e2e::stacks::{builder, own_stack};
use claimgate_e2e::tokens;
use claimgate_e2e::users::USER;
use claimgate_proc::wait_until;
use xtask::stack::Part;

use super::{Fault, becomes, expect_undecided, get};

/// So many failed fetches that the pauses between them have grown.
const FAILED: usize = 5;

#[test]
fn after_a_long_outage_before_the_first_keys_tokens_are_soon_good() {
    let mut stack = own_stack(builder().workers(1));
    let token = tokens::direct(&stack, &USER).access_token;
    let request = get("/products", Some(&token));
    Fault::Killed.strike(&stack, Part::Idp);
    let failed = || {
        expect_undecided(&stack, &request);
        let log = stack.part(Part::Envoy).expect("a part").log_tail(usize::MAX);
        log.matches("fetching keys failed").count() >= FAILED
    };
    assert!(wait_until(SOON * 3, failed), "the keys are not looked for");
    Fault::Killed.heal(&mut stack, Part::Idp);
    becomes(&stack, &request, 200);
}
