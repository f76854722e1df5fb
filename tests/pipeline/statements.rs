//! Signed statements that are no access tokens: verified like one, and never taken for one.

use std::time::Duration;

use claimgate::authn::{AuthnError, Expected, KeySet, PortableVerifier, verify_statement};
use claimgate::time::Timestamp;
use claimgate_corpus::sign::{self, Signer};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://idp.example";

fn header(typ: Value) -> Value {
    json!({"alg": "RS256", "kid": sign::kid("RS256"), "typ": typ})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": ["gateway", "other"], "iat": NOW - 5, "jti": "1", "sub": "s"})
}

fn verify(token: &str, types: &[&str]) -> Result<u64, AuthnError> {
    let keys = KeySet::default().succeed(sign::jwks().to_string().as_bytes()).unwrap();
    let expected = Expected {
        types,
        issuer: ISSUER,
        audiences: &["gateway".to_owned()],
        clock_skew: Duration::from_secs(60),
    };
    verify_statement(token, &expected, &keys, &PortableVerifier, Timestamp::from_secs(NOW))
        .map(|statement| statement.issued_at.as_millis() / 1_000)
}

fn outcome(header: &Value, claims: &Value) -> Result<u64, AuthnError> {
    verify(&Signer::new().token("RS256", header, claims), &["logout+jwt", ""])
}

#[test]
fn every_published_algorithm_verifies() {
    let signer = Signer::new();
    for algorithm in ["RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let header = json!({"alg": algorithm, "kid": sign::kid(algorithm), "typ": "logout+jwt"});
        let token = signer.token(algorithm, &header, &claims());
        assert_eq!(verify(&token, &["logout+jwt"]), Ok(NOW - 5), "{algorithm}");
    }
}

#[test]
fn its_type_is_one_of_those_expected() {
    for typ in [json!("logout+jwt"), json!("application/LOGOUT+JWT")] {
        assert!(outcome(&header(typ), &claims()).is_ok());
    }
    assert!(outcome(&json!({"alg": "RS256", "kid": "rsa"}), &claims()).is_ok());
    for typ in [json!("jwt"), json!("at+jwt"), json!("secevent+jwt")] {
        assert_eq!(outcome(&header(typ), &claims()), Err(AuthnError::TokenType));
    }
}

#[test]
fn what_its_claims_must_say() {
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        outcome(&header(json!("logout+jwt")), &claims)
    };
    for (name, value, error) in [
        ("iss", json!("https://other.example"), AuthnError::Issuer),
        ("iss", json!(null), AuthnError::Issuer),
        ("aud", json!("other"), AuthnError::Audience),
        ("aud", json!([]), AuthnError::Audience),
        ("iat", json!(null), AuthnError::Claim),
        ("iat", json!("1"), AuthnError::Claim),
        ("iat", json!(NOW + 61), AuthnError::NotYetValid),
        ("nbf", json!(NOW + 61), AuthnError::NotYetValid),
        ("exp", json!(NOW - 60), AuthnError::Expired),
        ("jti", json!(1), AuthnError::Claim),
        ("sub", json!(["s"]), AuthnError::Claim),
    ] {
        assert_eq!(with(name, value.clone()), Err(error), "{name}: {value}");
    }
    for (name, value) in
        [("aud", json!("gateway")), ("exp", json!(NOW - 59)), ("iat", json!(NOW + 60))]
    {
        assert!(with(name, value.clone()).is_ok(), "{name}: {value}");
    }
}

#[test]
fn a_signature_of_nobody_and_a_secret_s_are_refused() {
    let header = header(json!("logout+jwt"));
    let good = Signer::new().token("RS256", &header, &claims());
    let (input, _) = good.rsplit_once('.').unwrap();
    let foreign = claimgate_corpus::encode(Signer::new().sign_foreign(input.as_bytes()));
    assert_eq!(verify(&format!("{input}.{foreign}"), &["logout+jwt"]), Err(AuthnError::Signature));
    let unknown = json!({"alg": "RS256", "kid": "nobody", "typ": "logout+jwt"});
    assert_eq!(outcome(&unknown, &claims()), Err(AuthnError::UnknownKey));
    for alg in ["none", "HS256"] {
        let header = json!({"alg": alg, "kid": "rsa", "typ": "logout+jwt"});
        assert_eq!(outcome(&header, &claims()), Err(AuthnError::Algorithm), "{alg}");
    }
    let critical = json!({"alg": "RS256", "kid": "rsa", "typ": "logout+jwt", "crit": ["x"]});
    assert_eq!(outcome(&critical, &claims()), Err(AuthnError::Critical));
    for text in ["", "..", "a.b.c", &good[..good.len() - 4], &"x".repeat(40_000)] {
        assert!(verify(text, &["logout+jwt"]).is_err());
    }
}
