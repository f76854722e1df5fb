//! The contract's rows for `/auth`: who am I, and the identity provider's one realm.

use claimgate_e2e::client::Request;
use claimgate_e2e::users::{USER, USERS};
use claimgate_e2e::{mint, tokens};
use xtask::stack::{Part, Stack};

use crate::support::*;

on_both_stacks!(
    everybody_learns_their_email_and_roles,
    without_a_token_everybody_is_a_guest,
    the_realm_s_endpoints_are_reachable_without_a_token,
    the_realm_s_routes_do_not_look_at_authorization,
    a_token_is_the_same_through_the_gateway_and_straight,
    nothing_else_of_the_identity_provider_is_reachable,
);

const REALM: &str = "/auth/realms/api-gateway-poc";

fn everybody_learns_their_email_and_roles(stack: &Stack) {
    for user in USERS {
        let reply = get(stack, "/auth/me", Some(&tokens::access(stack, &user)));
        assert_answer(&reply, 200, &me(&user));
        assert_eq!(reply.headers.one("content-type"), Some("application/json"));
    }
}

fn without_a_token_everybody_is_a_guest(stack: &Stack) {
    let reply = get(stack, "/auth/me", None);
    assert_answer(&reply, 200, r#"{"email":"","roles":["guest"]}"#);
    assert_answer(&ask(stack, "HEAD", "/auth/me", None), 200, "");
}

fn the_realm_s_endpoints_are_reachable_without_a_token(stack: &Stack) {
    assert_eq!(get(stack, REALM, None).status, 200);
    let keys = get(stack, &format!("{REALM}/protocol/openid-connect/certs"), None);
    assert_eq!(keys.json(), tokens::published_keys(stack));
    let discovery = get(stack, &format!("{REALM}/.well-known/openid-configuration"), None);
    assert_eq!(discovery.json()["issuer"], stack.issuer());
    let unknown = get(stack, &format!("{REALM}/no-such-page"), None);
    assert_answer(&unknown, 404, r#"{"error":"HTTP 404 Not Found"}"#);
}

fn the_realm_s_routes_do_not_look_at_authorization(stack: &Stack) {
    for value in ["Bearer not-a-token", "Basic dTpw", "nonsense"] {
        let request = Request::get(format!("{REALM}/protocol/openid-connect/certs"));
        let reply = request.header("authorization", value).send(stack.address(Part::Envoy));
        assert_eq!(reply.status, 200, "{value}: {reply:?}");
    }
}

/// In seconds, by the token's own word.
fn lifetime(token: &str) -> u64 {
    let claims = mint::decode(token.split('.').nth(1).expect("a payload"));
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    let date = |name: &str| claims[name].as_u64().expect(name);
    date("exp") - date("iat")
}

fn a_token_is_the_same_through_the_gateway_and_straight(stack: &Stack) {
    for user in USERS {
        for grant in [tokens::grant(stack, &user), tokens::direct(stack, &user)] {
            assert_eq!(lifetime(&grant.access_token), 300);
            // Keycloak says what is left of it when it answers, which may be in the next second.
            assert!((299..=300).contains(&grant.expires_in), "{}", grant.expires_in);
            let reply = get(stack, "/auth/me", Some(&grant.access_token));
            assert_answer(&reply, 200, &me(&user));
        }
    }
    let wrong = "grant_type=password&client_id=test-client&username=testuser&password=wrong";
    let path = format!("{REALM}/protocol/openid-connect/token");
    let reply = Request::new("POST", path).form(wrong).send(stack.address(Part::Envoy));
    assert_eq!(reply.json()["error"], "invalid_grant");
    // RFC 6749, 5.2 says 400, and so does Keycloak today; it was 401 for long.
    assert!(matches!(reply.status, 400 | 401), "{reply:?}");
}

fn nothing_else_of_the_identity_provider_is_reachable(stack: &Stack) {
    let token = tokens::access(stack, &USER);
    let paths = [
        "/auth",
        "/auth/",
        "/auth/admin",
        "/auth/admin/realms/api-gateway-poc/users",
        "/auth/keys/rotate",
        "/auth/realms",
        "/auth/realms/",
        "/auth/realms/master",
        "/auth/realms/master/protocol/openid-connect/token",
        "/auth/realms/api-gateway-pocX",
        "/auth/realms/api-gateway-poc/../master",
        "/auth/realms/api-gateway-poc/../../admin",
        "/auth/stats",
        "/auth/me/",
        "/auth/me/x",
        "/auth/meX",
        "/authX/me",
    ];
    for path in paths {
        for method in ["GET", "POST", "DELETE"] {
            assert_nothing_there(&ask(stack, method, path, None));
            assert_nothing_there(&ask(stack, method, path, Some(&token)));
        }
    }
}
