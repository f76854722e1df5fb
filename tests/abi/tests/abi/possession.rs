//! Tokens that are bound to a key or a certificate: what the host is asked, and when.

use claimgate_abi::{HeaderMap, status};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::gateway::{Gateway, request};
use crate::policy::without_roles;
use crate::tokens::{Key, claims, encode};

const DIGEST: &str = "connection.sha256_peer_certificate_digest";

fn checking_proofs() -> Value {
    let mut policy = without_roles();
    policy["public_origin"] = json!("https://api.test");
    policy["dpop"] = json!({});
    policy
}

fn bound(gateway: &Gateway, cnf: Value) -> String {
    let mut claims = claims(gateway.now());
    claims["cnf"] = cnf;
    Key::one().sign(&claims)
}

fn bearer(token: &str) -> HeaderMap {
    request("/products").with("authorization", format!("Bearer {token}"))
}

#[test]
fn the_certificate_is_asked_for_only_by_tokens_that_are_bound_to_one() {
    let mut gateway = Gateway::warm(&without_roles());
    let plain = gateway.send(bearer(&gateway.token()));
    gateway.forwarded(plain);
    assert!(gateway.properties_read().is_empty());
    let certificate = Sha256::digest(b"a certificate");
    let token = bound(&gateway, json!({"x5t#S256": encode(certificate)}));
    let without = gateway.send(bearer(&token));
    gateway.refused(without, 401);
    assert_eq!(gateway.properties_read(), [DIGEST]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    gateway.set_property(DIGEST, hex(&Sha256::digest(b"another")));
    let other = gateway.send(bearer(&token));
    gateway.refused(other, 401);
    gateway.set_property(DIGEST, hex(&certificate));
    let shown = gateway.send(bearer(&token));
    assert!(!gateway.forwarded(shown).has("authorization"));
}

#[test]
fn a_host_that_does_not_know_its_certificates_lets_nobody_in() {
    let mut gateway = Gateway::warm(&without_roles());
    let token = bound(&gateway, json!({"x5t#S256": encode(Sha256::digest(b"a certificate"))}));
    for status in [status::NOT_FOUND, status::BAD_ARGUMENT, status::INTERNAL_FAILURE] {
        gateway.refuse("proxy_get_property", status);
        let stream = gateway.send(bearer(&token));
        gateway.refused(stream, 401);
    }
    gateway.relent();
    for odd in [&b""[..], b"\xff\xfe", b"none", &[b'0'; 63], &[b'g'; 64]] {
        gateway.set_property(DIGEST, odd);
        let stream = gateway.send(bearer(&token));
        gateway.refused(stream, 401);
    }
}

#[test]
fn a_proof_is_good_once() {
    let mut gateway = Gateway::warm(&checking_proofs());
    let client = Key::two();
    let public = client.public();
    let canonical = format!(r#"{{"e":{},"kty":"RSA","n":{}}}"#, public["e"], public["n"]);
    let token = bound(&gateway, json!({"jkt": encode(Sha256::digest(canonical))}));
    let header = json!({"alg": "RS256", "typ": "dpop+jwt",
        "jwk": {"kty": "RSA", "e": public["e"], "n": public["n"]}});
    let proof = client.sign_as(
        &header,
        &json!({
            "jti": "1", "htm": "GET", "htu": "https://api.test/products", "iat": gateway.now(),
            "ath": encode(Sha256::digest(&token)),
        }),
    );
    let with_proof =
        || request("/products").with("authorization", format!("DPoP {token}")).with("dpop", &proof);
    let first = gateway.send(with_proof());
    let headers = gateway.forwarded(first);
    assert!(!headers.has("authorization") && !headers.has("dpop"));
    let again = gateway.send(with_proof());
    let reply = gateway.refused(again, 401);
    let challenge = reply.headers.text("www-authenticate").unwrap();
    assert!(challenge.starts_with("DPoP error=\"invalid_dpop_proof\""), "{challenge}");
    let logged = gateway.logs().join("\n");
    assert!(!logged.contains(&token) && !logged.contains(&proof), "{logged}");
}
