//! A token in the query or in a cookie: when it is taken out, and what if it cannot be.

use claimgate_abi::{Effect, Map, status};
use serde_json::{Value, json};

use crate::gateway::{Gateway, request};
use crate::policy::without_roles;

fn everywhere() -> Value {
    let mut policy = without_roles();
    let provider = &mut policy["providers"][0];
    provider["from"] =
        json!([{"header": "authorization"}, {"cookie": "session"}, {"query": "access_token"}]);
    provider["allow_query_token"] = json!(true);
    policy
}

fn is_path(effect: &Effect, expected: &str) -> bool {
    matches!(effect, Effect::Replace { map: Map::Request, name, value, .. }
        if name == ":path" && value == expected)
}

#[test]
fn the_query_is_cleaned_before_anything_is_asked_or_answered() {
    let mut gateway = Gateway::cold(&everywhere());
    let token = gateway.token();
    for (path, clean) in [
        (format!("/customers?access_token={token}&a=1"), "/customers?a=1"),
        (format!("/nowhere?access_token={token}"), "/nowhere"),
        (format!("/customers//1?b=2&access_token={token}"), "/customers//1?b=2"),
        ("/customers?access_token=garbage".to_owned(), "/customers"),
    ] {
        gateway.forget_effects();
        let stream = gateway.send(request(&path));
        let done = gateway.done_to(stream);
        assert!(done.first().is_some_and(|first| is_path(first, clean)), "{clean}: {done:?}");
        let logged = gateway.logs().join("\n");
        assert!(!logged.contains(&token) && !logged.contains("garbage"), "{logged}");
    }
}

#[test]
fn a_query_that_cannot_be_cleaned_is_an_error_and_not_a_request() {
    let mut gateway = Gateway::warm(&everywhere());
    gateway.refuse("proxy_replace_header_map_value", status::INTERNAL_FAILURE);
    let path = format!("/products?access_token={}", gateway.token());
    let stream = gateway.send(request(&path));
    gateway.refused(stream, 500);
}

#[test]
fn cookies_are_removed_before_what_is_left_is_set() {
    let mut gateway = Gateway::warm(&everywhere());
    let cookie = format!("a=1; session={}", gateway.token());
    let stream = gateway.send(request("/products").with("cookie", &cookie).with("cookie", "b=2"));
    let headers = gateway.forwarded(stream);
    let cookies = headers.names().filter(|name| *name == b"cookie").count();
    assert_eq!((cookies, headers.text("cookie").as_deref()), (1, Some("a=1; b=2")));
}
