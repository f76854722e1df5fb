//! Tokens in a header of their own, in a cookie and in the query: what the upstream gets to see,
//! and what a log that writes down whole paths has to show.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::stacks::{Shared, builder, shared};
use claimgate_e2e::users::{CUSTOMER_MANAGER, USER};
use claimgate_e2e::{edit, tokens};
use claimgate_proc::wait_until;
use serde_json::{Value, json};
use xtask::stack::{Part, Stack};

use crate::support::*;

static ECHO: LazyLock<Echo> = LazyLock::new(Echo::start);
const ORIGIN: &str = "https://app.example";

fn everywhere(config: &mut Value) {
    let provider = &mut edit::policy(config)["providers"][0];
    provider["from"] = json!([
        {"header": "authorization"}, {"header": "x-token"}, {"cookie": "session"},
        {"query": "access_token"},
    ]);
    provider["allow_query_token"] = json!(true);
    provider["allowed_origins"] = json!([ORIGIN]);
}

/// Else Envoy refuses upgrades itself.
fn upgrades(config: &mut Value) {
    edit::manager(config)["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
}

/// What the shipped configuration avoids: the whole path in the access log.
fn careless_log(config: &mut Value) {
    let log = &mut edit::manager(config)["access_log"][0]["typed_config"]["log_format"];
    let line = "careless %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE%\n";
    *log = json!({"text_format_source": {"inline_string": line}});
}

fn stack() -> &'static Stack {
    static STACK: Shared = OnceLock::new();
    shared(&STACK, "places", || {
        let builder = builder().without(Part::Customers).without(Part::Products);
        let builder = builder.edit_envoy(upgrades);
        builder
            .edit_envoy(edit::all_routes_to(&ECHO))
            .edit_envoy(everywhere)
            .edit_envoy(careless_log)
    })
}

fn token() -> &'static str {
    static TOKEN: LazyLock<String> =
        LazyLock::new(|| tokens::direct(stack(), &CUSTOMER_MANAGER).access_token);
    &TOKEN
}

fn send(request: &Request) -> Reply {
    request.send(stack().address(Part::Envoy))
}

#[test]
fn the_upstream_learns_who_it_is_and_never_the_token() {
    let (get, token) = (|target: &str| Request::get(target), token());
    for request in [
        get("/products?a=1").bearer(token),
        get("/products?a=1").header("X-Token", token),
        get("/products?a=1").header("cookie", format!("a=1; session={token}; b=2")),
        get("/products?a=1").header("cookie", format!("session={token}")).header("cookie", "a=1"),
        get(&format!("/products?access_token={token}&a=1")),
        get(&format!("/products?a=1&access%5ftoken={token}")),
        get(&format!("/products?a=1&access_token={token}")).bearer(token).header("x-token", token),
    ] {
        let echoed = Echoed::of(&send(&request));
        assert_eq!(echoed.target, "/products?a=1");
        assert_eq!(echoed.headers.one("x-user-email"), Some(CUSTOMER_MANAGER.email));
        assert!(!format!("{echoed:?}").contains(token), "{echoed:?}");
        let cookies = echoed.headers.all("cookie").join("; ");
        assert!(["", "a=1", "a=1; b=2"].contains(&&*cookies), "{cookies}");
    }
}

#[test]
fn two_different_tokens_are_refused_wherever_they_are() {
    let other = tokens::direct(stack(), &USER).access_token;
    for request in [
        Request::get("/products").bearer(&other).header("x-token", token()),
        Request::get("/products").bearer(&other).header("cookie", format!("session={}", token())),
        Request::get(format!("/products?access_token={}", token())).bearer(&other),
        Request::get("/products").header("x-token", token()).header("x-token", &other),
        Request::get("/products").header("cookie", format!("session={other}; session={}", token())),
        Request::get(format!("/products?access_token={other}&access_token={}", token())),
    ] {
        assert_problem(&send(&request), 400);
    }
}

#[test]
fn a_cookie_needs_an_origin_where_it_could_do_harm() {
    let post =
        || Request::new("POST", "/products").header("cookie", format!("session={}", token()));
    assert_problem(&send(&post().body("x")), 403);
    assert_problem(&send(&post().header("origin", "https://evil.example")), 403);
    assert_problem(&send(&post().header("sec-fetch-site", "cross-site")), 403);
    for meant in [("origin", ORIGIN), ("sec-fetch-site", "same-origin")] {
        let echoed = Echoed::of(&send(&post().header(meant.0, meant.1)));
        assert_eq!(echoed.headers.one("x-user-email"), Some(CUSTOMER_MANAGER.email));
    }
    let upgrade = Request::get("/products").header("cookie", format!("session={}", token()));
    let upgrade = upgrade.header("connection", "upgrade").header("upgrade", "websocket");
    assert_problem(&send(&upgrade), 403);
}

#[test]
fn no_log_shows_a_token_of_the_query_whatever_comes_of_the_request() {
    let token = token();
    let with = |path: &str, more: &str| format!("{path}?access_token={token}{more}");
    let sent = [
        (with("/products", "&mark=served"), 200),
        (with("/customers;x", "&mark=path"), 400),
        (with("/nowhere", "&mark=nowhere"), 404),
        (with("/auth/me", "x&mark=forged"), 401),
        (with("/products", "&access_token=other&mark=two"), 400),
    ];
    let marks = sent.map(|(target, status)| {
        let mark = target[target.find("mark=").expect("a mark")..].to_owned();
        assert_eq!(send(&Request::get(&target)).status, status, "{mark}");
        mark
    });
    let logged = |mark: &String| {
        let logs = stack().log_tails(5_000);
        logs.lines().any(|line| line.contains("careless") && line.contains(mark))
    };
    for mark in &marks {
        let limit = Duration::from_secs(30);
        assert!(wait_until(limit, || logged(mark)), "{mark} is not in the access log");
    }
    let logs = stack().log_tails(5_000);
    let part = &token[..40];
    let shown = logs.lines().find(|line| line.contains(part));
    assert_eq!(shown, None);
}
