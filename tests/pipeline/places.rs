//! Tokens in other places than `authorization`, and what is left of a request without them.

use claimgate::authn::AuthnError;
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::support::*;

const ORIGIN: &str = "https://app.example";

/// A world whose provider takes tokens from everywhere.
fn world(provider: Value, route_token: &str) -> World {
    let mut config = config(json!([
        route(route_token, allow_all(), json!({})),
        {"name": "open", "match": {"prefix": "/open"}, "token": "none", "rules": allow_all()},
    ]));
    config["identity_headers"] = json!({"x-user-email": {"claim": "email"}});
    let place = json!({
        "from": [
            {"header": "authorization"}, {"header": "x-token"}, {"cookie": "session"},
            {"query": "access_token"},
        ],
        "allow_query_token": true,
        "allowed_origins": [ORIGIN],
    });
    let settings = config["providers"][0].as_object_mut().unwrap();
    settings.extend(place.as_object().unwrap().clone());
    settings.extend(provider.as_object().unwrap().clone());
    World::with_keys(&config)
}

fn good() -> String {
    ONE.token(&claims(json!({})))
}

fn set<'s>(set: &[(&'s str, &'s str)], name: &str) -> Option<&'s str> {
    set.iter().find(|(one, _)| *one == name).map(|(_, value)| *value)
}

#[test]
fn a_token_is_taken_from_every_place_and_out_of_it() {
    let mut world = world(json!({}), "required");
    let token = good();
    let (_, step) = world.get("/r", &[("authorization", &format!("Bearer {token}"))]);
    assert_eq!(forwarded(&step).0, ["authorization"]);
    let (_, step) = world.get("/r", &[("x-token", &token)]);
    assert_eq!(forwarded(&step).0, ["x-token"]);
    let (_, step) = world.get("/r", &[("cookie", &format!("a=1; session={token}; b=2"))]);
    let (remove, values) = forwarded(&step);
    assert_eq!((remove, set(&values, "cookie")), (vec!["cookie"], Some("a=1; b=2")));
    let (_, step) = world.get("/r", &[("cookie", &format!("session={token}"))]);
    let (remove, values) = forwarded(&step);
    assert_eq!((remove, set(&values, "cookie")), (vec!["cookie"], None));
    // The driver has taken it out of the path before: nothing is left to do.
    let (_, step) = world.get(&format!("/r?a=1&access_token={token}"), &[]);
    let (remove, values) = forwarded(&step);
    assert_eq!((remove.len(), set(&values, ":path")), (0, None));
    assert_eq!(set(&values, "x-user-email"), Some("alice@example.com"));
}

#[test]
fn the_same_token_in_two_places_is_taken_out_of_both() {
    let mut world = world(json!({}), "required");
    let token = good();
    let headers = [("authorization", &*format!("Bearer {token}")), ("x-token", &token)];
    let cookie = format!("session={token}");
    let (_, step) = world.get("/r", &[&headers[..], &[("cookie", &cookie)]].concat());
    assert_eq!(forwarded(&step).0, ["authorization", "x-token", "cookie"]);
}

#[test]
fn a_forwarded_token_stays_where_it_was() {
    let mut world = world(json!({"forward": true}), "required");
    let token = good();
    let path = format!("/r?a=1&access_token={token}");
    let (_, step) =
        world.get(&path, &[("x-token", &token), ("cookie", &format!("session={token}"))]);
    let (remove, values) = forwarded(&step);
    assert_eq!((remove.len(), set(&values, ":path")), (0, Some(&*path)));
}

#[test]
fn a_route_without_tokens_gets_its_path_back() {
    let mut world = world(json!({}), "required");
    let (_, step) = world.get("/open/x?access_token=anything", &[("cookie", "session=y")]);
    let (remove, values) = forwarded(&step);
    assert_eq!((remove.len(), values), (0, vec![(":path", "/open/x?access_token=anything")]));
}

#[test]
fn two_different_tokens_are_400_also_where_a_token_is_optional() {
    for route in ["required", "optional"] {
        let mut world = world(json!({}), route);
        let other = format!("Bearer {}", ONE.token(&claims(json!({"sub": "bob"}))));
        let token = good();
        for (path, name, value) in [
            ("/r".to_owned(), "x-token", token.clone()),
            ("/r".to_owned(), "cookie", format!("session={token}")),
            (format!("/r?access_token={token}"), "x-other", String::new()),
        ] {
            let (_, step) = world.get(&path, &[("authorization", &other), (name, &value)]);
            let expected = Rejection::credentials(AuthnError::Several);
            assert_eq!(refused(&step), (400, expected), "{name}");
        }
    }
}

#[test]
fn a_token_in_a_place_of_another_provider_is_refused() {
    let mut config = config(json!([route("required", allow_all(), json!({}))]));
    config["authorization"] = json!([]);
    config["identity_headers"] = json!({});
    let mut second = config["providers"][0].clone();
    second["name"] = json!("second");
    second["issuer"] = json!("https://second.test");
    second["from"] = json!([{"header": "x-token"}]);
    config["providers"].as_array_mut().unwrap().push(second);
    let mut world = World::with_keys(&config);
    let token = good();
    let (_, step) = world.get("/r", &[("x-token", &token)]);
    assert_eq!(refused(&step), (401, Rejection::credentials(AuthnError::Place)));
    assert!(matches!(world.with_token(&token).1, Step::Forward(..)));
    // Known by now, and still not from there.
    let (_, step) = world.get("/r", &[("x-token", &token)]);
    assert_eq!(refused(&step), (401, Rejection::credentials(AuthnError::Place)));
}

#[test]
fn a_cookie_counts_where_its_site_meant_it() {
    let mut world = world(json!({}), "required");
    let cookie = format!("session={}", good());
    let mut status = |method: &str, more: &[(&str, &str)]| {
        let head = [(":method", method), (":path", "/r"), ("cookie", &*cookie)];
        match world.send(&[&head[..], more].concat()).1 {
            Step::Forward(..) => 200,
            step => refused(&step).0,
        }
    };
    let same = ("sec-fetch-site", "same-origin");
    let cross = ("sec-fetch-site", "cross-site");
    let allowed = ("origin", ORIGIN);
    let foreign = ("origin", "https://evil.example");
    for safe in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(status(safe, &[cross, foreign]), 200, "{safe}");
    }
    for unsafe_method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get"] {
        assert_eq!(status(unsafe_method, &[]), 403, "{unsafe_method}");
    }
    let upgrade = ("upgrade", "websocket");
    for (method, extra) in [("POST", vec![]), ("GET", vec![upgrade])] {
        let mut with =
            |more: &[(&'static str, &'static str)]| status(method, &[&extra[..], more].concat());
        assert_eq!(with(&[]), 403);
        assert_eq!(with(&[foreign]), 403);
        assert_eq!(with(&[("origin", "null")]), 403);
        assert_eq!(with(&[("origin", "")]), 403);
        assert_eq!(with(&[("origin", "https://app.example.evil.example")]), 403);
        assert_eq!(with(&[cross]), 403);
        assert_eq!(with(&[("sec-fetch-site", "same-site")]), 403);
        assert_eq!(with(&[("sec-fetch-site", "none")]), 403);
        assert_eq!(with(&[same, same]), 403);
        assert_eq!(with(&[allowed, foreign]), 403);
        assert_eq!(with(&[allowed]), 200);
        assert_eq!(with(&[same]), 200);
        assert_eq!(with(&[allowed, cross]), 200);
    }
}

#[test]
fn a_token_that_only_its_owner_can_have_sent_needs_no_origin() {
    let mut world = world(json!({}), "required");
    let token = good();
    let (bearer, cookie) = (format!("Bearer {token}"), format!("session={token}"));
    let head = [(":method", "POST"), (":path", "/r"), ("cookie", &*cookie)];
    let (_, step) = world.send(&[&head[..], &[("authorization", &*bearer)]].concat());
    assert!(matches!(step, Step::Forward(..)));
}
