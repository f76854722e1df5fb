//! What every `SharedCache` must do, over each of them, and what of it Redis shows to others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_service::cache::{
    CacheError, Heard, InProcessCache, Invalidation, MAX_FETCHED_BYTES, Quota, SharedCache, Taken,
    What,
};
use authz_service::directory::{Directory, Identity};
use authz_service::email::Email;
use authz_service::entities::Entities;
use authz_service::keys::{QuotaKey, RoleKey};
use authz_service::store::SqliteStore;

use crate::patient::patient;
use crate::redis::Redis;

pub(crate) type AnyCache = Arc<dyn SharedCache>;

/// How long an entry lives when it does not matter.
pub(crate) const LONG: Duration = RoleKey::TTL;

async fn in_process() -> (AnyCache, Option<Redis>) {
    (Arc::new(InProcessCache::default()), None)
}

async fn redis() -> (AnyCache, Option<Redis>) {
    let redis = Redis::start();
    let cache = redis.cache();
    assert!(cache.connected_within(Duration::from_secs(10)).await);
    (patient(cache), Some(redis))
}

pub(crate) fn key(email: &str) -> RoleKey {
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

        /// All of it over one more cache, emptied by `empty` in between.
        pub(crate) async fn contract(cache: &AnyCache, empty: impl Fn()) {
            $(empty(); $name(Arc::clone(cache)).await;)*
        }
    };
}

for_every_cache![
    what_was_put_is_fetched,
    what_was_forgotten_is_gone,
    keys_do_not_meet,
    what_was_read_before_a_change_is_not_put_after_it,
    an_entry_lives_as_long_as_it_was_put_for,
    malformed_values_are_ignored_and_replaced,
    a_well_formed_value_is_believed,
    an_unverified_email_reads_and_writes_nothing,
    every_subscriber_hears_of_a_change,
    a_window_s_limit_is_granted_once,
    counters_are_apart_and_windows_end,
];

/// The value under a key, without how long it lives.
pub(crate) async fn value(cache: &AnyCache, email: &str) -> Option<String> {
    let found = cache.fetch(&key(email)).await.unwrap()?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}

async fn put(cache: &AnyCache, email: &str, value: &[u8]) {
    assert_eq!(cache.put(&key(email), value.to_vec(), 0, LONG).await, Ok(true));
}

async fn what_was_put_is_fetched(cache: AnyCache) {
    assert_eq!(value(&cache, "a@example.com").await, None);
    put(&cache, "a@example.com", b"[\"user\"]").await;
    put(&cache, "a@example.com", b"[\"admin\"]").await;
    assert_eq!(value(&cache, "A@EXAMPLE.com").await.as_deref(), Some("[\"admin\"]"));
    cache.check().await.unwrap();
}

async fn what_was_forgotten_is_gone(cache: AnyCache) {
    put(&cache, "a@example.com", b"[]").await;
    cache.forget(&key("a@example.com"), 1).await.unwrap();
    cache.forget(&key("b@example.com"), 1).await.unwrap();
    // Braces that keep it from having a mark.
    cache.forget(&key("a}@example.com"), 1).await.unwrap();
    assert_eq!(value(&cache, "a@example.com").await, None);
}

async fn keys_do_not_meet(cache: AnyCache) {
    let emails = ["a@example.com", "a@example.com:x", "*", "a b", "ä@example.com", "{a}@b"];
    for email in emails {
        put(&cache, email, email.as_bytes()).await;
    }
    for email in emails {
        assert_eq!(value(&cache, email).await.as_deref(), Some(email));
    }
}

async fn what_was_read_before_a_change_is_not_put_after_it(cache: AnyCache) {
    let (key, roles) = (key("a@example.com"), b"[\"user\"]".to_vec());
    for forgotten in [7, 7, 5] {
        cache.forget(&key, forgotten).await.unwrap();
        assert_eq!(cache.put(&key, roles.clone(), 6, LONG).await, Ok(false));
        assert_eq!(value(&cache, "a@example.com").await, None);
    }
    assert_eq!(cache.put(&key, roles.clone(), 7, LONG).await, Ok(true));
    assert_eq!(cache.put(&key, b"[]".to_vec(), 6, LONG).await, Ok(false));
    assert_eq!(value(&cache, "a@example.com").await.as_deref(), Some("[\"user\"]"));
}

async fn an_entry_lives_as_long_as_it_was_put_for(cache: AnyCache) {
    for (email, lives) in [("a@b", LONG * 2), ("c@d", LONG), ("e@f", Duration::from_secs(20))] {
        assert_eq!(cache.put(&key(email), b"[]".to_vec(), 0, lives).await, Ok(true));
        let left = cache.fetch(&key(email)).await.unwrap().unwrap().lives.unwrap();
        let lives = lives.min(LONG);
        assert!(left <= lives && left > lives - Duration::from_secs(10), "{left:?}");
    }
    assert!(cache.put(&key("g@h"), b"[]".to_vec(), 0, Duration::from_millis(50)).await.unwrap());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(value(&cache, "g@h").await, None);
}

async fn every_subscriber_hears_of_a_change(cache: AnyCache) {
    let mut subscribers = [cache.subscribe(), cache.subscribe()];
    let what = What::Subject {
        kind: "identity".into(),
        id: "1".into(),
        emails: vec!["a@example.com".into()],
    };
    let change = Invalidation { version: 3, what };
    let end = Instant::now() + Duration::from_secs(10);
    for subscriber in &mut subscribers {
        // A subscription may take a moment to stand, and messages are for those who listen.
        while !matches!(subscriber.try_recv(), Ok(Heard::Change(heard)) if heard == change) {
            assert!(Instant::now() < end, "nothing is heard");
            cache.publish(&change).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const QUOTA: Quota = Quota { window: Duration::from_secs(60), limit: 10 };

async fn take(cache: &AnyCache, counted: &str, quota: Quota, wanted: u64) -> Taken {
    cache.take(&QuotaKey::of("q", counted).unwrap(), quota, wanted).await.unwrap()
}

async fn a_window_s_limit_is_granted_once(cache: AnyCache) {
    let steps = [(0, 0, 10), (4, 4, 6), (4, 4, 2), (4, 2, 0), (1, 0, 0), (u64::MAX / 4096, 0, 0)];
    for (wanted, granted, remaining) in steps {
        let taken = take(&cache, "a", QUOTA, wanted).await;
        assert_eq!((taken.granted, taken.remaining), (granted, remaining), "{wanted}");
        assert!(taken.resets_in <= QUOTA.window, "{taken:?}");
        assert!(taken.resets_in > QUOTA.window - Duration::from_secs(30), "{taken:?}");
    }
    let lowered = take(&cache, "a", Quota { limit: 3, ..QUOTA }, 1).await;
    assert_eq!((lowered.granted, lowered.remaining), (0, 0));
    let raised = take(&cache, "a", Quota { limit: 12, ..QUOTA }, 5).await;
    assert_eq!((raised.granted, raised.remaining), (2, 0));
}

async fn counters_are_apart_and_windows_end(cache: AnyCache) {
    let short = Quota { window: Duration::from_millis(150), limit: 1 };
    for counted in ["a", "b", "a:b}", ""] {
        assert_eq!(take(&cache, counted, short, 1).await.granted, 1, "{counted}");
        assert_eq!(take(&cache, counted, short, 1).await.granted, 0, "{counted}");
    }
    let other = cache.take(&QuotaKey::of("r", "a").unwrap(), short, 1).await.unwrap();
    assert_eq!(other.granted, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(take(&cache, "a", short, 1).await.granted, 1);
}

/// The store knows `known@example.com` as `user` and `admin`. With nothing near yet.
pub(crate) async fn directory(cache: &AnyCache) -> Directory {
    let entities = r#"{"subjects":[{"type":"identity","id":"1",
        "properties":{"email":"known@example.com"},"roles":["user","admin"]}]}"#;
    let store = SqliteStore::in_memory().await.unwrap();
    store.seed(&Entities::parse(entities).unwrap()).await.unwrap();
    Directory::new(Arc::new(store), Arc::clone(cache))
}

pub(crate) async fn roles(directory: &Directory, email: &str, verified: bool) -> Vec<String> {
    let known = directory.find(&Identity::of_email(email, verified)).await.unwrap();
    assert!(!known.degraded);
    known.roles.iter().map(|role| role.as_str().to_owned()).collect()
}

async fn malformed_values_are_ignored_and_replaced(cache: AnyCache) {
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
    for text in values {
        put(&cache, "known@example.com", text).await;
        put(&cache, "unknown@example.com", text).await;
        let directory = directory(&cache).await;
        assert_eq!(roles(&directory, "known@example.com", true).await, ["user", "admin"]);
        assert_eq!(roles(&directory, "unknown@example.com", true).await, ["verified-user"]);
        let repaired = value(&cache, "known@example.com").await;
        assert_eq!(repaired.as_deref(), Some("[\"user\",\"admin\"]"));
        assert_eq!(value(&cache, "unknown@example.com").await, None);
    }
}

async fn a_well_formed_value_is_believed(cache: AnyCache) {
    put(&cache, "known@example.com", b"[\"viewer\"]").await;
    let viewer = directory(&cache).await;
    assert_eq!(roles(&viewer, "Known@Example.com", true).await, ["viewer"]);
    put(&cache, "known@example.com", b"[]").await;
    assert!(roles(&directory(&cache).await, "known@example.com", true).await.is_empty());
}

async fn an_unverified_email_reads_and_writes_nothing(cache: AnyCache) {
    let directory = directory(&cache).await;
    assert_eq!(roles(&directory, "known@example.com", false).await, ["unverified-user"]);
    assert_eq!(value(&cache, "known@example.com").await, None);
    put(&cache, "known@example.com", b"[\"admin\"]").await;
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
    let found = cache.fetch(&key("big@example.com")).await.unwrap().unwrap();
    assert_eq!((found.value.len(), found.lives), (MAX_FETCHED_BYTES, None));
}

#[tokio::test]
async fn a_frozen_redis_costs_one_bounded_call_and_then_nothing() {
    let redis = Redis::start();
    let cache = redis.cache();
    assert!(cache.connected_within(Duration::from_secs(10)).await);
    redis.freeze();
    let started = Instant::now();
    assert!(matches!(cache.fetch(&key("a@example.com")).await, Err(CacheError::Failed(_))));
    let first = started.elapsed();
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(cache.fetch(&key("a@example.com")).await, Err(CacheError::CoolingDown));
    }
    let next = started.elapsed();
    assert!(first < Duration::from_secs(3) && next < Duration::from_secs(3), "{first:?} {next:?}");
    redis.thaw();
    let end = Instant::now() + Duration::from_secs(15);
    while cache.fetch(&key("a@example.com")).await.is_err() {
        assert!(Instant::now() < end, "it does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
