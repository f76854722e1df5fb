//! The same for request trailers, which many servers merge into the headers.

use claimgate_e2e::echo::Echoed;
use claimgate_e2e::http2;
use xtask::stack::Part;

use crate::spoofed_headers::{
    FORGED, OURS, Route, as_shipped, routes, with_underscore, with_underscores,
};

fn over_http2(route: &Route) -> http2::Request {
    let request = http2::Request::new("POST", route.path).body(b"body");
    route.token.iter().fold(request, |request, token| request.bearer(token))
}

#[test]
fn an_innocent_trailer_reaches_the_upstream() {
    for stack in [as_shipped(), with_underscores()] {
        for route in routes(stack) {
            let request = over_http2(&route).trailer("x-innocent", "1");
            let echoed = Echoed::of(&request.send(stack.address(Part::Envoy)));
            assert_eq!(echoed.trailers.one("x-innocent"), Some("1"), "{}", route.path);
        }
    }
}

#[test]
fn a_spoofed_trailer_never_reaches_the_upstream() {
    for stack in [as_shipped(), with_underscores()] {
        for route in routes(stack) {
            let all = OURS.iter().fold(over_http2(&route), |request, name| {
                request.trailer(name, FORGED).trailer(name, FORGED)
            });
            let request = all.trailer("x-innocent", "1");
            let echoed = Echoed::of(&request.send(stack.address(Part::Envoy)));
            assert_eq!(echoed.trailers.one("x-innocent"), Some("1"), "{}", route.path);
            route.assert_untouched(&echoed, "trailers");
        }
    }
}

#[test]
fn a_spoofed_trailer_with_underscores_never_reaches_the_upstream_without_envoy_s_check() {
    let stack = with_underscores();
    for route in routes(stack) {
        for name in OURS.iter().flat_map(|name| with_underscore(name)) {
            let name = name.to_lowercase();
            let request = over_http2(&route).trailer(&name, FORGED).trailer("x_innocent", "1");
            let echoed = Echoed::of(&request.send(stack.address(Part::Envoy)));
            assert_eq!(echoed.trailers.one("x_innocent"), Some("1"), "the check is not off");
            route.assert_untouched(&echoed, &name);
        }
    }
}

#[test]
fn a_spoofed_trailer_with_underscores_is_refused_or_removed_as_shipped() {
    let stack = as_shipped();
    for route in routes(stack) {
        for name in OURS.iter().map(|name| name.replace('-', "_")) {
            let request = over_http2(&route).trailer(&name, FORGED);
            match request.try_send(stack.address(Part::Envoy)) {
                Ok(reply) if reply.status == 200 => {
                    route.assert_untouched(&Echoed::of(&reply), &name);
                }
                Ok(reply) => assert_eq!(reply.status, 400, "{name}: {reply:?}"),
                // Envoy resets the stream.
                Err(error) => assert!(error.to_string().contains("stream"), "{error}"),
            }
        }
    }
}

#[test]
fn a_spoofed_trailer_over_http1_never_reaches_the_upstream() {
    let stack = with_underscores();
    for route in routes(stack) {
        let request = route.request("POST").chunked(b"body", 2).trailer("x-innocent", "1");
        let names = OURS.iter().flat_map(|name| {
            [vec![name.to_string(), name.to_uppercase()], with_underscore(name)].concat()
        });
        let request = names.fold(request, |request, name| request.trailer(name, FORGED));
        let echoed = Echoed::of(&request.send(stack.address(Part::Envoy)));
        assert_eq!(echoed.trailers.one("x-innocent"), Some("1"), "{}", route.path);
        route.assert_untouched(&echoed, "trailers");
    }
}
