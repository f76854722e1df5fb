//! With Redis, the roles that a decision was made on are in the contract's form in the cache.

use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::redis::{Answer, command};
use claimgate_e2e::stacks::shared_stack_with_redis;
use claimgate_e2e::tokens;
use claimgate_e2e::users::{ADMIN, USERS};
use serde_json::json;
use xtask::stack::Part;

use crate::support::*;

const KEY: &str = "user:platform-roles:";

#[test]
fn a_decision_leaves_the_roles_in_redis_for_at_most_300_s() {
    let stack = shared_stack_with_redis();
    let redis = stack.address(Part::Redis);
    for user in USERS.iter().filter(|user| user.verified) {
        let reply = get(stack, "/customers", Some(&tokens::access(stack, user)));
        assert_eq!(reply.status, 200, "{reply:?}");
        let key = format!("{KEY}{}", user.email);
        let Answer::Text(value) = command(redis, &["GET", &key]) else { panic!("no {key}") };
        assert_eq!(value, json!(user.roles).to_string());
        let Answer::Number(ttl) = command(redis, &["TTL", &key]) else { panic!("no TTL") };
        assert!((1..=300).contains(&ttl), "{key} lives for {ttl} s");
    }
}

#[test]
fn the_key_is_the_lower_cased_email() {
    let stack = shared_stack_with_redis();
    let mint = Mint::of(stack);
    let claims = with(&mint.claims(&ADMIN), "email", "Admin.USER@Example.com".into());
    let reply = get(stack, "/auth/me", Some(&mint.good(&claims)));
    assert_answer(&reply, 200, r#"{"email":"Admin.USER@Example.com","roles":["user","admin"]}"#);
    let redis = stack.address(Part::Redis);
    let found = command(redis, &["EXISTS", &format!("{KEY}{}", ADMIN.email)]);
    assert_eq!(found, Answer::Number(1));
    let found = command(redis, &["EXISTS", &format!("{KEY}Admin.USER@Example.com")]);
    assert_eq!(found, Answer::Number(0));
}

#[test]
fn an_unverified_email_is_never_a_key() {
    let stack = shared_stack_with_redis();
    let mint = Mint::of(stack);
    let email = "nobody.vouches@example.com";
    let claims = with(&mint.claims(&ADMIN), "email", email.into());
    let claims = with(&claims, "email_verified", false.into());
    let reply = get(stack, "/customers", Some(&mint.good(&claims)));
    assert_answer(&reply, 200, "[]");
    let found = command(stack.address(Part::Redis), &["EXISTS", &format!("{KEY}{email}")]);
    assert_eq!(found, Answer::Number(0));
}
