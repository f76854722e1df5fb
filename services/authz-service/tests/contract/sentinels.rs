//! Real sentinels: they name a primary, name another, disagree, lie, are gone, want a password; and
//! the primary they watch dies. Answers stay right and in time, and whoever is the primary is used.
//!
//! What needs minutes of a machine's patience is in `fail_over`.

mod fail_over;

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authz_service::cache::{
    CALL_LIMIT, Heard, Invalidation, RedisAddress, RedisCache, RedisPassword, What,
};

use crate::caches::{AnyCache, LONG, contract, directory, key};
use crate::certificates::Authority;
use crate::patient::patient;
use crate::redis::{Redis, free_port};
use crate::redis_access::{RIGHTS, user};
use crate::redis_faults::{answers_rightly, recovers};
use crate::service::{ENTITIES, Service, command, eventually};

const NAME: &str = "claimgate";
/// Generous: machines that run tests are busy.
const SOON: Duration = Duration::from_secs(30);
/// Longer than sentinels are left alone.
const WHILE: Duration = Duration::from_millis(1_500);
/// What the service's user may do at a sentinel; docs/authz-service/cache.md gives the same line.
const SENTINEL_RIGHTS: &str = "-@all +ping +info +client|id +sentinel|get-master-addr-by-name";

/// What a sentinel is told of a primary that one of them is enough to judge.
fn watching(port: u16) -> String {
    watching_with_others(port, 1, 500)
}

/// The same when `quorum` of them have to agree, who believe after `milliseconds` that it is down.
fn watching_with_others(port: u16, quorum: usize, milliseconds: u32) -> String {
    format!(
        "sentinel monitor {NAME} 127.0.0.1 {port} {quorum}\n\
         sentinel down-after-milliseconds {NAME} {milliseconds}\n\
         sentinel failover-timeout {NAME} 4000\n"
    )
}

fn url(sentinels: &[u16]) -> String {
    let sentinels: Vec<_> = sentinels.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    format!("redis-sentinel://{}/{NAME}", sentinels.join(","))
}

fn address(sentinels: &[u16]) -> RedisAddress {
    RedisAddress::parse(&url(sentinels), None, None).ok().unwrap()
}

fn client(address: RedisAddress) -> RedisCache {
    RedisCache::connect(address, Duration::ZERO).unwrap()
}

async fn connected(address: RedisAddress) -> AnyCache {
    let cache = client(address);
    assert!(cache.connected_within(SOON).await);
    Arc::new(cache)
}

/// Has this sentinel name another primary.
fn names(sentinel: &Redis, port: u16) {
    assert_eq!(sentinel.command(&["SENTINEL", "REMOVE", NAME]), "+OK");
    let monitor = ["SENTINEL", "MONITOR", NAME, "127.0.0.1", &port.to_string(), "1"];
    assert_eq!(sentinel.command(&monitor), "+OK");
}

/// Waits until what is put comes to be in `redis`.
async fn is_written_to(redis: &Redis, cache: &AnyCache) {
    let end = Instant::now() + SOON;
    loop {
        let value = format!(r#"["{}"]"#, redis.port());
        let _ = cache.put(&key("a@example.com"), value.clone().into(), u64::MAX / 4096, LONG).await;
        if redis.command(&["GET", "user:platform-roles:a@example.com"]) == value {
            return;
        }
        assert!(Instant::now() < end, "it is not used: {:?}", cache.check().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What `one` says is heard by `other`, once both have found each other.
async fn are_told(one: &AnyCache, other: &AnyCache) {
    let change = Invalidation { version: 1, what: What::State };
    let (mut heard, end) = (other.subscribe(), Instant::now() + SOON);
    while !matches!(heard.try_recv(), Ok(Heard::Change(_))) {
        assert!(Instant::now() < end, "nothing is heard");
        let _ = one.publish(&change).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_contract_holds_where_sentinels_lead_by_tls_with_the_least_rights() {
    let (authority, redis_port, sentinel_port) = (Authority::new(), free_port(), free_port());
    let tls = |port| authority.server("127.0.0.1", port);
    let arguments = tls(redis_port);
    let redis = Redis::start_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    user(&redis, &format!("reset on >secret {RIGHTS}"));
    let mut lines = watching(redis_port);
    for pair in tls(sentinel_port).chunks(2) {
        lines += &format!("{} {}\n", pair[0].trim_start_matches("--"), pair[1]);
    }
    lines += &format!("tls-replication yes\nuser claimgate on >other {SENTINEL_RIGHTS}\n");
    let _sentinel = Redis::sentinel(&lines);
    let url = format!("rediss-sentinel://claimgate:secret@127.0.0.1:{sentinel_port}/{NAME}");
    let address = RedisAddress::parse(&url, Some(&authority.file()), None).unwrap();
    let password = RedisPassword::Text("other".into());
    let address = address.with_sentinels_user(Some("claimgate"), Some(&password)).unwrap();
    let cache = Redis::cache_at(address).await;
    contract(&patient(cache), || drop(redis.command(&["FLUSHALL"]))).await;
}

#[test]
fn the_page_about_the_cache_gives_the_rights_at_a_sentinel() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/authz-service/cache.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("user claimgate on >SECRET {SENTINEL_RIGHTS}")));
}

#[tokio::test]
async fn whoever_is_named_is_used_and_heard() {
    let (first, second) = (Redis::start(), Redis::start());
    let sentinel = Redis::sentinel(&watching(first.port()));
    let one = connected(address(&[sentinel.port()])).await;
    let other = connected(address(&[sentinel.port()])).await;
    is_written_to(&first, &one).await;
    are_told(&one, &other).await;
    let mut heard = other.subscribe();
    names(&sentinel, second.port());
    for cache in [&one, &other] {
        is_written_to(&second, cache).await;
    }
    are_told(&one, &other).await;
    // What was said in between is not known, and that is said.
    let resumed = std::iter::from_fn(|| heard.try_recv().ok());
    assert!(resumed.into_iter().any(|heard| heard == Heard::Resumed));
    assert_eq!(first.command(&["PUBSUB", "NUMSUB", "claimgate:authz:changes"]), "*2");
    assert_eq!(first.command(&["PUBSUB", "CHANNELS"]), "*0", "somebody still listens there");
}

#[tokio::test]
async fn sentinels_that_are_frozen_gone_or_know_nothing_do_not_stand_in_the_way() {
    let redis = Redis::start();
    let [frozen, knows_nothing, good] =
        [watching(redis.port()), String::new(), watching(redis.port())]
            .map(|lines| Redis::sentinel(&lines));
    frozen.freeze();
    let ports = [free_port(), frozen.port(), knows_nothing.port(), good.port()];
    let cache = connected(address(&ports)).await;
    is_written_to(&redis, &cache).await;
}

#[tokio::test]
async fn what_most_sentinels_say_counts() {
    let (right, wrong) = (Redis::start(), Redis::start());
    let sentinels = [&wrong, &right, &right].map(|redis| Redis::sentinel(&watching(redis.port())));
    let cache = client(address(&sentinels.each_ref().map(Redis::port)));
    assert!(cache.connected_within(SOON).await);
    let cache: AnyCache = Arc::new(cache);
    is_written_to(&right, &cache).await;
    // Whoever it was at first, since not all of them may have been there to ask.
    tokio::time::sleep(WHILE).await;
    wrong.command(&["FLUSHALL"]);
    is_written_to(&right, &cache).await;
    assert_eq!(wrong.command(&["DBSIZE"]), ":0");
}

#[tokio::test]
async fn without_sentinels_a_primary_goes_on_being_used_and_one_that_dies_is_one_that_is_down() {
    let redis = Redis::start();
    let sentinel = Redis::sentinel(&watching(redis.port()));
    let port = sentinel.port();
    let cache = connected(address(&[port])).await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    drop(sentinel);
    let end = Instant::now() + WHILE;
    while Instant::now() < end {
        recovers(&cache, &directory).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(redis);
    let end = Instant::now() + WHILE;
    while Instant::now() < end {
        answers_rightly(&directory).await;
        assert!(cache.check().await.is_err());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let another = Redis::start();
    let _sentinel = Redis::sentinel_on(port, &watching(another.port()));
    recovers(&cache, &directory).await;
    is_written_to(&another, &cache).await;
}

/// Takes connections, counts those that are no sentinel's, and says nothing.
fn no_redis() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, count) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for mut stream in listener.incoming().flatten() {
            // What sentinels say first is their name.
            let mut said = [0; 2];
            let _ = stream.read_exact(&mut said);
            counted.fetch_add(usize::from(said == *b"*1"), Ordering::SeqCst);
            kept.push(stream);
        }
    });
    (port, count)
}

#[tokio::test]
async fn sentinels_that_lie_cost_the_cache_and_nothing_else() {
    let redis = Redis::start();
    let (lie, asked) = no_redis();
    let sentinel = Redis::sentinel(&watching(lie));
    let cache: AnyCache = Arc::new(client(address(&[sentinel.port()])));
    let directory = directory(&cache).await;
    let end = Instant::now() + WHILE;
    while Instant::now() < end {
        let began = Instant::now();
        assert!(cache.check().await.is_err());
        assert!(began.elapsed() < CALL_LIMIT * 10, "{:?}", began.elapsed());
        answers_rightly(&directory).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    names(&sentinel, redis.port());
    recovers(&cache, &directory).await;
    is_written_to(&redis, &cache).await;
    // Who was tried in vain is left alone.
    let before = asked.load(Ordering::SeqCst);
    assert_ne!(before, 0);
    tokio::time::sleep(WHILE).await;
    assert_eq!(asked.load(Ordering::SeqCst), before);
    // One that is used is kept, whatever is named.
    names(&sentinel, lie);
    let end = Instant::now() + WHILE;
    while Instant::now() < end {
        recovers(&cache, &directory).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_replica_is_not_taken_for_the_primary_and_one_that_became_one_is_left() {
    let (redis, other) = (Redis::start(), Redis::start());
    let sentinel = Redis::sentinel(&watching(redis.port()));
    let cache = connected(address(&[sentinel.port()])).await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    // As when the sentinels have not noticed: they name it still.
    sentinel.freeze();
    redis.command(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    let (end, mut left) = (Instant::now() + SOON, 0);
    while left < 20 {
        answers_rightly(&directory).await;
        left = if cache.check().await.is_err() { left + 1 } else { 0 };
        assert!(Instant::now() < end, "a replica is still used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    sentinel.thaw();
    names(&sentinel, other.port());
    recovers(&cache, &directory).await;
    is_written_to(&other, &cache).await;
}

/// The service starts, is degraded, and has said `expected` and no secret.
fn starts_and_says(arguments: &[&str], password: &str, expected: &[&str]) -> Service {
    let mut command = command();
    command.args(["--entities", ENTITIES]).args(arguments);
    let service = Service::spawn(command.env("AUTHZ_SERVICE_REDIS_SENTINEL_PASSWORD", password));
    let degraded = || service.send("GET", "/health/ready", &[]).json()["status"] == "degraded";
    eventually(SOON, "it is degraded", degraded);
    let said = || expected.iter().all(|text| service.log().contains(text));
    eventually(SOON, "it says why", said);
    assert!(!service.log().contains(password), "{}", service.log());
    service
}

#[test]
fn what_sentinels_refuse_is_said_without_a_secret_and_mended_without_a_restart() {
    let redis = Redis::start();
    let sentinel = Redis::sentinel(&(watching(redis.port()) + "requirepass right-one\n"));
    let url = url(&[sentinel.port()]);
    let place = format!("sentinel=\"127.0.0.1:{}\"", sentinel.port());
    let expected = ["a sentinel names no primary", &place, "Authentication Error"];
    let service = starts_and_says(&["--redis", &url], "hunter2-wrong", &expected);
    assert!(!service.log().contains("right-one"));
    let unknown = url.replace(NAME, "somebody-else");
    let expected = ["a sentinel names no primary", "knows no primary of this name"];
    let other = starts_and_says(&["--redis", &unknown], "right-one", &expected);
    drop(other);
    // With the password that the service has: another sentinel in its place.
    let port = sentinel.port();
    drop(sentinel);
    let _sentinel =
        Redis::sentinel_on(port, &(watching(redis.port()) + "requirepass hunter2-wrong\n"));
    eventually(SOON, "it is used once it lets us in", || service.is_ready());
}
