//! Every user of the demo contract, over both stores and both caches, on both ways in.

use serde_json::{Value, json};

use crate::redis::Redis;
use crate::service::{ENTITIES, Service, subject};

const USERS: [(&str, bool, &[&str]); 7] = [
    ("test.user-unvrfd@example.com", false, &["unverified-user"]),
    ("test.user-vrfd@example.com", true, &["verified-user"]),
    ("test.user@example.com", true, &["user"]),
    ("test.user-cm@example.com", true, &["user", "customer-manager"]),
    ("test.user-pm@example.com", true, &["user", "product-manager"]),
    ("test.user-pcm@example.com", true, &["user", "product-category-manager"]),
    ("admin.user@example.com", true, &["user", "admin"]),
];

#[test]
fn in_memory_with_the_in_process_cache() {
    every_user_has_their_roles(&Service::start(&[]));
}

#[test]
fn in_memory_with_redis() {
    let redis = Redis::start();
    every_user_has_their_roles(&Service::start(&["--redis", &redis.url()]));
}

#[test]
fn in_a_file_with_both_caches_and_after_a_restart_without_the_seed() {
    let redis = Redis::start();
    let directory = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", directory.path().join("authz.db").display());
    every_user_has_their_roles(&Service::start(&["--database", &database]));
    every_user_has_their_roles(&Service::start(&["--database", &database]));
    let arguments = ["--database", &database, "--redis", &redis.url()];
    every_user_has_their_roles(&Service::spawn(crate::service::command().args(arguments)));
}

fn every_user_has_their_roles(service: &Service) {
    // Twice: from the store, then from the cache.
    for _ in 0..2 {
        for (email, verified, roles) in USERS {
            assert_eq!(me(service, email, verified), json!({"email": email, "roles": roles}));
            let answer = service.evaluate(&subject(email, verified));
            assert_eq!(answer["context"]["roles"], json!(roles), "{email}");
            assert_eq!(answer["decision"], true);
        }
    }
    let log = service.log();
    assert!(!log.contains("@example.com"), "an e-mail was logged: {log}");
}

fn me(service: &Service, email: &str, verified: bool) -> Value {
    let headers = [("x-user-email", email), ("x-email-verified", &verified.to_string())];
    let reply = service.send("GET", "/authz/me", &headers);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    reply.json()
}

#[test]
fn by_id_alone_the_seeded_users_are_known_too() {
    let service = Service::start(&[]);
    let entities: Value =
        serde_json::from_str(&std::fs::read_to_string(ENTITIES).unwrap()).unwrap();
    for user in entities["subjects"].as_array().unwrap() {
        let answer = service.evaluate(&json!({"type": "identity", "id": user["id"]}));
        assert_eq!(answer["context"]["roles"], user["roles"]);
    }
    let nobody = service.evaluate(&json!({"type": "identity", "id": "nobody"}));
    assert_eq!(nobody["context"]["roles"], json!(["unverified-user"]));
}

#[test]
fn an_unverified_email_never_inherits_the_owner_s_roles() {
    let service = Service::start(&[]);
    let admin = "admin.user@example.com";
    // Warm cache: the owner was here a moment ago.
    assert_eq!(me(&service, admin, true)["roles"], json!(["user", "admin"]));
    assert_eq!(me(&service, admin, false)["roles"], json!(["unverified-user"]));
    for properties in [
        json!({"email": admin, "email_verified": false}),
        json!({"email": admin, "email_verified": "true"}),
        json!({"email": admin}),
        json!({"email": [admin], "email_verified": true}),
    ] {
        let subject = json!({"type": "identity", "id": "x", "properties": properties});
        let answer = service.evaluate(&subject);
        assert_eq!(answer["context"]["roles"], json!(["unverified-user"]), "{subject}");
    }
    for verified in ["True", "TRUE", "1", "yes", "true ,false", ""] {
        let headers = [("x-user-email", admin), ("x-email-verified", verified)];
        let reply = service.send("GET", "/authz/me", &headers);
        assert_eq!(reply.json()["roles"], json!(["unverified-user"]), "{verified}");
    }
}

#[test]
fn strangers_are_verified_users_unverified_users_or_guests() {
    let service = Service::start(&[]);
    let stranger = "Stranger@Example.org";
    assert_eq!(
        me(&service, stranger, true),
        json!({"email": stranger, "roles": ["verified-user"]})
    );
    assert_eq!(me(&service, stranger, false)["roles"], json!(["unverified-user"]));
    assert_eq!(service.send("GET", "/authz/me", &[]).body, r#"{"email":"","roles":["guest"]}"#);
    let guest = service.evaluate(&json!({"type": "anonymous", "id": "anonymous"}));
    assert_eq!(guest["context"]["roles"], json!(["guest"]));
    assert_eq!(guest["decision"], false);
}

#[test]
fn the_address_s_case_does_not_matter_and_is_given_back_as_it_came() {
    let service = Service::start(&[]);
    let email = "Admin.USER@Example.com";
    assert_eq!(me(&service, email, true), json!({"email": email, "roles": ["user", "admin"]}));
}

#[test]
fn me_answers_head_and_names_its_methods() {
    let service = Service::start(&[]);
    let head = service.send("HEAD", "/authz/me", &[("x-user-email", "a@example.com")]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = service.send(method, "/authz/me", &[]);
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET,HEAD")), "{method}");
    }
}

#[test]
fn me_refuses_two_identities() {
    let service = Service::start(&[]);
    let twice = [("x-user-email", "a@example.com"), ("X-User-Email", "admin.user@example.com")];
    assert_eq!(service.send("GET", "/authz/me", &twice).status, 400);
    let twice = [("x-email-verified", "false"), ("x-email-verified", "true")];
    assert_eq!(service.send("GET", "/authz/me", &twice).status, 400);
}
