use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::json;

use super::*;

fn published() -> (Value, VerifyingKey) {
    let pem = include_str!("../../../../tests/testdata/keys/p256-1.pem");
    let key = VerifyingKey::from(SecretKey::from_pkcs8_pem(pem).unwrap().public_key());
    let mut jwk = serde_json::to_value(JsonWebKey::from(&key)).unwrap();
    jwk["kid"] = json!("whatever");
    (jwk, key)
}

fn set(keys: &[Value]) -> Option<KeySet> {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn a_key_goes_by_its_thumbprint_whatever_it_is_called() {
    let (jwk, key) = published();
    let keys = set(std::slice::from_ref(&jwk)).unwrap().0;
    let (kid, found) = keys.into_iter().next().unwrap();
    assert_eq!((kid.len(), found), (43, key));
}

#[test]
fn what_is_no_key_for_es256_is_passed_over() {
    let (good, key) = published();
    let with = |member: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[member] = value;
        jwk
    };
    let others = [
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        with("use", json!("enc")),
        with("alg", json!("ES384")),
        with("crv", json!("P-384")),
        with("x", json!("AAAA")),
        with("y", good["x"].clone()),
        json!("key"),
    ];
    assert!(set(&others).is_none());
    let keys = set(&[&others[..], &[good]].concat()).unwrap().0;
    assert_eq!(keys.into_values().collect::<Vec<_>>(), [key]);
    for text in ["", "[]", "{}", r#"{"keys":{}}"#] {
        assert!(KeySet::read(text.as_bytes()).is_none(), "{text}");
    }
}

#[test]
fn the_last_good_keys_are_believed_for_an_hour_and_not_a_second_longer() {
    let (jwk, key) = published();
    let keys = set(&[jwk]).unwrap();
    let kid = keys.0.keys().next().unwrap().clone();
    let (mut known, begin) = (Known::default(), Instant::now());
    assert_eq!(known.answer(&kid, begin), Answer::Ask);
    known.fetched(Some(keys), begin);
    for minute in 1..60 {
        let now = begin + Duration::from_secs(60 * minute);
        known.fetched(None, now);
        assert_eq!(known.answer(&kid, now), Answer::Key(key));
    }
    let end = begin + MAX_AGE;
    assert_eq!(known.answer(&kid, end - Duration::from_millis(1)), Answer::Key(key));
    assert_eq!(known.answer(&kid, end), Answer::Ask);
    known.fetched(None, end);
    assert_eq!(known.answer(&kid, end), Answer::Unavailable);
}

#[test]
fn an_unknown_key_is_asked_for_once_in_a_while() {
    let (mut known, begin) = (Known::default(), Instant::now());
    known.fetched(set(&[published().0]), begin);
    assert_eq!(known.answer("other", begin + COOL_DOWN / 2), Answer::Unknown);
    assert_eq!(known.answer("other", begin + COOL_DOWN), Answer::Ask);
    known.fetched(None, begin + COOL_DOWN);
    assert_eq!(known.answer("other", begin + COOL_DOWN), Answer::Unavailable);
}
