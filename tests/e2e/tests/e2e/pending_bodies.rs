//! A request with a body that arrives while its decision, or its keys, are pending: the upstream
//! sees not one byte of it before the answer.

use claimgate_e2e::SOON;
use claimgate_e2e::client::{Pending, Reply, Request};
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::gate::Gate;
use claimgate_e2e::stacks::{OwnStack, builder, own_stack};
use claimgate_e2e::users::USER;
use claimgate_e2e::{edit, http2, tokens};
use serde_json::Value;
use xtask::stack::Part;

use crate::support::*;

/// Requests through the same worker after which the body of an earlier one has had its chance.
const FENCE: usize = 25;

/// A gateway with one worker, the echo behind it and a gate before one of the clusters it asks.
struct Scene {
    stack: OwnStack,
    gate: Gate,
    echo: Echo,
    token: String,
}

impl Scene {
    fn new(target: &str, cluster: &'static str, edit: impl FnOnce(&mut Value) + 'static) -> Self {
        let (gate, echo) = (Gate::holding(target), Echo::start());
        let builder = builder().workers(1).without(Part::Customers).without(Part::Products);
        let builder = builder
            .edit_envoy(edit::all_routes_to(&echo))
            .edit_envoy(gate.before(cluster))
            .edit_envoy(edit);
        let stack = own_stack(builder);
        let token = tokens::direct(&stack, &USER).access_token;
        Self { stack, gate, echo, token }
    }

    fn with_decisions_held(edit: impl FnOnce(&mut Value) + 'static) -> Self {
        Self::new("/access/v1/evaluation", "authz-service", edit)
    }

    fn with_keys_held(edit: impl FnOnce(&mut Value) + 'static) -> Self {
        Self::new("/certs", "idp", edit)
    }

    fn start(&self, request: &Request) -> Pending {
        request.clone().bearer(&self.token).start(self.stack.address(Part::Envoy)).unwrap()
    }

    /// Enough other traffic for anything of an earlier request to have come through.
    fn fence(&self) {
        for _ in 0..FENCE {
            let reply = get(&self.stack, "/auth/realms/api-gateway-poc/fence", None);
            assert_eq!(reply.status, 200);
        }
    }

    /// Nothing of this request has reached the upstream, though other traffic has since.
    fn assert_unseen(&self, request: &Request) {
        self.fence();
        let end = format!(" {}", request.target());
        let seen = self.echo.seen();
        assert!(!seen.iter().any(|seen| seen.ends_with(&end)), "{request} went on undecided");
    }

    /// Starts one, sees that it waits, lets it go, and returns its answer.
    fn hold_and_release(&self, request: &Request) -> Reply {
        self.gate.shut();
        let before = self.gate.arrived();
        let pending = self.start(request);
        assert!(self.gate.has(before + 1, SOON), "nobody asked for {request}");
        self.assert_unseen(request);
        self.gate.open();
        pending.reply().unwrap_or_else(|error| panic!("{request}: {error}"))
    }
}

fn slow_decisions(config: &mut Value) {
    edit::decision_timeout(config, "9s");
    // Every request asks: none may be let through by an earlier answer.
    edit::policy(config)["authorization"][0]["cache"]["max_entries"] = 0.into();
}

fn stop_iteration_allowed(config: &mut Value) {
    slow_decisions(config);
    edit::filter(config)["allow_on_headers_stop_iteration"] = true.into();
}

fn post(target: &str) -> Request {
    Request::new("POST", target)
}

/// Requests, and how long their bodies are.
fn small_bodies() -> Vec<(Request, u64)> {
    vec![
        (post("/customers/1").body("0123456789"), 10),
        (post("/customers/2").chunked(b"0123456789", 3), 10),
        (post("/customers/3").body(""), 0),
        (post("/customers/4").chunked(b"", 1), 0),
        (Request::get("/customers/5").body("0123456789"), 10),
    ]
}

/// Bodies far beyond what Envoy buffers for a stream.
fn large_bodies() -> Vec<(Request, u64)> {
    let body = vec![b'a'; 1_000_000];
    vec![
        (post("/customers/6").body(body.clone()), 1_000_000),
        (post("/customers/7").chunked(&body, 16_000), 1_000_000),
    ]
}

fn all_bodies() -> Vec<(Request, u64)> {
    [small_bodies(), large_bodies()].concat()
}

#[test]
fn a_body_waits_for_the_decision() {
    let scene = Scene::with_decisions_held(slow_decisions);
    for (request, length) in all_bodies() {
        let echoed = Echoed::of(&scene.hold_and_release(&request));
        assert_eq!(echoed.body_length, length, "{request}");
    }
}

#[test]
fn a_body_waits_for_the_decision_also_when_envoy_would_let_it_pass() {
    let scene = Scene::with_decisions_held(stop_iteration_allowed);
    for (request, length) in small_bodies() {
        let echoed = Echoed::of(&scene.hold_and_release(&request));
        assert_eq!(echoed.body_length, length, "{request}");
    }
}

/// With `allow_on_headers_stop_iteration` Envoy has only its buffer to hold a body in.
#[test]
fn a_body_that_envoy_cannot_hold_is_413_and_never_seen() {
    let scene = Scene::with_decisions_held(stop_iteration_allowed);
    for (request, _) in large_bodies() {
        let reply = scene.start(&request).reply().unwrap();
        assert_eq!(reply.status, 413, "{reply:?}");
    }
    scene.gate.open();
    large_bodies().iter().for_each(|(request, _)| scene.assert_unseen(request));
}

#[test]
fn a_body_waits_for_keys() {
    a_body_waits_for_keys_when(false, all_bodies());
}

#[test]
fn a_body_waits_for_keys_also_when_envoy_would_let_it_pass() {
    a_body_waits_for_keys_when(true, small_bodies());
}

fn a_body_waits_for_keys_when(stop_iteration_allowed: bool, bodies: Vec<(Request, u64)>) {
    let scene = Scene::with_keys_held(move |config| {
        edit::policy(config)["providers"][0]["jwks"]["timeout"] = "9s".into();
        edit::filter(config)["allow_on_headers_stop_iteration"] = stop_iteration_allowed.into();
    });
    let pending: Vec<_> = bodies.iter().map(|(request, _)| scene.start(request)).collect();
    assert!(scene.gate.has(1, SOON), "nobody asked for keys");
    bodies.iter().for_each(|(request, _)| scene.assert_unseen(request));
    scene.gate.open();
    for (pending, (request, length)) in pending.into_iter().zip(bodies) {
        let reply = pending.reply().unwrap_or_else(|error| panic!("{request}: {error}"));
        assert_eq!(Echoed::of(&reply).body_length, length, "{request}");
    }
}

#[test]
fn a_body_whose_decision_never_comes_is_503_and_never_seen() {
    never_decided(|config| edit::decision_timeout(config, "250ms"), &all_bodies());
}

#[test]
fn a_body_whose_decision_never_comes_is_503_also_when_envoy_would_let_it_pass() {
    let edit = |config: &mut Value| {
        stop_iteration_allowed(config);
        edit::decision_timeout(config, "250ms");
    };
    never_decided(edit, &small_bodies());
}

fn never_decided(edit: fn(&mut Value), bodies: &[(Request, u64)]) {
    let scene = Scene::with_decisions_held(edit);
    for (request, _) in bodies {
        let reply = scene.start(request).reply().unwrap();
        assert_problem(&reply, 503);
        assert!(reply.headers.has("retry-after"), "{reply:?}");
    }
    scene.gate.open();
    bodies.iter().for_each(|(request, _)| scene.assert_unseen(request));
}

#[test]
fn trailers_wait_too() {
    let scene = Scene::with_decisions_held(stop_iteration_allowed);
    let gateway = scene.stack.address(Part::Envoy);
    let request = http2::Request::new("POST", "/customers").bearer(&scene.token);
    let request = request.body(b"body").trailer("x-late", "1");
    let sent = std::thread::spawn(move || request.send(gateway));
    assert!(scene.gate.has(1, SOON), "nobody asked");
    scene.assert_unseen(&post("/customers"));
    scene.gate.open();
    let echoed = Echoed::of(&sent.join().unwrap());
    assert_eq!((echoed.body_length, echoed.trailers.one("x-late")), (4, Some("1")));
}

#[test]
fn a_frozen_authorization_service_lets_no_body_through() {
    let echo = Echo::start();
    let builder = builder().without(Part::Customers).without(Part::Products);
    let stack = own_stack(builder.edit_envoy(edit::all_routes_to(&echo)));
    let token = tokens::direct(&stack, &USER).access_token;
    stack.part(Part::Authz).unwrap().freeze();
    for (request, _) in all_bodies() {
        let reply = request.bearer(&token).send(stack.address(Part::Envoy));
        assert_problem(&reply, 503);
        assert!(reply.headers.has("retry-after"), "{reply:?}");
    }
    stack.part(Part::Authz).unwrap().thaw();
    assert!(!echo.seen().iter().any(|seen| seen.contains("/customers")), "{:?}", echo.seen());
}
