//! What several topics need: short ways to ask, and what the contract's answers look like.

use std::env;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::users::User;
use xtask::stack::{ENVOY_REFUSES, Part, Stack};

/// Makes two tests of each function of a stack: on embedded defaults, and with Redis.
macro_rules! on_both_stacks {
    ($($rule:ident),+ $(,)?) => {
        mod on_embedded_defaults {
            $(#[test] fn $rule() { super::$rule(claimgate_e2e::stacks::shared_stack()); })+
        }
        mod with_redis {
            $(#[test] fn $rule() { super::$rule(claimgate_e2e::stacks::shared_stack_with_redis()); })+
        }
    };
}
pub(crate) use on_both_stacks;

/// The challenge that every token which is not good gets.
pub(crate) const INVALID_TOKEN: &str =
    r#"Bearer error="invalid_token", error_description="The token is not valid here.""#;

/// A request with this method, with a token if there is one.
pub(crate) fn ask(stack: &Stack, method: &str, path: &str, token: Option<&str>) -> Reply {
    let request = Request::new(method, path);
    let request = token.iter().fold(request, |request, token| request.bearer(token));
    request.send(stack.address(Part::Envoy))
}

/// A GET, with a token if there is one.
pub(crate) fn get(stack: &Stack, path: &str, token: Option<&str>) -> Reply {
    ask(stack, "GET", path, token)
}

/// This status and, byte for byte, this body.
#[track_caller]
pub(crate) fn assert_answer(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, &*reply.text()), (status, body), "{reply:?}");
}

/// What nothing is served under: 404 and not a byte more.
#[track_caller]
pub(crate) fn assert_nothing_there(reply: &Reply) {
    assert_answer(reply, 404, "");
}

/// A service's error.
#[track_caller]
pub(crate) fn assert_detail(reply: &Reply, status: u16, detail: &str) {
    assert_answer(reply, status, &format!(r#"{{"detail":"{detail}"}}"#));
}

/// Where Envoy refuses in place of the filter its words are its own, and are not looked at: statuses and the errors of
/// challenges are.
fn are_the_filter_s_words() -> bool {
    env::var_os(ENVOY_REFUSES).is_none()
}

/// A refusal of the filter: a problem document that agrees with the status.
#[track_caller]
pub(crate) fn assert_problem(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    if !are_the_filter_s_words() {
        return;
    }
    assert_eq!(reply.headers.one("content-type"), Some("application/problem+json"), "{reply:?}");
    assert_eq!(reply.json()["status"], status, "{reply:?}");
}

/// 401 because there was no token: a challenge without an error code.
#[track_caller]
pub(crate) fn assert_token_missing(reply: &Reply) {
    assert_problem(reply, 401);
    assert_bare_challenge(reply);
}

/// A challenge without an error code.
#[track_caller]
pub(crate) fn assert_bare_challenge(reply: &Reply) {
    let challenges = reply.headers.all("www-authenticate");
    if are_the_filter_s_words() {
        assert_eq!(challenges, ["Bearer"]);
    } else {
        let [challenge] = challenges[..] else { panic!("{reply:?}") };
        assert!(challenge.starts_with("Bearer ") && !challenge.contains("error="), "{challenge}");
    }
}

/// 401 because the token is not good.
#[track_caller]
pub(crate) fn assert_token_refused(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 401, "{what}: {reply:?}");
    let challenges = reply.headers.all("www-authenticate");
    if are_the_filter_s_words() {
        assert_eq!(challenges, [INVALID_TOKEN], "{what}");
    } else {
        let [challenge] = challenges[..] else { panic!("{what}: {reply:?}") };
        assert!(challenge.contains(r#"error="invalid_token""#), "{what}: {challenge}");
    }
    assert_problem(reply, 401);
}

/// 400 because there was not exactly one bearer token.
#[track_caller]
pub(crate) fn assert_malformed_credentials(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 400, "{what}: {reply:?}");
    let challenge = reply.headers.one("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with(r#"Bearer error="invalid_request""#), "{what}: {reply:?}");
}

/// The methods in an `allow` header, sorted.
pub(crate) fn allowed(reply: &Reply) -> Vec<&str> {
    let values = reply.headers.all("allow");
    let mut methods: Vec<_> =
        values.into_iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    methods.sort_unstable();
    methods
}

/// `/auth/me` for a user, byte for byte.
pub(crate) fn me(user: &User) -> String {
    let roles: Vec<_> = user.roles.iter().map(|role| format!("\"{role}\"")).collect();
    format!(r#"{{"email":"{}","roles":[{}]}}"#, user.email, roles.join(","))
}
