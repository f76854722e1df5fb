//! What every `SharedCache` must do, over each of them, and what of it Redis shows to others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_service::cache::{
    CacheError, InProcessCache, InvalidRedisUrl, MAX_FETCHED_BYTES, RedisCache, SharedCache,
};
use authz_service::directory::{Directory, Identity};
use authz_service::email::Email;
use authz_service::entities::Entities;
use authz_service::keys::RoleKey;
use authz_service::store::SqliteStore;

use crate::redis::Redis;

type AnyCache = Arc<dyn SharedCache>;

async fn in_process() -> (AnyCache, Option<Redis>) {
    (Arc::new(InProcessCache::default()), None)
}

async fn redis() -> (AnyCache, Option<Redis>) {
    let redis = Redis::start();
    let cache = RedisCache::connect(&redis.url()).unwrap();
    assert!(cache.connected_within(Duration::from_secs(10)).await);
    (Arc::new(cache), Some(redis))
}

fn key(email: &str) -> RoleKey {
    RoleKey::of(&Email::parse(email).unwrap())
}

macro_rules! for_every_cache {
    ($($name:ident),* $(,)?) => {
        mod process { $(#[tokio::test] async fn $name() {
            let (cache, _redis) = super::in_process().await;
            super::$name(cache).await;
        })* }
        mod redis_server { $(#[tokio::test] async fn $name() {
            let (cache, _redis) = super::redis().await;
            super::$name(cache).await;
        })* }
    };
}

for_every_cache![
    what_was_put_is_fetched,
    what_was_forgotten_is_gone,
    keys_do_not_meet,
    malformed_values_are_ignored_and_replaced,
    a_well_formed_value_is_believed,
    an_unverified_email_reads_and_writes_nothing,
];

async fn what_was_put_is_fetched(cache: AnyCache) {
    assert_eq!(cache.fetch(&key("a@example.com")).await, Ok(None));
    cache.put(&key("a@example.com"), b"[\"user\"]".to_vec()).await.unwrap();
    cache.put(&key("a@example.com"), b"[\"admin\"]".to_vec()).await.unwrap();
    assert_eq!(cache.fetch(&key("A@EXAMPLE.com")).await, Ok(Some(b"[\"admin\"]".to_vec())));
    cache.check().await.unwrap();
}

async fn what_was_forgotten_is_gone(cache: AnyCache) {
    cache.put(&key("a@example.com"), b"[]".to_vec()).await.unwrap();
    cache.forget(&key("a@example.com")).await.unwrap();
    cache.forget(&key("b@example.com")).await.unwrap();
    assert_eq!(cache.fetch(&key("a@example.com")).await, Ok(None));
}

async fn keys_do_not_meet(cache: AnyCache) {
    for email in ["a@example.com", "a@example.com:x", "*", "a b", "ä@example.com", "{a}@b"] {
        cache.put(&key(email), email.as_bytes().to_vec()).await.unwrap();
    }
    for email in ["a@example.com", "a@example.com:x", "*", "a b", "ä@example.com", "{a}@b"] {
        assert_eq!(cache.fetch(&key(email)).await, Ok(Some(email.as_bytes().to_vec())));
    }
}

/// The store knows `known@example.com` as `user` and `admin`.
async fn directory(cache: &AnyCache) -> Directory {
    let entities = r#"{"subjects":[{"type":"identity","id":"1",
        "properties":{"email":"known@example.com"},"roles":["user","admin"]}]}"#;
    let store = SqliteStore::in_memory().await.unwrap();
    store.seed(&Entities::parse(entities).unwrap()).await.unwrap();
    Directory::new(Arc::new(store), Arc::clone(cache))
}

async fn roles(directory: &Directory, email: &str, verified: bool) -> Vec<String> {
    let known = directory.find(&Identity::of_email(email, verified)).await.unwrap();
    assert!(!known.degraded);
    known.roles.into_iter().map(String::from).collect()
}

async fn malformed_values_are_ignored_and_replaced(cache: AnyCache) {
    let directory = directory(&cache).await;
    let large = format!("[\"{}\"]", "x".repeat(1_000_000));
    let values: [&[u8]; 9] = [
        b"admin",
        b"null",
        b"\"admin\"",
        b"[\"admin\", 1]",
        b"{\"roles\":[\"admin\"]}",
        b"[\"owner\\r\\nx-user-roles: admin\"]",
        b"[\"owner,admin\"]",
        b"\xff\xfe",
        large.as_bytes(),
    ];
    for value in values {
        cache.put(&key("known@example.com"), value.to_vec()).await.unwrap();
        cache.put(&key("unknown@example.com"), value.to_vec()).await.unwrap();
        assert_eq!(roles(&directory, "known@example.com", true).await, ["user", "admin"]);
        assert_eq!(roles(&directory, "unknown@example.com", true).await, ["verified-user"]);
        let repaired = cache.fetch(&key("known@example.com")).await;
        assert_eq!(repaired, Ok(Some(b"[\"user\",\"admin\"]".to_vec())));
        assert_eq!(cache.fetch(&key("unknown@example.com")).await, Ok(None));
    }
}

async fn a_well_formed_value_is_believed(cache: AnyCache) {
    let directory = directory(&cache).await;
    cache.put(&key("known@example.com"), b"[\"viewer\"]".to_vec()).await.unwrap();
    assert_eq!(roles(&directory, "Known@Example.com", true).await, ["viewer"]);
    cache.put(&key("known@example.com"), b"[]".to_vec()).await.unwrap();
    assert!(roles(&directory, "known@example.com", true).await.is_empty());
}

async fn an_unverified_email_reads_and_writes_nothing(cache: AnyCache) {
    let directory = directory(&cache).await;
    assert_eq!(roles(&directory, "known@example.com", false).await, ["unverified-user"]);
    assert_eq!(cache.fetch(&key("known@example.com")).await, Ok(None));
    cache.put(&key("known@example.com"), b"[\"admin\"]".to_vec()).await.unwrap();
    assert_eq!(roles(&directory, "known@example.com", false).await, ["unverified-user"]);
}

#[tokio::test]
async fn redis_holds_the_contract_s_key_value_and_time_to_live() {
    let (cache, redis) = redis().await;
    let redis = redis.unwrap();
    assert_eq!(roles(&directory(&cache).await, "Known@Example.com", true).await, ["user", "admin"]);
    assert_eq!(
        redis.command(&["GET", "user:platform-roles:known@example.com"]),
        r#"["user","admin"]"#
    );
    let ttl = redis.command(&["TTL", "user:platform-roles:known@example.com"]);
    let ttl: u64 = ttl.strip_prefix(':').unwrap().parse().unwrap();
    assert!((290..=300).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn redis_values_of_another_type_are_foreign_and_large_ones_are_cut() {
    let (cache, redis) = redis().await;
    let redis = redis.unwrap();
    for command in [
        ["SADD", "user:platform-roles:set@example.com", "admin"],
        ["LPUSH", "user:platform-roles:list@example.com", "admin"],
    ] {
        redis.command(&command);
    }
    redis.command(&["HSET", "user:platform-roles:hash@example.com", "role", "admin"]);
    for email in ["set@example.com", "list@example.com", "hash@example.com"] {
        assert_eq!(cache.fetch(&key(email)).await, Err(CacheError::Foreign), "{email}");
    }
    cache.check().await.expect("a foreign value is no failure of the cache");
    redis.command(&["SET", "user:platform-roles:big@example.com", &"x".repeat(5_000_000)]);
    let value = cache.fetch(&key("big@example.com")).await.unwrap().unwrap();
    assert_eq!(value.len(), MAX_FETCHED_BYTES);
}

#[tokio::test]
async fn a_frozen_redis_costs_one_bounded_call_and_then_nothing() {
    let (cache, redis) = redis().await;
    redis.as_ref().unwrap().freeze();
    let started = Instant::now();
    assert!(matches!(cache.fetch(&key("a@example.com")).await, Err(CacheError::Failed(_))));
    let first = started.elapsed();
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(cache.fetch(&key("a@example.com")).await, Err(CacheError::CoolingDown));
    }
    let next = started.elapsed();
    assert!(
        first < Duration::from_millis(500) && next < Duration::from_millis(500),
        "{first:?} {next:?}"
    );
    redis.as_ref().unwrap().thaw();
    let end = Instant::now() + Duration::from_secs(15);
    while cache.fetch(&key("a@example.com")).await.is_err() {
        assert!(Instant::now() < end, "it does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_redis_url_is_refused_without_repeating_it() {
    for url in ["http://user:hunter2@host", "host:6379", "redis://user:hunter2@host:port", ""] {
        let error = RedisCache::connect(url).err().unwrap();
        assert_eq!(error, InvalidRedisUrl::Url, "{url}");
        assert!(!error.to_string().contains("hunter2"));
    }
    assert_eq!(RedisCache::connect("rediss://host").err().unwrap(), InvalidRedisUrl::Tls);
}
