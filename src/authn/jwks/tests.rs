use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;

fn modulus(bytes: usize) -> String {
    URL_SAFE_NO_PAD.encode(vec![0xff; bytes])
}

fn keys(entries: &Value) -> Result<KeySet, InvalidJwks> {
    KeySet::default().succeed(json!({"keys": entries}).to_string().as_bytes())
}

fn kids(set: &KeySet) -> Vec<Option<&str>> {
    set.keys.iter().map(|key| key.kid.as_deref()).collect()
}

#[test]
fn an_encryption_key_beside_the_signing_key_is_left_out() {
    let n = modulus(256);
    let set = keys(&json!([
        {"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc", "n": n, "e": "AQAB"},
        {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "sig", "n": n, "e": "AQAB", "x5c": ["…"]},
    ]));
    assert_eq!(kids(&set.unwrap()), [Some("sig")]);
}

#[test]
fn every_member_has_to_agree() {
    let n = modulus(256);
    let good = json!({"kty": "RSA", "kid": "k", "n": n, "e": "AQAB"});
    assert!(keys(&json!([good])).is_ok());
    let table = [
        ("kty", json!("EC")),
        ("kty", json!(1)),
        ("use", json!("enc")),
        ("use", json!(null)),
        ("alg", json!("ES256")),
        ("alg", json!("HS256")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("kid", json!(7)),
        ("n", json!(modulus(255))),
        ("n", json!(modulus(1025))),
        ("n", json!("not base64url!")),
        ("n", json!(format!("{n}="))),
        ("e", json!("")),
        ("e", json!("AA")),
        ("e", json!("Ag")),
    ];
    for (member, value) in table {
        let mut bad = good.clone();
        bad[member] = value.clone();
        assert_eq!(keys(&json!([bad])).unwrap_err(), InvalidJwks::NoUsableKey, "{member}={value}");
        assert!(keys(&json!([bad, good])).is_ok(), "the rest of the set stays good");
    }
}

#[test]
fn documents_that_are_no_key_set_are_refused() {
    let table: [(&[u8], InvalidJwks); 5] = [
        (b"", InvalidJwks::NotAKeySet),
        (b"<html></html>", InvalidJwks::NotAKeySet),
        (b"[]", InvalidJwks::NotAKeySet),
        (br#"{"keys":{}}"#, InvalidJwks::NotAKeySet),
        (br#"{"keys":[1,null,"x"]}"#, InvalidJwks::NoUsableKey),
    ];
    for (document, error) in table {
        assert_eq!(KeySet::default().succeed(document).unwrap_err(), error);
    }
}

#[test]
fn sizes_are_bounded() {
    let many: Vec<_> = (0..65).map(|n| json!({"kid": n})).collect();
    assert_eq!(keys(&json!(many)).unwrap_err(), InvalidJwks::TooManyKeys);
    let large = vec![b' '; MAX_DOCUMENT + 1];
    assert_eq!(KeySet::default().succeed(&large).unwrap_err(), InvalidJwks::TooLarge);
}
