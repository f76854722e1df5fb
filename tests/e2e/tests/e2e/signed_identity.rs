//! Signed identity from end to end: Envoy signs, the authorization service publishes the key, and
//! customer-service believes nothing else.

use claimgate_e2e::client::Request;
use claimgate_e2e::stacks::{Shared, builder, shared};
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER};
use claimgate_e2e::{edit, mint, tokens};
use serde_json::{Value, json};
use xtask::stack::{IdentityKey, Part, Stack};

use crate::support::*;

const ROUTES: [&str; 2] = ["/customers", "/customers/{customer_id}"];

fn policy(config: &mut Value) {
    edit::filter(config)["vm_config"]["environment_variables"] =
        json!({"host_env_keys": ["IDENTITY_KEY"]});
    let policy = edit::policy(config);
    policy["signed_identity"] = json!({
        "issuer": "claimgate", "key_env": "IDENTITY_KEY",
        "include": {"roles": "decision", "claims": ["email", "email_verified"]},
    });
    for route in policy["routes"].as_array_mut().into_iter().flatten() {
        if ROUTES.iter().any(|template| route["match"]["path"] == **template) {
            route["identity_audience"] = "customer-service".into();
        }
    }
}

/// In the middle of a change of keys: both are published, and the gateway signs with the new one.
fn stack() -> &'static Stack {
    static STACK: Shared = Shared::new();
    shared(&STACK, "signed-identity", || {
        let key = IdentityKey {
            private: mint::key_file("p256-2"),
            public: ["p256-1-public", "p256-2-public"].map(mint::key_file).into(),
            routes: ROUTES.map(str::to_owned).into(),
        };
        builder().signed_identity(key).edit_envoy(policy)
    })
}

#[test]
fn a_service_that_wants_a_statement_knows_who_calls_from_it() {
    let token = tokens::access(stack(), &CUSTOMER_MANAGER);
    let all = get(stack(), "/customers", Some(&token));
    assert_eq!((all.status, all.json().as_array().map(Vec::len)), (200, Some(7)), "{all:?}");
    let token = tokens::access(stack(), &USER);
    let own = get(stack(), "/customers", Some(&token));
    assert_eq!((own.status, own.json().as_array().map(Vec::len)), (200, Some(1)), "{own:?}");
    let item = get(stack(), &format!("/customers/{}", USER.customer), Some(&token));
    assert_eq!(item.status, 200, "{item:?}");
}

#[test]
fn a_direct_call_with_forged_headers_is_refused_even_with_the_gateway_s_secret() {
    let forged = [
        ("x-gateway-secret", stack().secret()),
        ("x-user-email", CUSTOMER_MANAGER.email),
        ("x-email-verified", "true"),
        ("x-user-roles", "customer-manager"),
    ];
    let call = Request::get("/customers").headers(forged);
    let refused = |call: &Request, word: &str| {
        let reply = call.send(stack().address(Part::Customers));
        assert_detail(&reply, 401, &format!("A signed identity is required: {word}."));
    };
    refused(&call, "missing");
    refused(&call.clone().header("x-claimgate-identity", "a.b.c"), "malformed");
    // A client's own token is a JWT too, of another type.
    let token = tokens::access(stack(), &CUSTOMER_MANAGER);
    refused(&call.header("x-claimgate-identity", token), "malformed");
}

#[test]
fn a_forged_statement_does_not_pass_the_gateway() {
    let token = tokens::access(stack(), &USER);
    for name in ["x-claimgate-identity", "X-Claimgate-Identity"] {
        let request = Request::get("/customers").bearer(&token).header(name, "a.b.c");
        let reply = request.send(stack().address(Part::Envoy));
        assert_eq!((reply.status, reply.json().as_array().map(Vec::len)), (200, Some(1)));
    }
}

#[test]
fn a_route_that_sends_no_statement_does_not_reach_such_a_service() {
    let health = Request::get("/customers/health").send(stack().address(Part::Customers));
    assert_eq!(health.status, 200, "the service's own health needs none");
    let token = tokens::access(stack(), &USER);
    assert_eq!(get(stack(), "/products", Some(&token)).status, 200, "nobody there wants one");
    let posted = ask(stack(), "POST", "/customers", Some(&token));
    assert_eq!(posted.status, 405, "stated for POST: {posted:?}");
}
