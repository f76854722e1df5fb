//! The same with Envoy's own treatment of paths off: the filter's check has to do, and nothing
//! that is not canonical gets past it.

use std::sync::{LazyLock, OnceLock};

use claimgate_e2e::client::Request;
use claimgate_e2e::echo::Echo;
use claimgate_e2e::stacks::{Shared, builder, shared};
use claimgate_e2e::users::CUSTOMER_MANAGER;
use claimgate_e2e::{edit, http2, tokens};
use xtask::stack::{Part, Stack};

use crate::support::*;

static ECHO: LazyLock<Echo> = LazyLock::new(Echo::start);

fn stack() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "paths-kept", || {
        let builder = builder().without(Part::Customers).without(Part::Products);
        builder.edit_envoy(edit::all_routes_to(&ECHO)).edit_envoy(edit::keep_paths)
    })
}

/// Refused by the filter itself, without a token and with a manager's, and not seen upstream.
fn refused_by_the_filter(targets: &[&str]) {
    let stack = stack();
    let token = tokens::direct(stack, &CUSTOMER_MANAGER).access_token;
    for target in targets {
        for request in [Request::get(target), Request::get(target).bearer(&token)] {
            let reply = request.send(stack.address(Part::Envoy));
            assert_eq!(reply.status, 400, "{request}: {reply:?}");
            assert_problem(&reply, 400);
        }
        assert!(!ECHO.seen().iter().any(|seen| seen.ends_with(&format!(" {target}"))), "{target}");
    }
}

#[test]
fn a_canonical_path_still_passes_byte_for_byte() {
    let stack = stack();
    let token = tokens::direct(stack, &CUSTOMER_MANAGER).access_token;
    for target in
        ["/customers", "/customers/a%20b", "/customers?x=//../;%2f%5c", "/products/~x-y_z."]
    {
        assert_eq!(get(stack, target, Some(&token)).status, 200, "{target}");
        assert!(ECHO.seen().contains(&format!("GET {target}")), "{target}");
    }
}

#[test]
fn empty_and_dot_segments_are_400() {
    refused_by_the_filter(&[
        "//customers",
        "///customers",
        "/customers//1",
        "/./customers",
        "/customers/.",
        "/customers/..",
        "/../customers",
        "/products/../customers",
        "/products/./../customers",
        "/auth/realms/api-gateway-poc/../../../customers",
        "/auth/realms/api-gateway-poc/..",
        "/auth/me/../me",
    ]);
}

#[test]
fn encodings_that_hide_or_need_not_be_are_400() {
    refused_by_the_filter(&[
        "/products/..%2fcustomers",
        "/products/..%2Fcustomers",
        "/products/%2e%2e/customers",
        "/products/%2E%2E/customers",
        "/products/.%2e/customers",
        "/products/..%5ccustomers",
        "/%63ustomers",
        "/c%75stomers",
        "/customers%00",
        "/customers%0a",
        "/customers%7f",
        "/products/%252e%252e/customers",
        "/customers%25",
        "/customers%",
        "/customers%2",
        "/customers%zz",
        "/customers%u0063",
        "/auth/realms/api-gateway-poc/..%2f..%2fadmin",
    ]);
}

#[test]
fn backslashes_and_parameters_are_400() {
    refused_by_the_filter(&[
        "/products\\..\\customers",
        "/products\\../customers",
        "/\\customers",
        "/customers\\",
        "/customers;x",
        "/customers;/1",
        "/customers/1;x=y",
        "/;/customers",
    ]);
}

#[test]
fn what_no_route_serves_is_404_all_the_same() {
    let stack = stack();
    for target in ["/customersX", "/customers/1/2", "/", "/Customers", "/auth/admin"] {
        assert_nothing_there(&get(stack, target, None));
    }
}

#[test]
fn an_absolute_target_and_http2_are_checked_the_same() {
    let stack = stack();
    let token = tokens::direct(stack, &CUSTOMER_MANAGER).access_token;
    let gateway = stack.address(Part::Envoy);
    for path in
        ["//customers", "/products/../customers", "/products/..%2fcustomers", "/customers;x"]
    {
        let absolute = Request::get(format!("http://localhost{path}")).bearer(&token);
        assert_problem(&absolute.send(gateway), 400);
        let over_http2 = http2::Request::new("GET", path).bearer(&token);
        assert_problem(&over_http2.send(gateway), 400);
    }
}

#[test]
fn what_is_no_path_at_all_never_reaches_an_upstream() {
    let stack = stack();
    let token = tokens::direct(stack, &CUSTOMER_MANAGER).access_token;
    let requests: [(&str, &[u8]); 9] = [
        ("OPTIONS", b"*"),
        ("GET", b"*"),
        ("GET", b"customers"),
        ("GET", b"?/customers"),
        ("GET", b"\\customers"),
        ("CONNECT", b"localhost:80"),
        ("GET", b"/caf\xc3\xa9"),
        ("GET", b"/products\x00"),
        ("GET", b"/products#x"),
    ];
    for (method, target) in requests {
        for request in [Request::new(method, target), Request::new(method, target).bearer(&token)] {
            // The echo would answer 200.
            let reply = request.send(stack.address(Part::Envoy));
            assert!(matches!(reply.status, 400 | 404), "{request}: {reply:?}");
        }
    }
}
