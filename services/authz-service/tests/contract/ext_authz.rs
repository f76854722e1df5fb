//! Envoy's HTTP ext_authz form, head by head as Envoy sends it.

use crate::http::Reply;
use crate::service::{Service, subject};

const MANAGER: [(&str, &str); 2] =
    [("x-user-email", "test.user-cm@example.com"), ("x-email-verified", "true")];

fn asked(service: &Service, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    // Envoy sends the body's length also where there is no body, and the client's token.
    let envoy = [("content-length", "0"), ("authorization", "Bearer of.the.client")];
    service.send(method, path, &[&envoy, headers].concat())
}

/// The status, and the roles when there are any.
fn outcome(reply: &Reply) -> (u16, Option<&str>) {
    (reply.status, reply.header("x-user-roles"))
}

#[test]
fn a_permitted_request_is_200_with_the_roles_and_nothing_to_keep() {
    let service = Service::start(&[]);
    let reply = asked(&service, "GET", "/authz/roles/customers", &MANAGER);
    assert_eq!(outcome(&reply), (200, Some("user,customer-manager")));
    assert_eq!((reply.header("cache-control"), reply.body.as_str()), (Some("no-store"), ""));
}

#[test]
fn it_decides_what_an_evaluation_of_the_same_question_decides() {
    let service = Service::start(&[]);
    for (email, verified) in [("admin.user@example.com", true), ("test.user@example.com", false)] {
        for (method, path) in [
            ("GET", "/customers"),
            ("DELETE", "/products"),
            ("HEAD", "/customers/health"),
            ("GET", "/elsewhere"),
            ("GET", "/customers/1"),
            ("BREW", "/customers"),
        ] {
            let answer = service.decide(&subject(email, verified), method, path).json();
            let roles = answer["context"]["roles"].as_array().unwrap();
            let roles: Vec<_> = roles.iter().filter_map(|role| role.as_str()).collect();
            let roles = roles.join(",");
            let permitted = answer["decision"] == true;
            let expected = if permitted { (200, Some(roles.as_str())) } else { (403, None) };
            let headers = [("x-user-email", email), ("x-email-verified", &verified.to_string())];
            let reply = asked(&service, method, &format!("/authz/roles{path}"), &headers);
            assert_eq!(outcome(&reply), expected, "{email} {method} {path}");
        }
    }
}

#[test]
fn the_query_is_no_part_of_the_route_and_the_path_is_taken_as_it_stands() {
    let service = Service::start(&[]);
    for (path, status) in [
        ("/authz/roles/customers?admin=1", 200),
        ("/authz/roles/customers/", 403),
        ("/authz/roles//customers", 403),
        ("/authz/roles/%63ustomers", 403),
        ("/authz/roles/", 403),
        ("/authz/rolescustomers", 404),
    ] {
        assert_eq!(asked(&service, "GET", path, &MANAGER).status, status, "{path}");
    }
}

#[test]
fn without_a_path_the_gateway_names_the_route() {
    let service = Service::start(&[]);
    let named = |route| {
        let headers = [&MANAGER[..], &[("x-authz-route", route)]].concat();
        asked(&service, "GET", "/authz/roles", &headers).status
    };
    assert_eq!(named("/customers/{customer_id}"), 200);
    assert_eq!(named("/nowhere/{id}"), 403);
    assert_eq!(named(""), 400);
    assert_eq!(asked(&service, "GET", "/authz/roles", &MANAGER).status, 400);
    // A path that is there is the path: no header replaces it.
    let headers = [&MANAGER[..], &[("x-authz-route", "/customers")]].concat();
    assert_eq!(asked(&service, "GET", "/authz/roles/nowhere", &headers).status, 403);
}

#[test]
fn nobody_is_who_they_merely_say_they_are() {
    let service = Service::start(&[]);
    let roles = |headers: &[(&str, &str)]| {
        let reply = asked(&service, "GET", "/authz/roles/products", headers);
        assert_eq!(reply.status, 200);
        reply.header("x-user-roles").unwrap().to_owned()
    };
    let admin = ("x-user-email", "admin.user@example.com");
    assert_eq!(roles(&[admin, ("x-email-verified", "true")]), "user,admin");
    for verified in ["false", "True", "1", ""] {
        assert_eq!(roles(&[admin, ("x-email-verified", verified)]), "unverified-user");
    }
    assert_eq!(roles(&[admin]), "unverified-user");
    assert_eq!(roles(&[]), "guest");
    assert_eq!(roles(&[("x-user-email", ""), ("x-email-verified", "true")]), "guest");
    let known = "db5a7039-e487-42e2-b46e-e9ab78e34b09";
    assert_eq!(roles(&[("x-user-id", known)]), "user");
    assert_eq!(roles(&[("x-user-id", "nobody")]), "unverified-user");
    // An address is what counts once there is one.
    assert_eq!(roles(&[("x-user-id", known), admin]), "unverified-user");
}

#[test]
fn guests_may_what_the_policies_permit_guests() {
    let service = Service::start(&[]);
    assert_eq!(asked(&service, "GET", "/authz/roles/customers", &[]).status, 403);
    assert_eq!(asked(&service, "GET", "/authz/roles/products", &[]).status, 200);
}

#[test]
fn two_identities_are_refused() {
    let service = Service::start(&[]);
    for name in ["x-user-id", "x-user-email", "x-email-verified"] {
        let headers = [&MANAGER[..], &[("x-user-id", "a"), (name, "b"), (name, "c")]].concat();
        let reply = asked(&service, "GET", "/authz/roles/customers", &headers);
        assert_eq!(outcome(&reply), (400, None), "{name}");
    }
}
