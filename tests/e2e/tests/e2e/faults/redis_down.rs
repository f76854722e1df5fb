//! Redis, the cache of authz-service, down, killed or frozen: decisions stay right and come in
//! time, and it is used again once it is back.

use std::cell::Cell;
use std::time::Instant;

use claimgate_e2e::SOON;
use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::redis::{self, Answer};
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::users::{ADMIN, CUSTOMER_MANAGER, USER, User};
use claimgate_proc::wait_until;
use serde_json::json;
use xtask::stack::{Part, Stack};

use super::{BOUND, Fault, expect, expect_guest, get};

const ASKING: [User; 3] = [USER, CUSTOMER_MANAGER, ADMIN];

/// Who asks, each time as a subject that nobody has decided about.
struct Callers {
    mint: Mint,
    before: Cell<u32>,
}

impl Callers {
    fn of(stack: &Stack) -> Self {
        Self { mint: Mint::of(stack), before: Cell::new(0) }
    }

    fn token(&self, user: &User) -> String {
        let number = self.before.replace(self.before.get() + 1);
        let subject = format!("redis-{number}").into();
        self.mint.good(&with(&self.mint.claims(user), "sub", subject))
    }

    /// Every user, several times, with the right answers and within the bound all together: the
    /// cost of a cache that does not answer is not paid by every request.
    fn get_right_answers(&self, stack: &Stack) {
        let begun = Instant::now();
        for user in ASKING.iter().cycle().take(5 * ASKING.len()) {
            let token = self.token(user);
            let me = expect(stack, &get("/auth/me", Some(&token)), 200).json();
            assert_eq!(me, json!({"email": user.email, "roles": user.roles}));
            let customers = expect(stack, &get("/customers", Some(&token)), 200).json();
            let seen = customers.as_array().expect("a list").len();
            assert_eq!(seen, if user.manages_customers() { 7 } else { 1 }, "{user:?}");
        }
        expect_guest(stack, &get("/auth/me", None));
        expect(stack, &get("/products", None), 200);
        assert!(begun.elapsed() < BOUND * 2, "{:?}", begun.elapsed());
    }
}

fn key(user: &User) -> String {
    format!("user:platform-roles:{}", user.email)
}

/// An answer that had to be found puts the roles back into Redis.
fn is_used(stack: &OwnStack, callers: &Callers) {
    let server = stack.address(Part::Redis);
    let _ = redis::command(server, &["FLUSHALL"]);
    for user in &ASKING {
        let expected = Answer::Text(json!(user.roles).to_string());
        let used = || {
            expect(stack, &get("/customers", Some(&callers.token(user))), 200);
            redis::command(server, &["GET", &key(user)]) == expected
        };
        assert!(wait_until(SOON, used), "Redis is not used again for {}", user.username);
        let Answer::Number(left) = redis::command(server, &["TTL", &key(user)]) else {
            panic!("a key without a time to live");
        };
        assert!((1..=300).contains(&left), "{left}");
    }
    callers.get_right_answers(stack);
}

#[test]
fn without_redis_from_the_start_decisions_are_right_and_it_is_used_once_it_is_there() {
    let mut stack = own_stack(builder().redis().without(Part::Redis));
    let callers = Callers::of(&stack);
    callers.get_right_answers(&stack);
    stack.restart(Part::Redis).expect("Redis starts");
    is_used(&stack, &callers);
}

fn decisions_are_right_while_redis_is(fault: Fault) {
    let mut stack = own_stack(builder().redis());
    let callers = Callers::of(&stack);
    is_used(&stack, &callers);
    fault.strike(&stack, Part::Redis);
    callers.get_right_answers(&stack);
    let log = || stack.part(Part::Authz).expect("a part").log_tail(usize::MAX);
    assert!(wait_until(SOON, || log().contains("redis is left alone")), "{}", log());
    callers.get_right_answers(&stack);
    fault.heal(&mut stack, Part::Redis);
    is_used(&stack, &callers);
}

#[test]
fn with_redis_killed_decisions_are_right_and_it_is_used_again_after_a_restart() {
    decisions_are_right_while_redis_is(Fault::Killed);
}

#[test]
fn with_redis_frozen_decisions_are_right_and_it_is_used_again_after_a_thaw() {
    decisions_are_right_while_redis_is(Fault::Frozen);
}
