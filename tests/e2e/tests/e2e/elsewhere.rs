//! The contract's last row: anything else is 404 with an empty body, whoever asks.

use claimgate_e2e::tokens;
use claimgate_e2e::users::ADMIN;
use xtask::stack::Stack;

use crate::support::*;

on_both_stacks!(what_no_route_serves_is_404_and_empty);

fn what_no_route_serves_is_404_and_empty(stack: &Stack) {
    let token = tokens::access(stack, &ADMIN);
    let paths = [
        "/",
        "/?path=/customers",
        "/customer",
        "/customersX",
        "/customersX/1",
        "/customers/",
        "/customers/1/",
        "/customers/1/orders",
        "/customers/health/x",
        "/Customers",
        "/CUSTOMERS",
        "/productsX",
        "/products/",
        "/products/1/2",
        "/products/category/a/b",
        "/api/customers",
        // The services' own paths, and Envoy's admin interface's.
        "/authz/me",
        "/access/v1/evaluation",
        "/health/ready",
        "/realms/api-gateway-poc",
        "/admin",
        "/stats",
        "/ready",
        "/config_dump",
        "/quitquitquit",
    ];
    for path in paths {
        for method in ["GET", "POST", "OPTIONS"] {
            assert_nothing_there(&ask(stack, method, path, None));
            assert_nothing_there(&ask(stack, method, path, Some(&token)));
        }
        assert_answer(&ask(stack, "HEAD", path, None), 404, "");
    }
    // Not even a bad token is looked at where nothing is.
    assert_nothing_there(&get(stack, "/nowhere", Some("not.a.token")));
}
