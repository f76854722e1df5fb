//! What happens when time passes: what has ended is left out, and its row removed.

use std::cell::Cell;

use authz_service::store::{
    AdminStore, Change, EntityStore, EpochScope, IdempotencyKey, Precondition, SqlStore,
    StateAnswer, StateEntry, StateNews, WriteError,
};
use jiff::Timestamp;

use super::feed::{Reader, chunk, revoke, token};
use super::{actor, applied, apply, for_every_store, in_seconds, subject};

for_every_store![
    what_has_ended_is_left_out_and_purged,
    a_reader_from_before_the_oldest_removal_starts_anew,
    keys_are_forgotten_after_a_day,
];

thread_local! {
    /// Seconds that the clock of this test is ahead.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

/// Stores read the clock in the test's own task, so its thread's value is the one that counts.
fn clock() -> Timestamp {
    in_seconds(AHEAD.get())
}

const HOUR: i64 = 3_600;

/// Enough changes for everything that is due to be removed.
async fn let_time_pass(store: &SqlStore, seconds: i64) {
    AHEAD.set(AHEAD.get() + seconds);
    for _ in 0..32 {
        applied(store, &Change::RaiseEpoch(EpochScope::Global)).await;
    }
}

fn held(entries: &[StateEntry]) -> usize {
    entries.iter().filter(|entry| !matches!(entry.news, StateNews::Epoch { .. })).count()
}

async fn what_has_ended_is_left_out_and_purged(store: SqlStore) {
    let store = store.with_clock(clock);
    applied(&store, &revoke("soon")).await;
    let place = chunk(&store, None, 10).await.next;
    // It ends after 600 s; for a reader whose clock is behind, or that tolerates one, it has not.
    AHEAD.set(600 + 300);
    assert_eq!(held(&chunk(&store, None, 10).await.entries), 1);
    let_time_pass(&store, HOUR).await;
    assert_eq!(held(&chunk(&store, None, 10).await.entries), 0);
    assert_eq!(held(&chunk(&store, Some(place), 10).await.entries), 0);
    let_time_pass(&store, 2 * HOUR).await;
    // Its row is gone: it cannot be found to be taken back.
    let gone = apply(&store, &Change::Unrevoke(token("soon").key())).await;
    assert!(matches!(gone, Err(WriteError::NotFound)), "{gone:?}");
    // The reader was told the end, so its place stays good.
    assert_eq!(held(&chunk(&store, Some(place), 100).await.entries), 0);
}

async fn a_reader_from_before_the_oldest_removal_starts_anew(store: SqlStore) {
    let store = store.with_clock(clock);
    let long = |jti: &str| Change::Revoke {
        revocation: token(jti),
        expires_at: in_seconds(90 * 24 * HOUR),
    };
    applied(&store, &long("a")).await;
    applied(&store, &long("b")).await;
    let early = chunk(&store, None, 1).await.next;
    let before = chunk(&store, None, 10).await.next;
    applied(&store, &Change::Unrevoke(token("a").key())).await;
    let after = chunk(&store, Some(before), 10).await.next;
    let_time_pass(&store, 25 * HOUR).await;
    let version = store.version().await.unwrap();
    for place in [early, before] {
        let answer = store.state_since(Some(place), 10).await.unwrap();
        assert_eq!(answer, StateAnswer::StartAnew);
    }
    chunk(&store, Some(after), 100).await;
    // A snapshot that is begun now can be finished, chunk by chunk.
    let mut reader = Reader::default();
    while !reader.step(&store, 1).await {}
    assert_eq!(reader.revoked.into_values().collect::<Vec<_>>(), [token("b")]);
    assert_eq!(store.version().await.unwrap(), version);
}

async fn keys_are_forgotten_after_a_day(store: SqlStore) {
    let store = store.with_clock(clock);
    let key = IdempotencyKey::parse("k").unwrap();
    let ask = async |id: &str| {
        let put = Change::PutSubject(subject(id));
        store.apply(&put, Precondition::None, &actor(), Some(&key)).await
    };
    assert!(!ask("a").await.unwrap().replayed);
    AHEAD.set(23 * HOUR);
    assert!(ask("a").await.unwrap().replayed);
    AHEAD.set(25 * HOUR);
    // Not yet purged, and no longer in force.
    assert!(!ask("b").await.unwrap().replayed);
    assert!(ask("b").await.unwrap().replayed);
    let_time_pass(&store, 25 * HOUR).await;
    assert!(!ask("c").await.unwrap().replayed);
}
