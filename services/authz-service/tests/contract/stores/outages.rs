//! PostgreSQL that refuses, is down, is killed, freezes, or is behind a bad network. No answer is
//! ever wrong, none takes longer than its limit, no acknowledged change is lost, nothing needs a
//! restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use authz_service::store::{
    AdminStore, AuditFilter, CALL_LIMIT, Change, EntityStore, IdempotencyKey, InvalidDatabase,
    Precondition, SqlStore, WRITE_LIMIT, WriteError, open,
};

use super::proxy::Proxy;
use super::{actor, applied, apply, subject};
use crate::postgres::{self, PASSWORD, Postgres, url_of};
use crate::redis::free_port;

/// Machines that run tests are busy.
const MARGIN: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_wrong_password_or_database_is_refused_at_once_and_not_repeated() {
    let good = postgres::database().await;
    for (from, to) in [(PASSWORD, "hunter2"), ("/test_", "/hunter2_")] {
        let begun = Instant::now();
        let error = open(&good.replace(from, to)).await.err().unwrap();
        assert!(matches!(error, InvalidDatabase::Open(_)), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let text = format!("{error} {error:?}");
        assert!(!text.contains(PASSWORD) && (to != "hunter2" || !text.contains(to)), "{text}");
    }
}

#[tokio::test]
async fn replicas_that_start_together_migrate_and_seed_once() {
    let url = postgres::database().await;
    let start = async || {
        let store = open(&url).await.unwrap();
        let seeded = store.seed(&super::entities()).await.unwrap();
        (store, seeded)
    };
    let ((one, a), (other, b), (_, c)) = tokio::join!(start(), start(), start());
    assert_eq!([a, b, c].into_iter().filter(|seeded| *seeded).count(), 1);
    applied(&one, &Change::PutSubject(subject("bob"))).await;
    assert!(other.subject("user", "bob").await.unwrap().is_some());
    assert_eq!(one.store_id().await.unwrap(), other.store_id().await.unwrap());
}

#[tokio::test]
async fn the_audit_log_of_postgresql_cannot_be_altered() {
    use sqlx::{Connection, postgres::PgConnection};
    let url = postgres::database().await;
    let store = open(&url).await.unwrap();
    store.seed(&super::entities()).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for statement in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"] {
        let refused = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}

/// A client that froze in the middle of a change does not keep others from making theirs.
#[tokio::test]
async fn a_change_that_somebody_never_finishes_ends() {
    use sqlx::{Connection, postgres::PgConnection};
    let url = postgres::database().await;
    let store = open(&url).await.unwrap();
    let mut holder = PgConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("UPDATE meta SET version = version + 1").execute(&mut holder).await.unwrap();
    let begun = Instant::now();
    let refused = apply(&store, &Change::PutSubject(subject("a"))).await.unwrap_err();
    assert_transient(&refused);
    assert!(begun.elapsed() < WRITE_LIMIT + MARGIN, "{:?}", begun.elapsed());
    assert!(store.subject("user", "a").await.unwrap().is_none());
    drop(holder);
    eventually_applies(&store, "a").await;
}

fn assert_transient(error: &WriteError) {
    assert!(matches!(error, WriteError::Store(error) if error.transient), "{error:?}");
}

async fn eventually_applies(store: &SqlStore, id: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = apply(store, &Change::PutSubject(subject(id))).await {
        assert_transient(&error);
        assert!(Instant::now() < end, "it does not come back: {error:?}");
    }
}

async fn agree(store: &SqlStore) {
    let entries = store.audit(&AuditFilter::default(), None, 10_000).await.unwrap();
    assert_eq!(entries.len() as u64, store.version().await.unwrap().0);
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn a_start_waits_for_a_database_a_while_and_then_says_so() {
    let begun = Instant::now();
    let error = open(&url_of(free_port(), "x")).await.err().unwrap();
    let took = begun.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(15)).contains(&took), "{took:?}");
    let text = error.to_string();
    assert!(text.starts_with("--database: not reachable within 10 s: "), "{text}");
    assert!(!text.contains(PASSWORD));

    let server = Postgres::start(&[]);
    let url = server.database().await;
    server.freeze();
    let begun = Instant::now();
    assert!(matches!(open(&url).await.err().unwrap(), InvalidDatabase::Unreachable { .. }));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let thawing = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.thaw();
    };
    let (opened, ()) = tokio::join!(open(&url), thawing);
    opened.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_frozen_database_costs_the_limit_and_is_used_again() {
    let server = Postgres::start(&[]);
    let store = Arc::new(open(&server.database().await).await.unwrap());
    store.seed(&super::entities()).await.unwrap();
    server.freeze();
    for _ in 0..2 {
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let store = Arc::clone(&store);
            asked.spawn(async move {
                let begun = Instant::now();
                let error = store.subject("user", "alice").await.unwrap_err();
                (error.transient, begun.elapsed())
            });
        }
        for (transient, took) in asked.join_all().await {
            assert!(transient && took < CALL_LIMIT + MARGIN, "{took:?}");
        }
    }
    let begun = Instant::now();
    assert_transient(&apply(&store, &Change::PutSubject(subject("a"))).await.unwrap_err());
    assert!(begun.elapsed() < WRITE_LIMIT + MARGIN, "{:?}", begun.elapsed());
    assert!(store.check().await.unwrap_err().transient);
    server.thaw();
    eventually_applies(&store, "a").await;
    let end = Instant::now() + Duration::from_secs(5);
    while store.subject("user", "alice").await.is_err() {
        assert!(Instant::now() < end, "it is not read again");
    }
    agree(&store).await;
}

/// Writes under keys, asking again until each is acknowledged, until a while after `done`.
/// Answers how many.
async fn write_patiently(store: Arc<SqlStore>, writer: usize, done: Arc<AtomicBool>) -> u64 {
    let (mut written, mut after) = (0, 0);
    while after < 20 {
        after += u64::from(done.load(Ordering::SeqCst));
        let number = written;
        let id = format!("{writer}-{number}");
        let key = IdempotencyKey::parse(&id).unwrap();
        let put = Change::PutSubject(subject(&id));
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            match store.apply(&put, Precondition::Absent, &actor(), Some(&key)).await {
                Ok(_) => break,
                Err(error) => assert_transient(&error),
            }
            assert!(Instant::now() < end, "it does not come back");
        }
        written += 1;
    }
    written
}

/// Every look-up has the right answer or none, in time. Answers how many had none.
async fn read_until(store: Arc<SqlStore>, done: Arc<AtomicBool>) -> u64 {
    let mut unanswered = 0;
    while !done.load(Ordering::SeqCst) {
        let begun = Instant::now();
        match store.subject("user", "alice").await {
            Ok(found) => assert!(found.is_some()),
            Err(error) => {
                assert!(error.transient, "{error:?}");
                unanswered += 1;
            }
        }
        assert!(begun.elapsed() < CALL_LIMIT + MARGIN, "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    unanswered
}

/// Four writers and two readers while `harm` is done; everything acknowledged is there, once.
async fn under_load(store: SqlStore, harm: impl Future<Output = ()>) {
    store.seed(&super::entities()).await.unwrap();
    let store = Arc::new(store);
    let done = Arc::new(AtomicBool::new(false));
    let reader = |_| tokio::spawn(read_until(Arc::clone(&store), Arc::clone(&done)));
    let readers: Vec<_> = (0..2).map(reader).collect();
    let writer =
        |writer| tokio::spawn(write_patiently(Arc::clone(&store), writer, Arc::clone(&done)));
    let writers: Vec<_> = (0..4).map(writer).collect();
    harm.await;
    done.store(true, Ordering::SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    let mut unanswered = 0;
    for reader in readers {
        unanswered += reader.await.unwrap();
    }
    eprintln!("{written} written, {unanswered} look-ups unanswered");
    // One for the seed.
    assert_eq!(store.version().await.unwrap().0, written + 1);
    agree(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_database_that_is_killed_and_started_again_loses_nothing() {
    let mut server = Postgres::start(&[]);
    let store = open(&server.database().await).await.unwrap();
    under_load(store, async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            tokio::task::block_in_place(|| {
                server.kill();
                server.restart();
            });
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn connections_that_are_cut_again_and_again_lose_nothing() {
    let url = postgres::database().await;
    let port = url.split('@').nth(1).unwrap().split(['/', ':']).nth(1).unwrap().to_owned();
    let proxy = Proxy::to(port.parse().unwrap());
    let store = open(&url.replace(&port, &proxy.port().to_string())).await.unwrap();
    under_load(store, async {
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            proxy.cut();
        }
    })
    .await;
}
