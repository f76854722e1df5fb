//! Dependencies that are down, die, freeze and come back. Answers stay right and come in time;
//! only the store's silence is an error, and none of it needs a restart.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::postgres::{PASSWORD, Postgres};
use crate::redis::{Redis, free_port, url_of};
use crate::service::{Service, eventually, subject};

const EMAIL: &str = "test.user-cm@example.com";
const KEY: &str = "user:platform-roles:test.user-cm@example.com";
/// Generous: machines that run tests are busy.
const EACH: Duration = Duration::from_secs(3);
const RECOVERY: Duration = Duration::from_secs(20);

/// Asks `times` times; every answer is right and in time.
fn answers_rightly(service: &Service, times: usize) {
    let everything = Instant::now();
    for _ in 0..times {
        let started = Instant::now();
        let answer = service.evaluate(&subject(EMAIL, true));
        assert_eq!(answer["context"]["roles"], json!(["user", "customer-manager"]));
        assert_eq!(answer["decision"], true);
        assert!(started.elapsed() < EACH, "{:?}", started.elapsed());
    }
    // Without the breaker each would cost the limit of 50 ms on top.
    let all = everything.elapsed();
    assert!(all < EACH + Duration::from_millis(25) * u32::try_from(times).unwrap(), "{all:?}");
}

fn is_degraded(service: &Service) -> bool {
    let reply = service.send("GET", "/health/ready", &[]);
    assert_eq!(reply.status, 200, "{}", reply.body);
    let body = reply.json();
    assert_eq!(body["dependencies"]["store"]["state"], "up");
    body["status"] == "degraded" && body["dependencies"]["cache"]["state"] == "down"
}

fn lifetime(service: &Service) -> Option<String> {
    let reply = service.decide(&subject(EMAIL, true), "GET", "/customers");
    reply.header("cache-control").map(str::to_owned)
}

/// Redis is used again: an answer may be kept, and the entry is there.
fn recovers(service: &Service, redis: &Redis) {
    eventually(RECOVERY, "redis is used again", || {
        lifetime(service).as_deref() == Some("max-age=5")
            && redis.command(&["GET", KEY]) == r#"["user","customer-manager"]"#
    });
    eventually(RECOVERY, "ready without reserve", || service.is_ready());
}

#[test]
fn redis_down_at_start() {
    let port = free_port();
    let service = Service::start(&["--redis", &url_of(port)]);
    answers_rightly(&service, 20);
    assert!(is_degraded(&service));
    assert_eq!(lifetime(&service).as_deref(), Some("no-store"));
    let redis = Redis::start_on(port);
    recovers(&service, &redis);
}

#[test]
fn redis_killed_and_started_again() {
    let redis = Redis::start();
    let port = redis.port();
    let service = Service::start(&["--redis", &redis.url()]);
    recovers(&service, &redis);
    drop(redis);
    answers_rightly(&service, 20);
    assert!(is_degraded(&service));
    // What was found before is good for a moment more.
    eventually(RECOVERY, "an answer is not to be kept", || {
        lifetime(&service).as_deref() == Some("no-store")
    });
    let redis = Redis::start_on(port);
    recovers(&service, &redis);
}

#[test]
fn redis_frozen_and_thawed() {
    let redis = Redis::start();
    let service = Service::start(&["--redis", &redis.url()]);
    recovers(&service, &redis);
    redis.freeze();
    answers_rightly(&service, 100);
    assert!(is_degraded(&service));
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| answers_rightly(&service, 25));
        }
    });
    // Long enough for the client to give the connection up.
    std::thread::sleep(Duration::from_secs(7));
    answers_rightly(&service, 20);
    redis.thaw();
    recovers(&service, &redis);
}

#[test]
fn redis_frozen_at_start() {
    let redis = Redis::start();
    redis.freeze();
    let service = Service::start(&["--redis", &redis.url()]);
    answers_rightly(&service, 20);
    assert!(is_degraded(&service));
    redis.thaw();
    recovers(&service, &redis);
}

#[test]
fn what_needs_no_role_cache_is_not_degraded_by_its_absence() {
    let service = Service::start(&["--redis", &url_of(free_port())]);
    let reply =
        service.decide(&json!({"type": "anonymous", "id": "anonymous"}), "GET", "/products");
    assert_eq!(reply.header("cache-control"), Some("max-age=5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gives_no_answer_is_503_and_a_broken_one_500() {
    let server = Postgres::start(&[]);
    let url = server.database().await;
    let service = Service::start(&["--database", &url]);
    let body = json!({"subject": subject(EMAIL, true), "action": {"name": "GET"},
                      "resource": {"type": "route", "id": "/customers"}});
    let me = [("x-user-email", EMAIL), ("x-email-verified", "true")];

    server.freeze();
    for reply in [service.post(&body), service.send("GET", "/authz/me", &me)] {
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.json().get("decision"), None);
    }
    // To Envoy anything but a 5xx would be a denial.
    let ext_authz = || service.send("GET", "/authz/roles/customers", &me);
    assert_eq!((ext_authz().status, ext_authz().header("x-user-roles")), (503, None));
    assert_eq!(service.send("GET", "/health/ready", &[]).status, 503);
    assert_eq!(service.send("GET", "/health/live", &[]).status, 200);
    // Who needs no look-up is answered all the same.
    assert_eq!(service.evaluate(&subject(EMAIL, false))["decision"], true);
    server.thaw();
    eventually(RECOVERY, "the store is used again", || service.is_ready());

    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::query("DROP TABLE subjects").execute(&mut other).await.unwrap();
    let reply = service.post(&body);
    assert_eq!((reply.status, reply.header("cache-control")), (500, Some("no-store")));
    assert!(!reply.body.contains("subjects"), "{}", reply.body);
    assert_eq!(ext_authz().status, 503);
    assert!(!service.log().contains(EMAIL) && !service.log().contains(PASSWORD));
}
