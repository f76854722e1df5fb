//! A proof is taken once, whatever else happens.

use super::*;
use crate::authn::dpop::tests::{WINDOW, at};

/// A proof made at `issued` that the window bounds, without a nonce.
fn made(id: u64, issued: i64) -> FreshProof {
    FreshProof { id: bytes(id), usable_until: at(issued + 60), may_ask_nonce: true }
}

/// One with a nonce.
fn with_nonce(id: u64, until: i64) -> FreshProof {
    FreshProof { id: bytes(id), usable_until: at(until), may_ask_nonce: false }
}

fn bytes(id: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&id.to_be_bytes());
    bytes
}

fn cache(capacity: usize) -> ReplayCache {
    ReplayCache::new(capacity, WINDOW)
}

#[test]
fn a_proof_is_taken_once_for_as_long_as_it_is_good() {
    for issued in -60..=5 {
        let mut cache = cache(10);
        let first = i64::max(0, issued - 5);
        assert_eq!(cache.admit(made(1, issued), at(first)), Ok(()), "{issued}");
        for now in first..issued + 60 {
            let again = cache.admit(made(1, issued), at(now));
            assert_eq!(again, Err(DpopError::Replayed), "made {issued}, sent {now}");
        }
    }
}

#[test]
fn another_proof_with_the_same_name_is_a_replay_too() {
    let mut cache = cache(10);
    assert_eq!(cache.admit(made(1, 0), at(0)), Ok(()));
    assert_eq!(cache.admit(made(1, 20), at(20)), Err(DpopError::Replayed));
    assert_eq!(cache.admit(with_nonce(1, 40), at(20)), Err(DpopError::Replayed));
    assert_eq!(cache.admit(made(2, 20), at(20)), Ok(()));
}

#[test]
fn what_has_ended_makes_room() {
    let mut cache = cache(20);
    for round in 0..50 {
        let now = round * 80;
        for id in 0..10 {
            assert_eq!(cache.admit(made(id, now), at(now)), Ok(()), "{round} {id}");
        }
        assert!(cache.len() <= 20, "{}", cache.len());
        assert!(cache.generations.len() <= GENERATIONS + 1);
    }
    cache.forget(at(1_000_000));
    assert!(cache.is_empty());
}

#[test]
fn half_full_it_asks_for_a_nonce_and_full_it_takes_nothing() {
    let mut cache = cache(10);
    for id in 0..5 {
        assert_eq!(cache.admit(made(id, 0), at(0)), Ok(()));
    }
    assert_eq!(cache.admit(made(5, 0), at(0)), Err(DpopError::Nonce));
    for id in 5..10 {
        assert_eq!(cache.admit(with_nonce(id, 30), at(0)), Ok(()));
    }
    assert_eq!(cache.admit(with_nonce(10, 30), at(0)), Err(DpopError::Full));
    assert_eq!(cache.admit(made(10, 0), at(0)), Err(DpopError::Nonce));
    // Nothing was dropped for it: all ten are still replays.
    for id in 0..10 {
        assert_eq!(cache.admit(with_nonce(id, 30), at(0)), Err(DpopError::Replayed));
    }
    assert_eq!(cache.len(), 10);
    // Those with a nonce end first.
    assert_eq!(cache.admit(with_nonce(10, 90), at(50)), Ok(()));
    assert_eq!(cache.admit(made(0, 0), at(59)), Err(DpopError::Replayed));
}

#[test]
fn a_flood_never_makes_a_used_proof_good_again() {
    let mut cache = cache(100);
    assert_eq!(cache.admit(made(u64::MAX, 0), at(0)), Ok(()));
    for id in 0..10_000 {
        let now = i64::try_from(id / 200).unwrap();
        let _ = cache.admit(made(id, now), at(now));
        let _ = cache.admit(with_nonce(id, now + 30), at(now));
        assert!(cache.len() <= 100);
        assert_eq!(cache.admit(made(u64::MAX, 0), at(now)), Err(DpopError::Replayed), "{id}");
    }
}

#[test]
fn a_cache_without_room_takes_nothing() {
    assert_eq!(cache(0).admit(with_nonce(1, 30), at(0)), Err(DpopError::Full));
    assert_eq!(cache(0).admit(made(1, 0), at(0)), Err(DpopError::Nonce));
    assert_eq!(cache(10).admit(with_nonce(1, 1_000), at(0)), Err(DpopError::Full));
}

#[test]
fn a_clock_that_goes_back_brings_no_used_proof_back() {
    for back in [1, 30, 64, 200, 100_000] {
        let mut cache = cache(1_000);
        assert_eq!(cache.admit(made(1, 0), at(0)), Ok(()));
        // The clock is ahead for one request, then right again.
        assert_eq!(cache.admit(made(2, back), at(back)), Ok(()));
        for now in 0..60 {
            assert_eq!(cache.admit(made(1, 0), at(now)), Err(DpopError::Replayed), "{back} {now}");
        }
        // And is over it after the window.
        assert_eq!(cache.admit(made(3, 100), at(100)), Ok(()), "{back}");
    }
}
