//! The feed of revocations and epochs, as a filter reads it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{actor, applied, apply, for_every_store, in_seconds, subject};
use authz_service::store::{
    AdminStore, Change, EpochScope, Precondition, Revocation, RevocationKey, SqlStore, StateAnswer,
    StateChunk, StateEntry, StateNews, StatePlace, Version, WriteError,
};

for_every_store![
    a_snapshot_comes_in_chunks_and_deltas_follow,
    what_changes_while_a_snapshot_is_read_is_not_missed,
    a_revocation_only_reaches_further,
    what_is_taken_back_is_told,
    epochs_rise,
    a_reader_from_the_future_starts_anew,
    revocations_are_listed,
    impossible_revocations_are_refused,
];

pub(super) fn token(jti: &str) -> Revocation {
    Revocation::Token { issuer: Some("https://idp".into()), jti: jti.into() }
}

pub(super) fn revoke(jti: &str) -> Change {
    Change::Revoke { revocation: token(jti), expires_at: in_seconds(600) }
}

pub(super) async fn chunk(store: &SqlStore, place: Option<StatePlace>, limit: u32) -> StateChunk {
    match store.state_since(place, limit).await.unwrap() {
        StateAnswer::Chunk(chunk) => chunk,
        StateAnswer::StartAnew => panic!("the place is good"),
    }
}

/// What a filter would hold, by what it is about.
#[derive(Default)]
pub(super) struct Reader {
    place: Option<StatePlace>,
    pub(super) revoked: BTreeMap<String, Revocation>,
    epochs: BTreeMap<String, Version>,
}

impl Reader {
    pub(super) async fn step(&mut self, store: &SqlStore, limit: u32) -> bool {
        let chunk = chunk(store, self.place, limit).await;
        for StateEntry { news, .. } in chunk.entries {
            match news {
                StateNews::Revoked { revocation, .. } => {
                    self.revoked.insert(revocation.key().text(), revocation);
                }
                StateNews::Unrevoked(key) => {
                    self.revoked.remove(&key.text());
                }
                StateNews::Epoch { scope, epoch } => {
                    self.epochs.insert(scope.text(), epoch);
                }
            }
        }
        self.place = Some(chunk.next);
        chunk.complete
    }

    async fn catch_up(&mut self, store: &SqlStore) {
        while !self.step(store, 3).await {}
    }
}

async fn a_snapshot_comes_in_chunks_and_deltas_follow(store: SqlStore) {
    for number in 0..10 {
        applied(&store, &revoke(&format!("t{number}"))).await;
    }
    applied(&store, &Change::PutSubject(subject("a"))).await;
    let first = chunk(&store, None, 4).await;
    assert_eq!((first.entries.len(), first.complete), (4, false));
    assert_eq!(first.store_id, store.store_id().await.unwrap());
    assert_eq!(first.store_id.len(), 32);
    let second = chunk(&store, Some(first.next), 4).await;
    let third = chunk(&store, Some(second.next), 4).await;
    assert_eq!((third.entries.len(), third.complete), (2, true));
    assert_eq!(third.next, StatePlace::at(Version(11)));
    assert!(chunk(&store, Some(third.next), 4).await.entries.is_empty());
    applied(&store, &revoke("new")).await;
    let delta = chunk(&store, Some(third.next), 4).await;
    let news = StateNews::Revoked { revocation: token("new"), expires_at: in_seconds(600) };
    assert_eq!(delta.entries.len(), 1);
    let StateNews::Revoked { expires_at: told, .. } = &delta.entries[0].news else { panic!() };
    assert!(told.duration_until(in_seconds(600)).as_secs() <= 1, "{news:?}");
    assert_eq!(delta.next, StatePlace::at(Version(12)));
}

async fn what_changes_while_a_snapshot_is_read_is_not_missed(store: SqlStore) {
    for number in 0..9 {
        applied(&store, &revoke(&format!("t{number}"))).await;
    }
    let mut reader = Reader::default();
    assert!(!reader.step(&store, 3).await);
    applied(&store, &Change::Unrevoke(token("t0").key())).await;
    applied(&store, &Change::Unrevoke(token("t5").key())).await;
    applied(&store, &revoke("late")).await;
    applied(&store, &revoke("t1")).await;
    reader.catch_up(&store).await;
    let held: Vec<_> = reader.revoked.values().cloned().collect();
    let expected = ["late", "t1", "t2", "t3", "t4", "t6", "t7", "t8"].map(token);
    assert_eq!(held, expected);
}

async fn a_revocation_only_reaches_further(store: SqlStore) {
    let everyone = |seconds, until| Change::Revoke {
        revocation: Revocation::Everyone { issued_before: in_seconds(seconds) },
        expires_at: in_seconds(until),
    };
    applied(&store, &everyone(-10, 600)).await;
    applied(&store, &everyone(-1_000, 60)).await;
    let entries = chunk(&store, None, 10).await.entries;
    assert_eq!(entries.len(), 1);
    let StateNews::Revoked { revocation, expires_at } = &entries[0].news else { panic!() };
    assert!(revocation.issued_before().unwrap() > in_seconds(-100));
    assert!(*expires_at > in_seconds(500));
    // Once taken back it can be anything again.
    applied(&store, &Change::Unrevoke(RevocationKey::Everyone)).await;
    applied(&store, &everyone(-1_000, 60)).await;
    let entries = chunk(&store, None, 10).await.entries;
    let StateNews::Revoked { revocation, .. } = &entries[0].news else { panic!() };
    assert!(revocation.issued_before().unwrap() < in_seconds(-900));
}

async fn what_is_taken_back_is_told(store: SqlStore) {
    let session = Revocation::Session { issuer: None, sid: "s".into() };
    applied(&store, &Change::Revoke { revocation: session.clone(), expires_at: in_seconds(60) })
        .await;
    let place = chunk(&store, None, 10).await.next;
    applied(&store, &Change::Unrevoke(session.key())).await;
    let again = apply(&store, &Change::Unrevoke(session.key())).await;
    assert!(matches!(again, Err(WriteError::NotFound)), "{again:?}");
    let delta = chunk(&store, Some(place), 10).await;
    assert_eq!(delta.entries[0].news, StateNews::Unrevoked(session.key()));
    assert!(chunk(&store, None, 10).await.entries.is_empty());
    let exists = |on| Change::Revoke { revocation: session.clone(), expires_at: in_seconds(on) };
    let absent = store.apply(&exists(60), Precondition::Absent, &actor(), None).await;
    absent.unwrap();
}

async fn epochs_rise(store: SqlStore) {
    let mut reader = Reader::default();
    let subject = EpochScope::Subject { issuer: "https://idp".into(), subject: "a".into() };
    for scope in [EpochScope::Global, EpochScope::Tenant("t".into()), subject.clone()] {
        applied(&store, &Change::RaiseEpoch(scope)).await;
    }
    reader.catch_up(&store).await;
    let before = reader.epochs[&subject.text()];
    applied(&store, &Change::RaiseEpoch(subject.clone())).await;
    reader.catch_up(&store).await;
    assert_eq!((reader.epochs.len(), reader.epochs[&subject.text()] > before), (3, true));
}

async fn a_reader_from_the_future_starts_anew(store: SqlStore) {
    applied(&store, &revoke("a")).await;
    let answer = store.state_since(Some(StatePlace::at(Version(2))), 10).await.unwrap();
    assert_eq!(answer, StateAnswer::StartAnew);
}

async fn revocations_are_listed(store: SqlStore) {
    for jti in ["a", "b", "c"] {
        applied(&store, &revoke(jti)).await;
    }
    applied(&store, &Change::RaiseEpoch(EpochScope::Global)).await;
    applied(&store, &Change::Unrevoke(token("b").key())).await;
    let first = store.revocations(None, 1).await.unwrap();
    let rest = store.revocations(Some(first[0].version), 10).await.unwrap();
    let all: Vec<_> = first.iter().chain(&rest).map(|entry| &entry.news).collect();
    assert_eq!(all.len(), 2);
    for (news, jti) in all.iter().zip(["a", "c"]) {
        assert!(matches!(news, StateNews::Revoked { revocation, .. } if *revocation == token(jti)));
    }
}

async fn impossible_revocations_are_refused(store: SqlStore) {
    let revoke =
        |revocation, seconds| Change::Revoke { revocation, expires_at: in_seconds(seconds) };
    let subject = Revocation::Subject {
        issuer: String::new(),
        subject: "a".into(),
        issued_before: in_seconds(0),
    };
    for change in [
        revoke(token(""), 60),
        revoke(token("a\0"), 60),
        revoke(token(&"a".repeat(513)), 60),
        revoke(token("a"), -1),
        revoke(subject, 60),
        Change::RaiseEpoch(EpochScope::Tenant(String::new())),
    ] {
        let refused = apply(&store, &change).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{change:?} {refused:?}");
    }
    // The longest that is allowed fits every index.
    let longest = "\"".repeat(512);
    let subject = Revocation::Subject {
        issuer: longest.clone(),
        subject: longest,
        issued_before: in_seconds(0),
    };
    applied(&store, &revoke(subject, 60)).await;
}

/// A hundred thousand are in force; reading and changing them costs no more than a few.
async fn with_very_many(store: SqlStore) {
    for number in 0..100_000 {
        applied(&store, &revoke(&format!("token-{number}"))).await;
    }
    let begun = Instant::now();
    let mut reader = Reader::default();
    while !reader.step(&store, 5_000).await {}
    assert_eq!(reader.revoked.len(), 100_000);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let begun = Instant::now();
    for number in 0..100 {
        applied(&store, &revoke(&format!("new-{number}"))).await;
        reader.step(&store, 5_000).await;
    }
    assert_eq!(reader.revoked.len(), 100_100);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn a_hundred_thousand_revocations_in_sqlite() {
    with_very_many(super::in_memory().await.store).await;
}

#[tokio::test]
#[ignore = "run by cargo xtask test-stores"]
async fn a_hundred_thousand_revocations_in_postgresql() {
    with_very_many(super::in_postgres().await.store).await;
}
