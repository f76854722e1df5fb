//! Claims that say nothing, or not what they should: nobody gains a role by them, and who has a
//! token is never a guest.

use claimgate_e2e::mint::{Mint, with};
use claimgate_e2e::stacks::shared_stack;
use claimgate_e2e::users::{ADMIN, CUSTOMER_MANAGER};
use serde_json::{Value, json};

use crate::support::*;

#[test]
fn only_the_boolean_true_verifies_an_email() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for owner in [ADMIN, CUSTOMER_MANAGER] {
        for doubt in [json!("true"), json!("false"), json!(1), json!(0), json!([true]), json!({})] {
            let claims = with(&mint.claims(&owner), "email_verified", doubt.clone());
            let token = mint.good(&claims);
            let own = get(stack, &format!("/customers/{}", owner.customer), Some(&token));
            assert_eq!(own.status, 403, "{doubt}: {own:?}");
            let reply = get(stack, "/auth/me", Some(&token));
            let body = format!(r#"{{"email":"{}","roles":["unverified-user"]}}"#, owner.email);
            assert_eq!((reply.status, reply.text()), (200, body), "email_verified: {doubt}");
        }
    }
}

#[test]
fn a_caller_whose_email_says_nothing_is_no_guest() {
    let stack = shared_stack();
    let mint = Mint::of(stack);
    for email in [Value::Null, json!(""), json!("admin.user@example.com "), json!("a\r\nb: c")] {
        let claims = with(&mint.claims(&ADMIN), "email", email.clone());
        let reply = get(stack, "/auth/me", Some(&mint.good(&claims)));
        assert_eq!(reply.status, 200, "email: {email}: {reply:?}");
        let roles = &reply.json()["roles"];
        assert_eq!(roles, &json!(["unverified-user"]), "email: {email}: {reply:?}");
    }
}
