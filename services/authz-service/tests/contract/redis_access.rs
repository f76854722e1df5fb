//! Getting into Redis: TLS, passwords that are wrong and mended, and the least rights that do.

use std::path::Path;
use std::time::{Duration, Instant};

use authz_service::cache::{RedisAddress, RedisCache, RedisPassword, SharedCache};

use crate::caches::{LONG, contract, key};
use crate::certificates::Authority;
use crate::patient::patient;
use crate::redis::{Redis, free_port};

const RECOVERY: Duration = Duration::from_secs(20);
/// What the user of the service may do; docs/authz-service/cache.md gives the same line.
pub(crate) const RIGHTS: &str = "resetkeys ~user:platform-roles:* ~claimgate:* resetchannels &claimgate:* \
    -@all +ping +info +cluster|slots +cluster|info +client|id +getrange +get +pttl +set +del +eval \
    +publish +subscribe";

fn address(url: &str, authorities: Option<&Path>) -> RedisAddress {
    RedisAddress::parse(url, authorities, None).ok().unwrap()
}

fn client(address: RedisAddress) -> RedisCache {
    RedisCache::connect(address, Duration::ZERO).unwrap()
}

async fn works(cache: &RedisCache) -> bool {
    cache.put(&key("a@example.com"), b"[]".to_vec(), 0, LONG).await == Ok(true)
}

async fn recovers(cache: &RedisCache) {
    let end = Instant::now() + RECOVERY;
    while !works(cache).await {
        assert!(Instant::now() < end, "it does not come back: {:?}", cache.check().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn user(redis: &Redis, rights: &str) {
    let command = format!("ACL SETUSER claimgate {rights}");
    let command: Vec<_> = command.split_whitespace().collect();
    assert_eq!(redis.command(&command), "+OK");
}

#[tokio::test]
async fn the_contract_holds_over_tls() {
    let (authority, port) = (Authority::new(), free_port());
    let arguments = authority.server("127.0.0.1", port);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let redis = Redis::start_with(&arguments);
    let url = format!("rediss://127.0.0.1:{port}");
    let cache = Redis::cache_at(address(&url, Some(&authority.file()))).await;
    contract(&patient(cache), || drop(redis.command(&["FLUSHALL"]))).await;
}

#[tokio::test]
async fn a_server_that_cannot_be_verified_is_not_talked_to() {
    let (authority, port) = (Authority::new(), free_port());
    let arguments = authority.server("redis.example", port);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let redis = Redis::start_with(&arguments);
    let url = format!("rediss://me:hunter2@127.0.0.1:{port}");
    let other = Authority::new();
    let unverified = [
        ("another name", address(&url, Some(&authority.file()))),
        ("another authority", address(&url, Some(&other.file()))),
        ("no TLS", address(&url.replace("rediss", "redis"), None)),
        (
            "no TLS there",
            address(&format!("rediss://127.0.0.1:{}", redis.port()), Some(&other.file())),
        ),
    ];
    for (case, address) in unverified {
        let cache = client(address);
        assert!(!cache.connected_within(Duration::from_millis(700)).await, "{case}");
        assert!(cache.check().await.is_err(), "{case}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_until_it_is_mended() {
    let redis = Redis::start();
    user(&redis, "on >right ~* &* +@all");
    let url = |password: &str| format!("redis://claimgate:{password}@127.0.0.1:{}", redis.port());
    let mended_there = client(address(&url("wrong"), None));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "wrong").unwrap();
    let password = Some(RedisPassword::File(file.path().to_owned()));
    let url = format!("redis://claimgate@127.0.0.1:{}", redis.port());
    let mended_here = client(RedisAddress::parse(&url, None, password).ok().unwrap());
    for cache in [&mended_there, &mended_here] {
        assert!(!cache.connected_within(Duration::from_millis(700)).await);
        assert!(!works(cache).await);
    }
    std::fs::write(file.path(), "right\n").unwrap();
    recovers(&mended_here).await;
    assert!(!works(&mended_there).await);
    user(&redis, ">wrong");
    recovers(&mended_there).await;
}

#[tokio::test]
async fn a_user_that_is_removed_or_loses_rights_is_a_failure_until_it_is_back() {
    let redis = Redis::start();
    user(&redis, "on >secret ~* &* +@all");
    let url = format!("redis://claimgate:secret@127.0.0.1:{}", redis.port());
    let cache = Redis::cache_at(address(&url, None)).await;
    recovers(&cache).await;
    assert_eq!(redis.command(&["ACL", "DELUSER", "claimgate"]), ":1");
    assert!(!works(&cache).await);
    user(&redis, "on >secret ~* &* +@all");
    recovers(&cache).await;
    user(&redis, "-getrange -eval");
    assert!(cache.fetch(&key("a@example.com")).await.is_err());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(!works(&cache).await);
    user(&redis, "+@all");
    recovers(&cache).await;
}

#[tokio::test]
async fn the_contract_holds_with_the_least_rights() {
    let redis = Redis::start();
    user(&redis, &format!("reset on >secret {RIGHTS}"));
    let url = format!("redis://claimgate:secret@127.0.0.1:{}", redis.port());
    let cache = Redis::cache_at(address(&url, None)).await;
    redis.command(&["ACL", "LOG", "RESET"]);
    contract(&patient(cache), || drop(redis.command(&["FLUSHALL"]))).await;
    assert_eq!(redis.command(&["ACL", "LOG"]), "*0");
    for refused in [
        &["GET", "session:1"][..],
        &["SET", "user:platform-role", "x"],
        &["PUBLISH", "other", "x"],
        &["FLUSHALL"],
        &["KEYS", "*"],
        &["CONFIG", "GET", "*"],
    ] {
        let answer = redis.command(&[&["ACL", "DRYRUN", "claimgate"], refused].concat());
        assert!(answer.contains("permission"), "{refused:?}: {answer}");
    }
}

#[test]
fn the_page_about_the_cache_gives_the_same_rights() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/authz-service/cache.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("user claimgate on >SECRET {RIGHTS}")));
}
