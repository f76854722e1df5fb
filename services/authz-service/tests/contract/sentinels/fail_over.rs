//! Three sentinels, a primary and its replicas: what happens when the primary dies, freezes or is
//! put in its place.

use std::thread::sleep;

use super::*;
use crate::fanout::{
    a_change_is_known_everywhere_once_told, roles_taken_away_while_nobody_hears_do_not_come_back,
};

/// Sentinels believe in a failure after half a second, agree and choose; then a machine is busy.
const FAIL_OVER: Duration = Duration::from_secs(90);
const KEY: &str = "user:platform-roles:known@example.com";

struct Watched {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl Watched {
    /// The first server is the primary, the other its replica; all sentinels know that, and believe
    /// after `milliseconds` that one is down.
    fn start(milliseconds: u32) -> Self {
        let primary = Redis::start();
        let of = ["--replicaof", "127.0.0.1", &primary.port().to_string()];
        let usual = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
        let replica = Redis::start_with(&[&of[..], &usual].concat());
        // A sentinel asks for replicas at once, and then only each ten seconds.
        wait("the replica follows", || {
            replica.command(&["INFO", "replication"]).contains("master_link_status:up")
        });
        let lines = watching_with_others(primary.port(), 2, milliseconds);
        let sentinels: Vec<_> = (0..3).map(|_| Redis::sentinel(&lines)).collect();
        let watched = Self { servers: vec![primary, replica], sentinels };
        wait("the sentinels know each other", || watched.sentinels.iter().all(knows_all));
        watched
    }

    fn address(&self) -> RedisAddress {
        address(&self.sentinels.iter().map(Redis::port).collect::<Vec<_>>())
    }

    /// One that believes what it reads for long.
    async fn cache(&self) -> AnyCache {
        let cache = RedisCache::connect(self.address(), LONG).unwrap();
        assert!(cache.connected_within(SOON).await);
        Arc::new(cache)
    }
}

fn knows_all(sentinel: &Redis) -> bool {
    let said = sentinel.command(&["SENTINEL", "CKQUORUM", NAME]);
    let known = sentinel.command(&["INFO", "sentinel"]);
    said.starts_with("+OK 3 usable") && known.contains("slaves=1,sentinels=3")
}

fn wait(what: &str, condition: impl FnMut() -> bool) {
    eventually(FAIL_OVER, what, condition);
}

/// Sentinels throw everybody out of a server that has another role from now on.
fn role(redis: &Redis) -> String {
    redis.try_command(&["INFO", "replication"]).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_dies_is_replaced_and_what_was_missed_is_not_believed() {
    let mut watched = Watched::start(1_000);
    let (one, other) = (watched.cache().await, watched.cache().await);
    are_told(&one, &other).await;
    let (primary, replica) = (watched.servers.remove(0), watched.servers.remove(0));
    let falls = || {
        wait("the replica has the entry", || {
            replica.command(&["GET", KEY]) == r#"["user","admin"]"#
        });
        drop(primary);
    };
    let entry = || replica.command(&["GET", KEY]);
    let (writer, reader) = (Arc::clone(&one), Arc::clone(&other));
    roles_taken_away_while_nobody_hears_do_not_come_back(writer, reader, falls, entry, FAIL_OVER)
        .await;
    assert!(role(&replica).contains("role:master"));
    are_told(&one, &other).await;
    replica.command(&["FLUSHALL"]);
    a_change_is_known_everywhere_once_told(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_primary_that_freezes_is_not_written_to_when_it_thaws() {
    let watched = Watched::start(1_000);
    let cache = watched.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let [primary, replica] = &watched.servers[..] else { panic!("two servers") };
    primary.freeze();
    let end = Instant::now() + FAIL_OVER;
    while !role(replica).contains("role:master") {
        answers_rightly(&directory).await;
        assert!(Instant::now() < end, "nobody took over");
    }
    is_written_to(replica, &cache).await;
    primary.thaw();
    // For some seconds two say that they are the primary; then one is the other's replica.
    let (mut number, end) = (0, Instant::now() + FAIL_OVER);
    loop {
        number += 1;
        let email = format!("{number}@example.com");
        let _ = cache.put(&key(&email), b"[]".to_vec(), 0, LONG).await;
        let exists = primary.try_command(&["EXISTS", &format!("user:platform-roles:{email}")]);
        let role = role(primary);
        if role.contains("role:slave") {
            break;
        }
        let written = role.contains("role:master") && matches!(exists.as_deref(), Ok(":1"));
        assert!(!written, "the old primary is written to");
        assert!(Instant::now() < end, "it does not become a replica");
        sleep(Duration::from_millis(20));
    }
    recovers(&cache, &directory).await;
    assert!(role(replica).contains("role:master"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_primary_that_is_told_to_follow_another_is_left_for_it() {
    let watched = Watched::start(1_000);
    let cache = watched.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let [primary, replica] = &watched.servers[..] else { panic!("two servers") };
    assert_eq!(watched.sentinels[0].command(&["SENTINEL", "FAILOVER", NAME]), "+OK");
    let end = Instant::now() + FAIL_OVER;
    while !role(primary).contains("role:slave") {
        answers_rightly(&directory).await;
        assert!(Instant::now() < end, "it does not become a replica");
    }
    recovers(&cache, &directory).await;
    is_written_to(replica, &cache).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn without_sentinels_nobody_takes_over_until_they_are_back() {
    // A replica that has been alone for ten times as long is not chosen any more.
    let mut watched = Watched::start(3_000);
    let cache = watched.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let left: Vec<_> = watched.sentinels.drain(..).map(|one| (one.port(), one.stop())).collect();
    drop(watched.servers.remove(0));
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        answers_rightly(&directory).await;
        assert!(cache.check().await.is_err());
    }
    watched.sentinels = left
        .into_iter()
        .map(|(port, left)| Redis::start_on_with(port, &["--sentinel"], left))
        .collect();
    let end = Instant::now() + FAIL_OVER;
    while !role(&watched.servers[0]).contains("role:master") {
        answers_rightly(&directory).await;
        assert!(Instant::now() < end, "nobody took over");
    }
    recovers(&cache, &directory).await;
    is_written_to(&watched.servers[0], &cache).await;
}
