//! What counts as a credential: one bearer token in `authorization`, nothing else.

use claimgate_e2e::client::Request;
use claimgate_e2e::http2;
use claimgate_e2e::stacks::shared_stack;
use claimgate_e2e::tokens;
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER};
use xtask::stack::Part;

use crate::support::*;

/// Required, optional, optional with roles.
const ROUTES: [&str; 4] = ["/customers", "/customers/1", "/products", "/auth/me"];

#[test]
fn two_authorization_headers_are_400() {
    let stack = shared_stack();
    let good = tokens::access(stack, &USER);
    let other = tokens::access(stack, &CUSTOMER_MANAGER);
    let bearer = |token: &str| format!("Bearer {token}");
    let pairs = [
        (bearer(&good), bearer(&other)),
        (bearer(&good), bearer(&good)),
        (bearer(&good), "Basic dTpw".to_owned()),
        ("Basic dTpw".to_owned(), bearer(&good)),
        ("Basic dTpw".to_owned(), "Basic dTpw".to_owned()),
    ];
    for path in ROUTES {
        for (one, two) in &pairs {
            let request = Request::get(path).header("authorization", one);
            let reply = request.header("Authorization", two).send(stack.address(Part::Envoy));
            assert_malformed_credentials(&reply, path);
            let request = http2::Request::new("GET", path).header("authorization", one);
            let reply = request.header("authorization", two).send(stack.address(Part::Envoy));
            assert_malformed_credentials(&reply, path);
        }
    }
}

#[test]
fn anything_but_one_bearer_token_is_400_also_where_a_token_is_optional() {
    let stack = shared_stack();
    let good = tokens::access(stack, &USER);
    let values = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        good.clone(),
        format!("Bearer {good}, Bearer {good}"),
        format!("Bearer {good},"),
        format!(",Bearer {good}"),
        format!("Bearer {good} {good}"),
        format!("Bearer {good};x"),
        format!("Bearer \"{good}\""),
        format!("Basic {good}"),
        "Basic dGVzdHVzZXI6dGVzdHBhc3M=".to_owned(),
        format!("Bearer\u{e9} {good}"),
    ];
    for path in ROUTES {
        for value in &values {
            let request = Request::get(path).header("authorization", value);
            let reply = request.send(stack.address(Part::Envoy));
            assert_malformed_credentials(&reply, &format!("{path} with {value:?}"));
        }
    }
}

#[test]
fn a_token_that_is_bound_to_nothing_comes_with_no_proof() {
    let stack = shared_stack();
    let good = tokens::access(stack, &USER);
    for path in ROUTES {
        let request = Request::get(path).header("authorization", format!("DPoP {good}"));
        assert_problem(&request.send(stack.address(Part::Envoy)), 401);
    }
}

#[test]
fn the_scheme_ignores_case() {
    let stack = shared_stack();
    let good = tokens::access(stack, &USER);
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        let request = Request::get("/auth/me").header("AUTHORIZATION", format!("{scheme} {good}"));
        assert_answer(&request.send(stack.address(Part::Envoy)), 200, &me(&USER));
    }
}

#[test]
fn a_token_anywhere_else_is_not_looked_at() {
    let stack = shared_stack();
    let good = tokens::access(stack, &USER);
    let query = format!("/customers?access_token={good}");
    let cookie = Request::get("/customers").header("cookie", format!("access_token={good}"));
    let proxy = Request::get("/customers").header("proxy-authorization", format!("Bearer {good}"));
    for request in [Request::get(query), cookie, proxy] {
        assert_token_missing(&request.send(stack.address(Part::Envoy)));
    }
    let guest = get(stack, &format!("/auth/me?access_token={good}"), None);
    assert_answer(&guest, 200, r#"{"email":"","roles":["guest"]}"#);
}

#[test]
fn a_token_longer_than_any_real_one_is_400() {
    let stack = shared_stack();
    let long = "a".repeat(20_000);
    for path in ROUTES {
        let reply = get(stack, path, Some(&long));
        assert_malformed_credentials(&reply, path);
    }
}
