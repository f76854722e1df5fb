//! A Redis that answers, but not what is wanted: out of memory, a replica, loading, flapping.
//! Answers stay right and in time, and what works goes on working.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_service::cache::{CacheError, Quota};
use authz_service::directory::{Directory, Identity};
use authz_service::keys::QuotaKey;
use authz_service::roles::RoleName;

use crate::caches::{AnyCache, LONG, directory, key, value};
use crate::redis::Redis;

/// Generous: machines that run tests are busy.
const EACH: Duration = Duration::from_secs(3);
const RECOVERY: Duration = Duration::from_secs(20);
const EMAIL: &str = "known@example.com";

pub(crate) async fn connected(redis: &Redis) -> AnyCache {
    let cache = redis.cache();
    assert!(cache.connected_within(Duration::from_secs(10)).await);
    Arc::new(cache)
}

/// The subject's roles are right, in time.
pub(crate) async fn answers_rightly(directory: &Directory) {
    let began = Instant::now();
    let known = directory.find(&Identity::of_email(EMAIL, true)).await.unwrap();
    let names: Vec<_> = known.roles.iter().map(RoleName::as_str).collect();
    assert_eq!(names, ["user", "admin"]);
    assert!(began.elapsed() < EACH, "{:?}", began.elapsed());
}

/// Entries can be written and read again.
pub(crate) async fn recovers(cache: &AnyCache, directory: &Directory) {
    let end = Instant::now() + RECOVERY;
    loop {
        answers_rightly(directory).await;
        let entry = (key(EMAIL), br#"["user","admin"]"#.to_vec());
        let put = cache.put(&entry.0, entry.1, u64::MAX / 4096, LONG).await;
        if put == Ok(true) && matches!(cache.fetch(&entry.0).await, Ok(Some(_))) {
            return;
        }
        assert!(Instant::now() < end, "it does not come back: {:?}", cache.check().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn out_of_memory_refuses_writes_and_nothing_else() {
    let redis = Redis::start();
    let cache = connected(&redis).await;
    let directory = directory(&cache).await;
    for email in ["a@example.com", "b@example.com"] {
        assert_eq!(cache.put(&key(email), b"[]".to_vec(), 0, LONG).await, Ok(true));
    }
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = CacheError::Refused("OOM".into());
    for _ in 0..20 {
        let put = cache.put(&key(EMAIL), b"[]".to_vec(), 0, LONG).await;
        assert_eq!(put, Err(refused.clone()));
        assert_eq!(value(&cache, "a@example.com").await.as_deref(), Some("[]"));
        answers_rightly(&directory).await;
    }
    let quota = Quota { window: LONG, limit: 1 };
    let counter = QuotaKey::of("q", "a").unwrap();
    assert_eq!(cache.take(&counter, quota, 1).await, Err(refused));
    // What a change makes wrong goes all the same.
    cache.forget(&key("b@example.com"), 1).await.unwrap();
    assert_eq!(value(&cache, "b@example.com").await, None);
    assert!(directory.find(&Identity::of_email(EMAIL, true)).await.unwrap().degraded);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    recovers(&cache, &directory).await;
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_left_alone_until_it_is_one_again() {
    let redis = Redis::start();
    let cache = connected(&redis).await;
    let directory = directory(&cache).await;
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert!(cache.put(&key(EMAIL), b"[]".to_vec(), 0, LONG).await.is_err());
    for _ in 0..20 {
        answers_rightly(&directory).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    redis.command(&["REPLICAOF", "NO", "ONE"]);
    recovers(&cache, &directory).await;
}

#[tokio::test]
async fn a_redis_that_is_loading_is_left_alone_until_it_has() {
    let redis = Redis::start();
    let port = redis.port();
    let fill = "for i = 1, 400 do redis.call('SET', 'x' .. i, string.rep('x', 5000)) end";
    redis.command(&["EVAL", fill, "0"]);
    assert_eq!(redis.command(&["SAVE"]), "+OK");
    let cache = connected(&redis).await;
    let directory = directory(&cache).await;
    let left = redis.stop();
    let slowly = ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "2048"];
    let redis = Redis::start_on_with(port, &slowly, left);
    assert!(redis.command(&["GET", "x1"]).starts_with("-LOADING"));
    while redis.command(&["GET", "x1"]).starts_with("-LOADING") {
        answers_rightly(&directory).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    recovers(&cache, &directory).await;
}

#[tokio::test]
async fn a_redis_that_comes_and_goes_is_used_when_it_is_there() {
    let mut redis = Redis::start();
    let port = redis.port();
    let cache = connected(&redis).await;
    let directory = directory(&cache).await;
    for _ in 0..4 {
        recovers(&cache, &directory).await;
        let left = redis.stop();
        for _ in 0..10 {
            answers_rightly(&directory).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        redis = Redis::start_on_with(port, &[], left);
        redis.freeze();
        answers_rightly(&directory).await;
        redis.thaw();
    }
    recovers(&cache, &directory).await;
}
