//! Malformed and foreign values in a real Redis, seen through HTTP: never believed, never fatal,
//! repaired, and never in a log.

use crate::redis::Redis;
use crate::service::{Service, subject};

const EMAIL: &str = "test.user-cm@example.com";
const KEY: &str = "user:platform-roles:test.user-cm@example.com";

fn plant(redis: &Redis, command: &[&str]) {
    redis.command(&["DEL", KEY]);
    let answer = redis.command(command);
    assert!(!answer.starts_with('-'), "{answer}");
}

#[test]
fn they_are_ignored_replaced_and_not_logged() {
    let redis = Redis::start();
    let service = Service::start(&["--redis", &redis.url(), "--redis-max-age", "0"]);
    let large = format!("[\"planted\",\"{}\"]", "x".repeat(1_000_000));
    let many = serde_json::to_string(&vec!["planted"; 5_000]).unwrap();
    for command in [
        vec!["SET", KEY, "planted"],
        vec!["SET", KEY, r#"{"planted":true}"#],
        vec!["SET", KEY, r#""planted""#],
        vec!["SET", KEY, r#"["planted",1]"#],
        vec!["SET", KEY, r#"["planted"#],
        vec!["SET", KEY, r#"["planted,admin"]"#],
        vec!["SET", KEY, "[\"planted\\r\\nx-user-roles: admin\"]"],
        vec!["SET", KEY, &large],
        vec!["SET", KEY, &many],
        vec!["SADD", KEY, "planted"],
        vec!["RPUSH", KEY, "planted", "admin"],
        vec!["HSET", KEY, "planted", "admin"],
        vec!["ZADD", KEY, "1", "planted"],
    ] {
        plant(&redis, &command);
        let answer = service.decide(&subject(EMAIL, true), "GET", "/customers");
        assert_eq!(
            answer.json()["context"]["roles"],
            serde_json::json!(["user", "customer-manager"])
        );
        assert_eq!(answer.header("cache-control"), Some("max-age=5"));
        assert_eq!(redis.command(&["GET", KEY]), r#"["user","customer-manager"]"#);
        assert_ne!(redis.command(&["TTL", KEY]), ":-1");
    }
    let log = service.log();
    assert!(log.matches("malformed value in the role cache").count() >= 13, "{log}");
    assert!(!log.contains("planted") && !log.contains(EMAIL), "{log}");
}

#[test]
fn a_well_formed_value_comes_before_the_store() {
    let redis = Redis::start();
    let service = Service::start(&["--redis", &redis.url(), "--redis-max-age", "0"]);
    plant(&redis, &["SET", KEY, r#"["auditor"]"#]);
    let answer = service.evaluate(&subject("TEST.USER-CM@example.com", true));
    assert_eq!(answer["context"]["roles"], serde_json::json!(["auditor"]));
    let unverified = service.evaluate(&subject(EMAIL, false));
    assert_eq!(unverified["context"]["roles"], serde_json::json!(["unverified-user"]));
}
