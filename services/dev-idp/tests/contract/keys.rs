//! The published keys: their form, their rotation, their end.

use axum::http::StatusCode;
use base64ct::{Base64, Encoding};
use dev_idp::SigningKey;
use rsa::{
    RsaPrivateKey,
    pkcs8::{EncodePrivateKey, LineEnding},
    rand_core::OsRng,
};
use serde_json::{Value, json};
use x509_cert::der::{Decode, referenced::OwnedToRef};

use crate::provider::{KEY, Provider, kid, verified};

#[tokio::test]
async fn the_key_set_has_keycloaks_form_with_the_encryption_key_first() {
    let provider = Provider::new();
    let answer = provider.get("/protocol/openid-connect/certs").await;
    assert_eq!(answer.headers["cache-control"], "no-cache");
    let keys = provider.keys().await;
    let summary: Vec<_> = keys.iter().map(|key| [&key["kty"], &key["alg"], &key["use"]]).collect();
    assert_eq!(summary, [["RSA", "RSA-OAEP", "enc"], ["RSA", "RS256", "sig"]]);
    for key in &keys {
        let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected = ["alg", "e", "kid", "kty", "n", "use", "x5c", "x5t", "x5t#S256"];
        assert_eq!(members, expected);
        assert_eq!(key["e"], "AQAB");
        assert_eq!(key["n"].as_str().unwrap().len(), 342, "2048 bits");
        assert_eq!(key["kid"].as_str().unwrap().len(), 43, "a SHA-256 thumbprint");
    }
    assert_ne!(keys[0]["kid"], keys[1]["kid"]);
}

#[tokio::test]
async fn a_keys_certificate_is_for_that_key() {
    for key in Provider::new().keys().await {
        let der = Base64::decode_vec(key["x5c"][0].as_str().unwrap()).unwrap();
        let certificate = x509_cert::Certificate::from_der(&der).unwrap();
        let info = &certificate.tbs_certificate.subject_public_key_info;
        let public = rsa::RsaPublicKey::try_from(info.owned_to_ref()).unwrap();
        let n = rsa::traits::PublicKeyParts::n(&public).to_bytes_be();
        let n = base64ct::Base64UrlUnpadded::encode_string(&n);
        assert_eq!(key["n"], n.as_str());
    }
}

#[test]
fn the_kid_of_a_key_file_is_its_thumbprint_and_never_changes() {
    // The example of RFC 7638 cannot be used: it has no private part. This one was computed with
    // another tool: SHA-256 over {"e":"AQAB","kty":"RSA","n":"…"} of tests/testdata/keys/rsa-1.
    let expected = "gXcWDP3CWh0sHPUnf9yly2702a12XHnM1cJhKaszhJI";
    assert_eq!(SigningKey::from_pem(KEY).unwrap().kid(), expected);
}

#[test]
fn what_is_not_a_key_for_rs256_is_refused() {
    assert!(SigningKey::from_pem("no key").is_err());
    let short = RsaPrivateKey::new(&mut OsRng, 1024).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap();
    let error = SigningKey::from_pem(&short).err().unwrap().to_string();
    assert!(error.contains("1024 bits"), "{error}");
}

#[tokio::test]
async fn a_rotated_key_signs_and_the_old_one_stays_published() {
    let provider = Provider::new();
    let old_token = provider.token().await;
    let answer = provider.admin("POST", "/keys/rotate").await;
    assert_eq!(answer.status, StatusCode::OK);
    let new_kid = answer.body["kid"].as_str().unwrap();

    let new_token = provider.token().await;
    assert_eq!(kid(&new_token), new_kid);
    assert_ne!(kid(&old_token), new_kid);
    let keys = provider.keys().await;
    let kids: Vec<&Value> = keys.iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids[1..], [&json!(new_kid), &json!(kid(&old_token))]);
    assert_eq!(keys[0]["use"], "enc");
    assert!(verified(&old_token, &keys).is_some() && verified(&new_token, &keys).is_some());
}

#[tokio::test]
async fn a_replaced_key_can_be_retired_the_one_that_signs_cannot() {
    let provider = Provider::new();
    let old_token = provider.token().await;
    let old = format!("/keys/{}", kid(&old_token));
    assert_eq!(provider.admin("DELETE", &old).await.status, StatusCode::CONFLICT);

    provider.admin("POST", "/keys/rotate").await;
    let current = format!("/keys/{}", kid(&provider.token().await));
    assert_eq!(provider.admin("DELETE", &current).await.status, StatusCode::CONFLICT);
    assert_eq!(provider.admin("DELETE", &old).await.status, StatusCode::NO_CONTENT);
    assert_eq!(provider.admin("DELETE", &old).await.status, StatusCode::NOT_FOUND);

    let keys = provider.keys().await;
    assert_eq!(keys.len(), 2);
    assert!(verified(&old_token, &keys).is_none());
    assert!(verified(&provider.token().await, &keys).is_some());
    let encryption = format!("/keys/{}", keys[0]["kid"].as_str().unwrap());
    assert_eq!(provider.admin("DELETE", &encryption).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_ring_is_bounded_and_has_room_again_after_a_retirement() {
    let provider = Provider::new();
    let first = kid(&provider.token().await);
    for _ in 1..8 {
        assert_eq!(provider.admin("POST", "/keys/rotate").await.status, StatusCode::OK);
    }
    let current = kid(&provider.token().await);
    assert_eq!(provider.admin("POST", "/keys/rotate").await.status, StatusCode::CONFLICT);
    assert_eq!(kid(&provider.token().await), current);
    provider.admin("DELETE", &format!("/keys/{first}")).await;
    assert_eq!(provider.admin("POST", "/keys/rotate").await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_are_counted_whatever_the_answer() {
    let provider = Provider::new();
    let stats = async || provider.admin("GET", "/stats").await.body;
    assert_eq!(stats().await, json!({"jwks_requests": 0, "token_requests": 0}));
    provider.keys().await;
    provider.keys().await;
    provider.grant("grant_type=nonsense").await;
    provider.token().await;
    provider.token().await;
    assert_eq!(stats().await, json!({"jwks_requests": 2, "token_requests": 3}));
}
