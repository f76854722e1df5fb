//! Browsers: preflights end in Envoy's CORS filter, everything else goes on to ours.

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::tokens;
use claimgate_e2e::users::CUSTOMER_MANAGER;
use xtask::stack::{Part, Stack};

use crate::support::*;

on_both_stacks!(
    a_preflight_is_answered_without_a_token,
    a_preflight_from_elsewhere_gets_no_leave,
    a_preflight_from_elsewhere_is_a_request_like_any_other,
    a_plain_options_is_405,
    a_browser_may_read_answers_and_refusals,
);

const HOME: &str = "http://localhost:3000";

fn preflight(stack: &Stack, path: &str, origin: &str) -> Reply {
    let request = Request::new("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    request.send(stack.address(Part::Envoy))
}

fn a_preflight_is_answered_without_a_token(stack: &Stack) {
    for path in ["/customers", "/customers/1", "/products", "/auth/me"] {
        let reply = preflight(stack, path, HOME);
        assert_answer(&reply, 200, "");
        assert_eq!(reply.headers.one("access-control-allow-origin"), Some(HOME));
        let methods = reply.headers.one("access-control-allow-methods").unwrap_or_default();
        assert!(methods.contains("GET"), "{reply:?}");
        let headers = reply.headers.one("access-control-allow-headers").unwrap_or_default();
        assert!(headers.contains("authorization"), "{reply:?}");
    }
}

fn a_preflight_from_elsewhere_gets_no_leave(stack: &Stack) {
    for origin in ["http://evil.example", "http://localhost:3000.evil.example", "null"] {
        for path in ["/customers", "/products"] {
            let reply = preflight(stack, path, origin);
            assert!(!reply.headers.has("access-control-allow-origin"), "{reply:?}");
        }
    }
}

/// Envoy Gateway has its CORS filter answer it, 200 and without leave; here it is a request without a token.
fn a_preflight_from_elsewhere_is_a_request_like_any_other(stack: &Stack) {
    for origin in ["http://evil.example", "http://localhost:3000.evil.example", "null"] {
        assert_token_missing(&preflight(stack, "/customers", origin));
    }
}

fn a_plain_options_is_405(stack: &Stack) {
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    for (path, token) in
        [("/products", None), ("/products", Some(&*token)), ("/customers", Some(&*token))]
    {
        let reply = ask(stack, "OPTIONS", path, token);
        assert_detail(&reply, 405, "Method Not Allowed");
        assert_eq!(allowed(&reply), ["GET", "HEAD"]);
    }
    assert_token_missing(&ask(stack, "OPTIONS", "/customers", None));
}

fn a_browser_may_read_answers_and_refusals(stack: &Stack) {
    let token = tokens::access(stack, &CUSTOMER_MANAGER);
    let request = Request::get("/customers").header("origin", HOME);
    let gateway = stack.address(Part::Envoy);
    let (answer, refusal) = (request.clone().bearer(&token).send(gateway), request.send(gateway));
    assert_eq!((answer.status, refusal.status), (200, 401));
    for reply in [answer, refusal] {
        assert_eq!(reply.headers.one("access-control-allow-origin"), Some(HOME), "{reply:?}");
        let exposed = reply.headers.one("access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("www-authenticate"), "{reply:?}");
    }
}
