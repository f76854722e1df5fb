//! A change that one replica makes, and what another knows of it and when: told, not told, told
//! late, in the middle of a look-up. Two directories share a store and a cache, as replicas do.

mod records;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use authz_service::cache::{CALL_LIMIT, InProcessCache, Invalidation, What};
use authz_service::directory::{Directory, Identity, POLL};
use authz_service::email::Email;
use authz_service::keys::RoleKey;
use authz_service::roles::RoleName;
use sqlx::{Connection, SqliteConnection};

use crate::caches::AnyCache;
use crate::redis::Redis;
use world::World;

const EMAIL: &str = "known@example.com";
/// Generous: machines that run tests are busy.
const SOON: Duration = Duration::from_secs(5);

fn identities() -> [Identity; 2] {
    [Identity::of_email(EMAIL, true), Identity::Subject { kind: "identity".into(), id: "1".into() }]
}

async fn roles(directory: &Directory, identity: &Identity) -> String {
    let mut found = directory.find(identity).await;
    // Machines that run tests are busy, and a disk can be slow.
    while matches!(&found, Err(error) if error.transient) {
        found = directory.find(identity).await;
    }
    let known = found.unwrap();
    let names: Vec<_> = known.roles.iter().map(RoleName::as_str).collect();
    names.join(",")
}

/// Both ways of finding the subject say `expected`, soon.
async fn come_to(directory: &Directory, expected: &str) {
    let end = Instant::now() + SOON;
    for identity in identities() {
        while roles(directory, &identity).await != expected {
            assert!(Instant::now() < end, "still {}", roles(directory, &identity).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Until the watch has asked the store for the first time.
async fn settled() {
    tokio::time::sleep(POLL * 2).await;
}

fn in_process() -> AnyCache {
    Arc::new(InProcessCache::default())
}

async fn redis() -> (AnyCache, AnyCache, Redis) {
    let redis = Redis::start();
    let mut clients = Vec::new();
    for _ in 0..2 {
        let cache = redis.cache_for(Duration::from_secs(300));
        assert!(cache.connected_within(Duration::from_secs(10)).await);
        clients.push(Arc::new(cache));
    }
    let second = clients.pop().unwrap();
    (clients.pop().unwrap(), second, redis)
}

pub(crate) async fn a_change_is_known_everywhere_once_told(one: AnyCache, other: AnyCache) {
    let world = World::new().await;
    let (one, other) = (world.replica(&one), world.replica(&other));
    settled().await;
    for (number, roles_now) in ["user", "auditor,user", ""].into_iter().enumerate() {
        for directory in [&one, &other] {
            for identity in identities() {
                roles(directory, &identity).await;
            }
        }
        let names: Vec<_> = roles_now.split(',').filter(|name| !name.is_empty()).collect();
        let change = world.change(&serde_json::to_string(&names).unwrap()).await;
        one.announce(&change).await;
        // Here at once, without waiting for the message to come back.
        for identity in identities() {
            assert_eq!(roles(&one, &identity).await, roles_now, "change {number}");
        }
        come_to(&other, roles_now).await;
    }
}

/// `falls` takes away the Redis that holds the roles; `entry` reads them where it is next, which
/// began with a copy.
pub(crate) async fn roles_taken_away_while_nobody_hears_do_not_come_back(
    one: AnyCache,
    other: AnyCache,
    falls: impl FnOnce(),
    entry: impl Fn() -> String,
    limit: Duration,
) {
    let world = World::new().await;
    let (writer, reader) = (world.replica(&one), world.replica(&other));
    settled().await;
    for directory in [&writer, &reader] {
        come_to(directory, "user,admin").await;
    }
    falls();
    let change = world.change(r#"["user"]"#).await;
    writer.announce(&change).await;
    let end = Instant::now() + limit;
    while entry() != r#"["user"]"# {
        for directory in [&writer, &reader] {
            come_to(directory, "user").await;
        }
        assert!(Instant::now() < end, "what was taken away is still there: {}", entry());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_change_is_known_at_once_in_process() {
    let cache = in_process();
    a_change_is_known_everywhere_once_told(Arc::clone(&cache), cache).await;
}

#[tokio::test]
async fn a_change_is_known_at_once_over_redis() {
    let (one, other, _redis) = redis().await;
    a_change_is_known_everywhere_once_told(one, other).await;
}

#[tokio::test]
async fn a_change_that_nobody_tells_is_found_by_asking_the_store() {
    let (one, other, redis) = redis().await;
    let world = World::new().await;
    let (one, other) = (world.replica(&one), world.replica(&other));
    settled().await;
    for directory in [&one, &other] {
        come_to(directory, "user,admin").await;
    }
    // Not even the entry in Redis is removed.
    world.change(r#"["user"]"#).await;
    assert_eq!(redis.command(&["EXISTS", "user:platform-roles:known@example.com"]), ":1");
    for directory in [&one, &other] {
        come_to(directory, "user").await;
    }
}

#[tokio::test]
async fn messages_that_are_late_doubled_or_out_of_order_never_bring_old_roles_back() {
    let cache = in_process();
    let world = World::new().await;
    let directory = world.replica(&cache);
    settled().await;
    come_to(&directory, "user,admin").await;
    let first = world.change(r#"["user"]"#).await;
    let second = world.change(r#"["auditor"]"#).await;
    for change in [&second, &first, &second, &first] {
        cache.publish(change).await.unwrap();
        come_to(&directory, "auditor").await;
    }
}

#[tokio::test]
async fn what_nobody_can_read_empties_everything_and_is_counted() {
    let (one, _, redis) = redis().await;
    let world = World::new().await;
    let directory = world.replica(&one);
    settled().await;
    for (number, message) in
        ["", "not a message", r#"{"v":9}"#, &"x".repeat(100_000)].into_iter().enumerate()
    {
        come_to(&directory, "user,admin").await;
        let asked = world.store.asked.load(Ordering::SeqCst);
        redis.command(&["PUBLISH", "claimgate:authz:changes", message]);
        let end = Instant::now() + SOON;
        while directory.unreadable() <= number as u64 {
            assert!(Instant::now() < end, "nothing is counted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        come_to(&directory, "user,admin").await;
        assert!(world.store.asked.load(Ordering::SeqCst) >= asked + 2);
    }
    redis.command(&["PUBLISH", "claimgate:other", "not a message"]);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(directory.unreadable(), 4);
}

#[tokio::test]
async fn a_look_up_that_began_before_a_change_is_not_kept_after_it() {
    let (one, other, _redis) = redis().await;
    let world = World::new().await;
    let reader = world.replica(&one);
    let writer = world.replica(&other);
    settled().await;
    for identity in identities() {
        let permit = world.store.answers.acquire().await.unwrap();
        let (asking, asked) = (reader.clone(), identity.clone());
        let before = world.store.asked.load(Ordering::SeqCst);
        let late = tokio::spawn(async move { roles(&asking, &asked).await });
        while world.store.asked.load(Ordering::SeqCst) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // The old roles are read and on their way; now they change.
        let change = world.change(r#"["user"]"#).await;
        writer.announce(&change).await;
        reader.announce(&change).await;
        drop(permit);
        assert_eq!(late.await.unwrap(), "user,admin");
        assert_eq!(roles(&reader, &identity).await, "user");
        assert_eq!(roles(&writer, &identity).await, "user");
        let shared = one.fetch(&RoleKey::of(&Email::parse(EMAIL).unwrap())).await.unwrap();
        assert_ne!(shared.map(|found| found.value), Some(br#"["user","admin"]"#.to_vec()));
        let change = world.change(r#"["user","admin"]"#).await;
        writer.announce(&change).await;
        come_to(&reader, "user,admin").await;
        let change = world.change(r#"["user","admin"]"#).await;
        writer.announce(&change).await;
        reader.announce(&change).await;
    }
}

#[tokio::test]
async fn who_asks_after_a_change_does_not_wait_for_a_look_up_from_before() {
    let world = World::new().await;
    let directory = world.replica(&in_process());
    settled().await;
    let identity = identities()[1].clone();
    let permit = world.store.answers.acquire().await.unwrap();
    let ask = || {
        let (directory, identity) = (directory.clone(), identity.clone());
        tokio::spawn(async move { roles(&directory, &identity).await })
    };
    let early = ask();
    while world.store.asked.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let change = world.change("[]").await;
    directory.announce(&change).await;
    let late = ask();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(permit);
    assert_eq!((early.await.unwrap().as_str(), late.await.unwrap().as_str()), ("user,admin", ""));
}

#[tokio::test]
async fn many_questions_at_once_are_one_look_up_that_outlives_the_first_who_asked() {
    let world = World::new().await;
    let directory = Directory::new(Arc::clone(&world.store) as _, in_process());
    for identity in identities() {
        let asked = world.store.asked.load(Ordering::SeqCst);
        let permit = world.store.answers.acquire().await.unwrap();
        let ask = || {
            let (directory, identity) = (directory.clone(), identity.clone());
            tokio::spawn(async move { roles(&directory, &identity).await })
        };
        let first = ask();
        while world.store.asked.load(Ordering::SeqCst) == asked {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let others: Vec<_> = (0..100).map(|_| ask()).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        first.abort();
        drop(permit);
        for other in others {
            assert_eq!(other.await.unwrap(), "user,admin");
        }
        assert_eq!(world.store.asked.load(Ordering::SeqCst), asked + 1);
    }
}

#[tokio::test]
async fn a_subject_that_is_added_is_known_at_once_after_it_is_told() {
    let world = World::new().await;
    let directory = world.replica(&in_process());
    settled().await;
    let identity = Identity::Subject { kind: "identity".into(), id: "2".into() };
    assert_eq!(roles(&directory, &identity).await, "unverified-user");
    let mut connection = SqliteConnection::connect(&world.url).await.unwrap();
    let insert = "INSERT INTO subjects (kind, id, email, properties, roles)
                  SELECT kind, '2', NULL, '{}', roles FROM subjects WHERE id = '1'";
    sqlx::query(insert).execute(&mut connection).await.unwrap();
    let version = world.version.0.fetch_add(1, Ordering::SeqCst) + 1;
    let what = What::Subject { kind: "identity".into(), id: "2".into(), emails: Vec::new() };
    directory.announce(&Invalidation { version, what }).await;
    assert_eq!(roles(&directory, &identity).await, "user,admin");
}

#[tokio::test]
async fn roles_taken_away_while_redis_is_frozen_do_not_come_back_with_it() {
    let (one, other, redis) = redis().await;
    let world = World::new().await;
    let (writer, reader) = (world.replica(&one), world.replica(&other));
    settled().await;
    come_to(&reader, "user,admin").await;
    redis.freeze();
    let change = world.change(r#"["user"]"#).await;
    let began = Instant::now();
    writer.announce(&change).await;
    assert!(began.elapsed() < CALL_LIMIT * 20, "{:?}", began.elapsed());
    for directory in [&writer, &reader] {
        come_to(directory, "user").await;
    }
    redis.thaw();
    let end = Instant::now() + Duration::from_secs(20);
    let entry = || redis.command(&["GET", "user:platform-roles:known@example.com"]);
    while Instant::now() < end && entry() != r#"["user"]"# {
        for directory in [&writer, &reader] {
            come_to(directory, "user").await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(entry(), r#"["user"]"#);
}
