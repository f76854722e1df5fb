use std::time::Duration;

use super::*;
use crate::authn::Algorithm;

const REFRESH: Duration = Duration::from_secs(300);
const STALE: Duration = Duration::from_secs(3600);

/// A set with one key; `n` makes it another key.
fn document(kid: &str, n: u8) -> Vec<u8> {
    use base64::Engine as _;
    let mut modulus = [0xff; 256];
    modulus[255] = n | 1;
    let modulus = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(modulus);
    format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"{modulus}","e":"AQAB"}}]}}"#).into_bytes()
}

fn source() -> JwksSource {
    JwksSource::new(REFRESH, STALE, Duration::from_secs(2))
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn fetched(now: u64) -> JwksSource {
    let mut source = source();
    source.want(at(now));
    source.started(at(now));
    source.succeeded(&document("a", 1), None, at(now)).unwrap();
    source
}

#[test]
fn nothing_is_fetched_before_somebody_needs_it() {
    let mut source = source();
    assert!(!source.is_due(at(1_000_000)));
    assert_eq!(source.want(at(1)), KeyState::Wait { joined: false });
    assert!(source.is_due(at(1)));
}

#[test]
fn all_who_need_keys_wait_for_one_fetch() {
    let mut source = source();
    source.want(at(1));
    source.started(at(1));
    assert_eq!(source.want(at(1)), KeyState::Wait { joined: true });
    assert!(!source.is_due(at(1)));
}

#[test]
fn keys_are_refreshed_in_the_background_and_stay_meanwhile() {
    let mut source = fetched(0);
    assert!(!source.is_due(at(299)));
    assert!(source.is_due(at(300)));
    source.started(at(300));
    assert!(source.keys(at(301)).is_some());
    source.failed(at(302));
    assert!(source.keys(at(302)).is_some());
    assert!(!source.is_due(at(302)), "pauses after a failure");
    assert!(source.is_due(at(303)));
}

#[test]
fn max_age_counts_within_bounds() {
    for (max_age, due) in [(0, 30), (29, 30), (60, 60), (10_000_000, 86_400)] {
        let mut source = source();
        let age = Some(Duration::from_secs(max_age));
        source.succeeded(&document("a", 1), age, at(0)).unwrap();
        assert!(!source.is_due(at(due - 1)), "{max_age}");
        assert!(source.is_due(at(due)), "{max_age}");
    }
}

#[test]
fn pauses_double_and_are_short_while_there_are_no_keys() {
    let table: [(JwksSource, &[u64]); 2] =
        [(source(), &[1, 2, 4, 4, 4]), (fetched(0), &[1, 2, 4, 8, 16, 32, 60, 60])];
    for (mut source, pauses) in table {
        let mut now = 300;
        for pause in pauses {
            source.started(at(now));
            source.failed(at(now));
            assert_eq!(source.want(at(now)), KeyState::Unavailable);
            now += pause;
            assert_eq!(source.want(at(now)), KeyState::Wait { joined: false }, "after {pause}s");
        }
    }
}

#[test]
fn good_keys_end_with_max_stale() {
    let source = fetched(0);
    assert!(source.keys(at(300 + 3599)).is_some());
    assert!(source.keys(at(300 + 3600)).is_none());
}

#[test]
fn a_bad_document_never_replaces_good_keys() {
    let documents: [&[u8]; 5] =
        [b"", b"<html>", b"{}", br#"{"keys":[]}"#, br#"{"keys":[{"kty":"EC"}]}"#];
    for document in documents {
        let mut source = fetched(0);
        source.started(at(300));
        assert!(source.succeeded(document, None, at(301)).is_err());
        assert_eq!(source.keys(at(301)).map(KeySet::len), Some(1));
        assert!(!source.is_due(at(301)), "counts as a failure");
    }
}

#[test]
fn an_unknown_key_causes_one_fetch_and_is_remembered() {
    let mut source = fetched(0);
    assert_eq!(source.want_key(Some("b"), at(1)), KeyState::Wait { joined: false });
    source.started(at(1));
    assert_eq!(source.want_key(Some("b"), at(1)), KeyState::Wait { joined: true });
    source.succeeded(&document("a", 1), None, at(2)).unwrap();
    source.remember_unknown(Some("b"), at(2));
    assert_eq!(source.want_key(Some("b"), at(31)), KeyState::Unknown);
    assert!(!source.is_due(at(31)));
    assert_eq!(source.want_key(Some("b"), at(32)), KeyState::Wait { joined: false });
}

#[test]
fn a_flood_of_unknown_keys_costs_a_bounded_number_of_fetches() {
    let mut source = fetched(0);
    let mut fetches = 0;
    for n in 0..1_000 {
        let now = at(1);
        if source.want_key(Some(&format!("k{n}")), now) == (KeyState::Wait { joined: false }) {
            fetches += 1;
            source.started(now);
            source.succeeded(&document("a", 1), None, now).unwrap();
        }
    }
    assert_eq!(fetches, MISS_BURST);
    assert_eq!(source.want_key(Some("later"), at(6)), KeyState::Wait { joined: false });
}

#[test]
fn a_token_without_kid_causes_no_fetch() {
    assert_eq!(fetched(0).want_key(None, at(1)), KeyState::Unknown);
}

#[test]
fn a_call_that_is_never_answered_is_given_up() {
    let mut source = source();
    source.want(at(0));
    source.started(at(0));
    assert!(!source.is_lost(at(2)));
    assert!(source.is_lost(at(3)));
}

#[test]
fn a_key_that_left_and_returned_is_another_key() {
    let mut source = fetched(0);
    let first =
        source.keys(at(0)).unwrap().candidates(Some("a"), Algorithm::Rs256).next().unwrap().id();
    source.succeeded(&document("a", 1), None, at(1)).unwrap();
    assert!(source.keys(at(1)).unwrap().contains(first), "the same document keeps ids");
    source.succeeded(&document("b", 3), None, at(2)).unwrap();
    assert!(!source.keys(at(2)).unwrap().contains(first));
    source.succeeded(&document("a", 1), None, at(3)).unwrap();
    assert!(!source.keys(at(3)).unwrap().contains(first));
}
