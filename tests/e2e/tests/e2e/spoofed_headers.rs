//! Headers that only the gateway may set: whatever spelling a client sends, the upstream never
//! sees the client's value, on any kind of route.

use std::sync::{LazyLock, OnceLock};

use claimgate_e2e::client::Request;
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::stacks::{Shared, builder, shared};
use claimgate_e2e::users::CUSTOMER_MANAGER;
use claimgate_e2e::{edit, tokens};
use xtask::stack::{Part, Stack};

use crate::support::*;

static ECHO: LazyLock<Echo> = LazyLock::new(Echo::start);

/// The demo's gateway, with the echo behind every route.
pub(crate) fn as_shipped() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "echo", || {
        let builder = builder().without(Part::Customers).without(Part::Products);
        builder.edit_envoy(edit::all_routes_to(&ECHO))
    })
}

/// The same with Envoy's own check of underscores off.
pub(crate) fn with_underscores() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "echo-underscores", || {
        let builder = builder().without(Part::Customers).without(Part::Products);
        builder
            .edit_envoy(edit::all_routes_to(&ECHO))
            .edit_envoy(edit::allow_underscores)
            .edit_envoy(edit::http1_trailers)
    })
}

/// What clients would like to be.
pub(crate) const FORGED: &str = "forged-by-the-client";

pub(crate) const OURS: [&str; 5] =
    ["x-user-email", "x-user-name", "x-email-verified", "x-user-roles", "x-envoy-original-path"];

/// A kind of route: its path, whether it is called with a token, and what it sets.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) token: Option<String>,
    expected: Vec<(&'static str, String)>,
}

/// Required, optional with and without a token, roles needed, none.
pub(crate) fn routes(stack: &Stack) -> Vec<Route> {
    let user = CUSTOMER_MANAGER;
    let token = Some(tokens::direct(stack, &user).access_token);
    let caller = vec![
        ("x-email-verified", user.verified.to_string()),
        ("x-user-email", user.email.to_owned()),
        ("x-user-name", user.name.to_owned()),
        ("x-user-roles", user.roles.join(",")),
    ];
    let guest = vec![("x-user-roles", "guest".to_owned())];
    let route = |path, token: &Option<String>, expected: &Vec<_>| Route {
        path,
        token: token.clone(),
        expected: expected.clone(),
    };
    vec![
        route("/customers", &token, &caller),
        route("/customers/4", &token, &caller),
        route("/customers/health", &token, &caller),
        route("/products", &token, &caller),
        route("/products", &None, &guest),
        route("/products/category/toys", &None, &guest),
        route("/auth/me", &token, &caller),
        route("/auth/me", &None, &guest),
        route("/auth/realms/api-gateway-poc/page", &None, &vec![]),
        route("/auth/realms/api-gateway-poc/page", &token, &vec![]),
    ]
}

impl Route {
    pub(crate) fn request(&self, method: &str) -> Request {
        let request = Request::new(method, self.path);
        self.token.iter().fold(request, |request, token| request.bearer(token))
    }

    /// What is ours comes from the gateway alone, each header once, and no value of the client's
    /// is anywhere.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, echoed: &Echoed, how: &str) {
        let fold = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        let lines = echoed.headers.0.iter().chain(&echoed.trailers.0);
        let mut ours: Vec<_> = lines
            .filter(|(name, _)| OURS.contains(&&*fold(name)))
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        ours.sort();
        assert_eq!(ours, self.expected, "{} with {how}: {echoed:?}", self.path);
        assert!(!format!("{echoed:?}").contains(FORGED), "{} with {how}: {echoed:?}", self.path);
    }
}

/// Spellings without an underscore.
fn spellings(name: &str) -> Vec<String> {
    let title = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
    let title = title.collect::<Vec<_>>().join("-");
    vec![name.to_owned(), name.to_uppercase(), title, format!("X{}", &name[1..])]
}

/// Spellings with underscores, of every case.
pub(crate) fn with_underscore(name: &str) -> Vec<String> {
    let mut all = vec![name.replace('-', "_"), name.replacen('-', "_", 1)];
    let last = name.rfind('-').expect("a dash");
    all.push(format!("{}_{}", &name[..last], &name[last + 1..]));
    let upper: Vec<_> = all.iter().map(|one| one.to_uppercase()).collect();
    all.extend(upper);
    all
}

#[test]
fn without_spoofing_the_upstream_sees_exactly_the_gateway_s_headers() {
    for stack in [as_shipped(), with_underscores()] {
        for route in routes(stack) {
            let reply = route.request("GET").send(stack.address(Part::Envoy));
            route.assert_untouched(&Echoed::of(&reply), "nothing");
        }
    }
}

#[test]
fn a_spoofed_header_never_reaches_the_upstream_in_any_case() {
    for stack in [as_shipped(), with_underscores()] {
        for route in routes(stack) {
            for name in OURS.iter().flat_map(|name| spellings(name)) {
                let once = route.request("GET").header(&name, FORGED);
                let twice = once.clone().header(&name, FORGED);
                let empty = route.request("GET").header(&name, "").header(&name, FORGED);
                for request in [once, twice, empty] {
                    let reply = request.send(stack.address(Part::Envoy));
                    route.assert_untouched(&Echoed::of(&reply), &name);
                }
            }
        }
    }
}

#[test]
fn a_spoofed_header_with_underscores_is_400_by_envoy() {
    let stack = as_shipped();
    for route in routes(stack) {
        for name in OURS.iter().flat_map(|name| with_underscore(name)) {
            let request = route.request("GET").header(&name, FORGED);
            let reply = request.send(stack.address(Part::Envoy));
            assert_eq!(reply.status, 400, "{name}: {reply:?}");
        }
    }
}

#[test]
fn a_spoofed_header_with_underscores_never_reaches_the_upstream_without_envoy_s_check() {
    let stack = with_underscores();
    let control = Request::get("/products").header("x_innocent", "1");
    let echoed = Echoed::of(&control.send(stack.address(Part::Envoy)));
    assert_eq!(echoed.headers.one("x_innocent"), Some("1"), "the check is not off");
    for route in routes(stack) {
        for name in OURS.iter().flat_map(|name| with_underscore(name)) {
            let once = route.request("GET").header(&name, FORGED);
            let twice = once.clone().header(name.replace('_', "-"), FORGED).header(&name, FORGED);
            for request in [once, twice] {
                let reply = request.send(stack.address(Part::Envoy));
                route.assert_untouched(&Echoed::of(&reply), &name);
            }
        }
    }
}

#[test]
fn all_spellings_at_once_leave_nothing_behind() {
    let stack = with_underscores();
    for route in routes(stack) {
        let names = OURS.iter().flat_map(|name| [spellings(name), with_underscore(name)].concat());
        let request =
            names.fold(route.request("GET"), |request, name| request.header(name, FORGED));
        let reply = request.send(stack.address(Part::Envoy));
        route.assert_untouched(&Echoed::of(&reply), "everything");
    }
}

#[test]
fn the_gateway_s_secret_goes_to_the_services_alone_and_only_from_the_gateway() {
    let stack = as_shipped();
    for route in routes(stack) {
        let request = route.request("GET").header("x-gateway-secret", FORGED);
        let echoed = Echoed::of(&request.send(stack.address(Part::Envoy)));
        let is_service = !route.path.starts_with("/auth");
        let expected = if is_service { vec![stack.secret()] } else { vec![] };
        assert_eq!(echoed.headers.all("x-gateway-secret"), expected, "{}", route.path);
    }
}

#[test]
fn the_token_goes_no_further_than_the_gateway_but_to_its_issuer() {
    let stack = as_shipped();
    for route in routes(stack) {
        let echoed = Echoed::of(&route.request("GET").send(stack.address(Part::Envoy)));
        let passes = route.path.starts_with("/auth/realms") && route.token.is_some();
        assert_eq!(echoed.headers.has("authorization"), passes, "{}: {echoed:?}", route.path);
    }
}

#[test]
fn a_refused_request_never_reaches_the_upstream() {
    let stack = as_shipped();
    for path in ["/customers?refused", "/products?refused", "/auth/me?refused"] {
        let reply = get(stack, path, Some("not.a.token"));
        assert_token_refused(&reply, path);
    }
    assert_token_missing(&get(stack, "/customers?refused", None));
    assert!(!ECHO.seen().iter().any(|seen| seen.ends_with("?refused")), "{:?}", ECHO.seen());
}
