//! The contract's rows for `/customers`: who sees whose record.

use claimgate_e2e::tokens;
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER, USERS, User};
use xtask::stack::Stack;

use crate::support::*;

on_both_stacks!(
    a_manager_sees_all_seven_and_everybody_else_their_own,
    an_item_is_for_its_owner_and_for_managers,
    an_id_that_is_no_integer_is_422,
    health_is_for_any_caller,
    head_is_get_without_the_body,
    a_required_route_refuses_every_method_without_a_token,
    other_methods_are_405_after_authentication,
);

const PHONE: u64 = 1_234_567_890;
const NOT_THEIRS: &str = "Access denied: You are not authorized to view this customer.";

/// The record of a user, byte for byte, but for when the service was started.
fn record(user: &User, created_at: &str) -> String {
    format!(
        r#"{{"id":{},"name":"{}","email":"{}","phone":"+{}","created_at":"{created_at}"}}"#,
        user.customer,
        user.name,
        user.email,
        PHONE + user.customer,
    )
}

/// When the service was started: constant while it lives.
fn created_at(stack: &Stack) -> String {
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    let reply = get(stack, "/customers/1", Some(&token));
    reply.json()["created_at"].as_str().expect("a time").to_owned()
}

fn a_manager_sees_all_seven_and_everybody_else_their_own(stack: &Stack) {
    let created_at = created_at(stack);
    for user in USERS {
        let visible = USERS.iter().filter(|one| user.manages_customers() || **one == user);
        let records: Vec<_> = visible.map(|one| record(one, &created_at)).collect();
        let reply = get(stack, "/customers", Some(&tokens::access(stack, &user)));
        assert_answer(&reply, 200, &format!("[{}]", records.join(",")));
        assert_eq!(reply.headers.one("content-type"), Some("application/json"));
    }
}

fn an_item_is_for_its_owner_and_for_managers(stack: &Stack) {
    let created_at = created_at(stack);
    for user in USERS {
        let token = tokens::access(stack, &user);
        for owner in USERS {
            let reply = get(stack, &format!("/customers/{}", owner.customer), Some(&token));
            if user.manages_customers() || owner == user {
                assert_answer(&reply, 200, &record(&owner, &created_at));
            } else {
                assert_detail(&reply, 403, NOT_THEIRS);
            }
        }
        for id in ["0", "8", "-1", "99999999999999999999"] {
            let reply = get(stack, &format!("/customers/{id}"), Some(&token));
            if user.manages_customers() {
                assert_detail(&reply, 404, "Customer not found.");
            } else {
                assert_detail(&reply, 403, NOT_THEIRS);
            }
        }
    }
}

fn an_id_that_is_no_integer_is_422(stack: &Stack) {
    let token = tokens::access(stack, &USER);
    let reply = get(stack, "/customers/abc", Some(&token));
    let body = r#"{"detail":[{"type":"int_parsing","loc":["path","customer_id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"abc"}]}"#;
    assert_answer(&reply, 422, body);
    assert_token_missing(&get(stack, "/customers/abc", None));
}

fn health_is_for_any_caller(stack: &Stack) {
    for user in USERS {
        let reply = get(stack, "/customers/health", Some(&tokens::access(stack, &user)));
        let timestamp = reply.json()["timestamp"].as_str().expect("a time").to_owned();
        let body = format!(
            r#"{{"status":"healthy","service":"customer-service","timestamp":"{timestamp}","version":"1.0.0"}}"#
        );
        assert_answer(&reply, 200, &body);
        assert!(timestamp.contains('T'), "{timestamp}");
    }
    assert_token_missing(&get(stack, "/customers/health", None));
}

fn head_is_get_without_the_body(stack: &Stack) {
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    for path in ["/customers", "/customers/3", "/customers/99"] {
        let [got, head] = ["GET", "HEAD"].map(|method| ask(stack, method, path, Some(&token)));
        assert_answer(&head, got.status, "");
        assert_eq!(head.headers.all("content-type"), got.headers.all("content-type"));
        assert_eq!(head.headers.one("content-length"), Some(&*got.body.len().to_string()));
    }
    let refused = ask(stack, "HEAD", "/customers", None);
    assert_answer(&refused, 401, "");
    assert_bare_challenge(&refused);
}

fn a_required_route_refuses_every_method_without_a_token(stack: &Stack) {
    for path in ["/customers", "/customers/1", "/customers/health"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            assert_token_missing(&ask(stack, method, path, None));
        }
    }
}

fn other_methods_are_405_after_authentication(stack: &Stack) {
    let token = tokens::access(stack, &USER);
    for path in ["/customers", "/customers/3", "/customers/health"] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let reply = ask(stack, method, path, Some(&token));
            assert_detail(&reply, 405, "Method Not Allowed");
            assert_eq!(allowed(&reply), ["GET", "HEAD"], "{method} {path}");
        }
    }
}
