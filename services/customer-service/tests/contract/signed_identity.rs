//! The service where it requires a signed identity: who is let in by which statement, what the
//! headers are worth beside it, and how keys come and go.

use std::time::Duration;

use axum::{Router, http::StatusCode};
use claimgate_demo_server::GatewaySecret;
use claimgate_signed_identity::IdentityOptions;
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use crate::shop::{Answer, SECRET, ask};
use crate::statements::{
    AUDIENCE, ISSUER, Key, Publisher, ROUTE, mac, manager, now, said, unsigned, with,
};

const HEADER: &str = "x-claimgate-identity";
/// What somebody who reaches the service past the gateway could write.
const FORGED: [(&str, &str); 3] = [
    ("x-user-email", "test.user-cm@example.com"),
    ("x-email-verified", "true"),
    ("x-user-roles", "user,customer-manager"),
];
/// Longer than the time between two fetches for the sake of a request.
const COOLED_DOWN: Duration = Duration::from_millis(2_200);

#[tokio::test]
async fn a_forged_header_alone_is_401() {
    let service = requiring(&Publisher::of(&[&Key::first()]));
    let answer = send(&service, "GET", "/customers", &[]).await;
    assert_refused(&answer, "missing");
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test]
async fn everything_but_health_needs_a_statement() {
    let service = requiring(&Publisher::of(&[&Key::first()]));
    for (method, path) in [
        ("GET", "/customers/1"),
        ("HEAD", "/customers"),
        ("POST", "/customers"),
        ("GET", "/nowhere"),
        ("GET", "/customers/health/x"),
    ] {
        let answer = send(&service, method, path, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let health = ask(&service, "GET", "/customers/health", &[]).await;
    assert_eq!(health.status, StatusCode::OK);
    let key = Key::first();
    let statement = key.statement(&manager());
    let without_secret = ask(&service, "GET", "/customers", &[(HEADER, &statement)]).await;
    assert_eq!(without_secret.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_caller_is_who_the_statement_says_and_never_who_the_headers_say() {
    let key = Key::first();
    let service = requiring(&Publisher::of(&[&key]));
    for (payload, visible) in [
        (manager(), 7),
        (said("test.user@example.com", &json!(true), &["user"]), 1),
        (said("test.user@example.com", &json!(false), &["user"]), 0),
        // Only the truth value is one.
        (said("test.user@example.com", &json!("true"), &["user"]), 0),
        (said("test.user@example.com", &json!(true), &[]), 1),
        // One role with a comma in its name, not two.
        (said("test.user@example.com", &json!(true), &["user,customer-manager"]), 1),
    ] {
        let answer = get(&service, &key.statement(&payload)).await;
        assert_eq!(answer.status, StatusCode::OK, "{payload}");
        let records: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(records.len(), visible, "{payload}");
    }
    let nobody = with(with(manager(), "roles", Value::Null), "claims", Value::Null);
    for guest in [said("", &json!(true), &["guest", "customer-manager"]), nobody] {
        let answer = get(&service, &key.statement(&guest)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{guest}");
    }
}

#[tokio::test]
async fn a_statement_about_another_request_is_401() {
    let key = Key::first();
    let service = requiring(&Publisher::of(&[&key]));
    let (now, good) = (now(), manager());
    for (payload, word) in [
        (with(good.clone(), "exp", json!(now - 20)), "time"),
        (with(with(good.clone(), "iat", json!(now - 90)), "exp", json!(now - 60)), "time"),
        (with(with(good.clone(), "iat", json!(now + 60)), "exp", json!(now + 90)), "time"),
        (with(good.clone(), "nbf", json!(now + 60)), "time"),
        (with(good.clone(), "aud", json!("products")), "audience"),
        (with(good.clone(), "iss", json!("another")), "issuer"),
        (with(good.clone(), "method", json!("POST")), "method"),
        (with(good.clone(), "method", json!("get")), "method"),
        (with(good.clone(), "route", json!("/products/{rest=**}")), "route"),
        (with(good.clone(), "path", json!("/customers/1")), "path"),
        (with(good.clone(), "exp", Value::Null), "malformed"),
        (with(good.clone(), "iat", Value::Null), "malformed"),
        (with(good.clone(), "method", Value::Null), "malformed"),
        (with(good.clone(), "route", Value::Null), "malformed"),
        (with(good.clone(), "aud", json!([AUDIENCE])), "malformed"),
        (with(good.clone(), "roles", json!("customer-manager")), "malformed"),
        (with(good.clone(), "exp", json!("soon")), "malformed"),
        (with(good.clone(), "exp", json!(9_000_000_000_000_000_000_u64)), "malformed"),
        (json!([]), "malformed"),
    ] {
        assert_refused(&get(&service, &key.statement(&payload)).await, word);
    }
    let bound = with(good.clone(), "path", json!("/customers"));
    assert_eq!(get(&service, &key.statement(&bound)).await.status, StatusCode::OK);
    let statement = [(HEADER, key.statement(&bound))];
    let answer = send(&service, "GET", "/customers?page=1", &statement).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_refused(&send(&service, "GET", "/customers/1", &statement).await, "path");
    let get_only = [(HEADER, key.statement(&good))];
    assert_refused(&send(&service, "HEAD", "/customers", &get_only).await, "method");
}

#[tokio::test]
async fn a_statement_that_the_gateway_did_not_sign_is_401() {
    let (key, other) = (Key::first(), Key::numbered(7));
    let publisher = Publisher::of(&[&key]);
    let service = requiring(&publisher);
    let (good, header) = (manager(), key.header());
    let public = key.signing.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    let point = key.signing.verifying_key().to_encoded_point(false);
    let hs256 = with(header.clone(), "alg", json!("HS256"));
    let (head, tail) =
        key.statement(&good).rsplit_once('.').map(|(h, t)| (h.to_owned(), t.to_owned())).unwrap();
    for (statement, word) in [
        (unsigned(&good), "algorithm"),
        (mac(&hs256, &good, public.as_bytes()), "algorithm"),
        (mac(&hs256, &good, point.as_bytes()), "algorithm"),
        (mac(&header, &good, public.as_bytes()), "signature"),
        (key.sign(&with(header.clone(), "alg", json!("ES384")), &good), "algorithm"),
        (key.sign(&with(header.clone(), "alg", json!("es256")), &good), "algorithm"),
        (key.sign(&with(header.clone(), "typ", json!("JWT")), &good), "malformed"),
        (key.sign(&with(header.clone(), "typ", Value::Null), &good), "malformed"),
        (key.sign(&with(header.clone(), "crit", json!(["exp"])), &good), "malformed"),
        (key.sign(&with(header.clone(), "kid", Value::Null), &good), "malformed"),
        (other.sign(&header, &good), "signature"),
        (other.statement(&good), "key"),
        (format!("{head}."), "signature"),
        (head.clone(), "malformed"),
        (format!("{head}.{tail}."), "malformed"),
        (format!("{head}.{tail}="), "malformed"),
        (String::new(), "malformed"),
        (key.statement(&with(good.clone(), "x", json!("x".repeat(8_000)))), "malformed"),
    ] {
        assert_refused(&get(&service, &statement).await, word);
    }
    let statement = key.statement(&good);
    let twice = [(HEADER, statement.clone()), (HEADER, statement.clone())];
    assert_refused(&send(&service, "GET", "/customers", &twice).await, "repeated");
    let joined = format!("{statement},{statement}");
    assert_refused(&get(&service, &joined).await, "malformed");
    assert_eq!(publisher.asked(), 1, "nobody makes the service ask more often");
}

#[tokio::test]
async fn a_rolled_key_works_beside_the_old_one_until_that_is_withdrawn() {
    let (old, new, none) = (Key::first(), Key::numbered(7), Key::numbered(8));
    let publisher = Publisher::of(&[&old]);
    let service = requiring(&publisher);
    assert_eq!(get(&service, &old.statement(&manager())).await.status, StatusCode::OK);

    publisher.publish(&[&old, &new]);
    tokio::time::sleep(COOLED_DOWN).await;
    for key in [&new, &old] {
        assert_eq!(get(&service, &key.statement(&manager())).await.status, StatusCode::OK);
    }
    assert_eq!(publisher.asked(), 2);

    publisher.publish(&[&new]);
    tokio::time::sleep(COOLED_DOWN).await;
    // Made up, so the service asks for the current keys.
    assert_refused(&get(&service, &none.statement(&manager())).await, "key");
    assert_eq!(get(&service, &new.statement(&manager())).await.status, StatusCode::OK);
    assert_refused(&get(&service, &old.statement(&manager())).await, "key");
    assert_eq!(publisher.asked(), 3);
}

#[tokio::test]
async fn without_a_key_service_the_last_keys_work_and_new_ones_are_503() {
    let (key, new) = (Key::first(), Key::numbered(7));
    let publisher = Publisher::of(&[&key]);
    let service = requiring(&publisher);
    assert_eq!(get(&service, &key.statement(&manager())).await.status, StatusCode::OK);
    for (status, body) in [(500, ""), (200, r#"{"keys":[]}"#)] {
        publisher.answer(status, body);
        tokio::time::sleep(COOLED_DOWN).await;
        assert_unavailable(&get(&service, &new.statement(&manager())).await);
        assert_eq!(get(&service, &key.statement(&manager())).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn without_any_key_everybody_is_503_until_there_is_one() {
    let key = Key::first();
    let publisher = Publisher::of(&[&key]);
    publisher.answer(404, "");
    let service = requiring(&publisher);
    for _ in 0..3 {
        assert_unavailable(&get(&service, &key.statement(&manager())).await);
    }
    assert_eq!(publisher.asked(), 1);
    // What cannot be a statement needs no keys to be refused.
    assert_refused(&get(&service, &unsigned(&manager())).await, "algorithm");
    publisher.publish(&[&key]);
    tokio::time::sleep(COOLED_DOWN).await;
    assert_eq!(get(&service, &key.statement(&manager())).await.status, StatusCode::OK);
}

#[tokio::test]
async fn many_first_requests_ask_for_the_keys_once() {
    let key = Key::first();
    let publisher = Publisher::of(&[&key]);
    let service = requiring(&publisher);
    let statement = key.statement(&manager());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (service, statement) = (service.clone(), statement.clone());
        tasks.spawn(async move { get(&service, &statement).await.status });
    }
    assert!(tasks.join_all().await.iter().all(|status| *status == StatusCode::OK));
    assert_eq!(publisher.asked(), 1);
}

#[test]
fn keys_come_by_https_or_from_this_machine_only() {
    for (url, is_taken) in [
        ("https://authz.example/jwks.json", true),
        ("http://localhost:8003/jwks.json", true),
        ("http://authz.example/jwks.json", false),
        ("file:///jwks.json", false),
        ("", false),
    ] {
        let outcome = options(url).required();
        assert_eq!(outcome.is_ok(), is_taken, "{url}");
        if let Err(error) = outcome {
            assert!(error.to_string().starts_with("--identity-jwks: must be"), "{error}");
        }
    }
}

fn options(url: &str) -> IdentityOptions {
    IdentityOptions {
        identity_jwks: Some(url.to_owned()),
        identity_issuer: Some(ISSUER.to_owned()),
        identity_audience: Some(AUDIENCE.to_owned()),
        identity_route: vec!["/customers".to_owned(), ROUTE.to_owned()],
        identity_header: None,
    }
}

fn requiring(publisher: &Publisher) -> Router {
    let identity = options(&publisher.url).required().unwrap();
    customer_service::router(GatewaySecret::new(SECRET.to_owned()).unwrap(), identity)
}

/// A GET of the customers with this statement, and with the forged headers.
async fn get(service: &Router, statement: &str) -> Answer {
    send(service, "GET", "/customers", &[(HEADER, statement.to_owned())]).await
}

async fn send(
    service: &Router,
    method: &str,
    path: &str,
    headers: &[(&'static str, String)],
) -> Answer {
    let mut all = vec![("x-gateway-secret", SECRET)];
    all.extend(FORGED);
    all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
    ask(service, method, path, &all).await
}

#[track_caller]
fn assert_refused(answer: &Answer, word: &str) {
    let wanted = if answer.body.is_empty() {
        String::new()
    } else {
        format!(r#"{{"detail":"A signed identity is required: {word}."}}"#)
    };
    assert_eq!((answer.status, &answer.body), (StatusCode::UNAUTHORIZED, &wanted), "{word}");
    assert_eq!(answer.headers["www-authenticate"], "Signed-Identity");
}

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert_eq!(answer.body, r#"{"detail":"A signed identity is required: keys."}"#);
    assert_eq!(answer.headers["retry-after"], "2");
}
