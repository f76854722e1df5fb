//! Past the gateway: a service believes no identity that the gateway did not bring.

use claimgate_e2e::client::Request;
use claimgate_e2e::stacks::shared_stack;
use xtask::stack::Part;

use crate::support::*;

const FORGED: [(&str, &str); 4] = [
    ("x-user-email", "admin.user@example.com"),
    ("x-user-name", "Admin User"),
    ("x-email-verified", "true"),
    ("x-user-roles", "user,admin,customer-manager"),
];

#[test]
fn a_forged_identity_without_the_gateway_s_secret_is_403() {
    let stack = shared_stack();
    for (part, path) in [
        (Part::Customers, "/customers"),
        (Part::Customers, "/customers/1"),
        (Part::Customers, "/nowhere"),
        (Part::Products, "/products"),
        (Part::Products, "/products/1"),
    ] {
        let forged = Request::get(path).headers(FORGED);
        let secret = stack.secret();
        let attempts = [
            forged.clone(),
            forged.clone().header("x-gateway-secret", ""),
            forged.clone().header("x-gateway-secret", "0123456789abcdef"),
            forged.clone().header("x-gateway-secret", &secret[1..]),
            forged.clone().header("x_gateway_secret", secret),
            forged.clone().header("x-gateway-secret", secret).header("x-gateway-secret", "x"),
        ];
        for attempt in attempts {
            let reply = attempt.send(stack.address(part));
            assert_detail(&reply, 403, "Requests must come through the gateway.");
        }
    }
}

#[test]
fn health_needs_no_secret() {
    let stack = shared_stack();
    for (part, path) in
        [(Part::Customers, "/customers/health"), (Part::Products, "/products/health")]
    {
        assert_eq!(Request::get(path).send(stack.address(part)).status, 200);
    }
}

#[test]
fn the_gateway_s_guest_is_refused_by_customer_service() {
    let stack = shared_stack();
    let request = Request::get("/customers").header("x-gateway-secret", stack.secret());
    let reply = request.header("x-user-roles", "guest").send(stack.address(Part::Customers));
    assert_detail(&reply, 403, "Access denied: Guests are not allowed to access customer data.");
}
