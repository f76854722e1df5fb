//! A secret shared with the issuer: what it verifies, and what it must never be mistaken for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::{Algorithm, AuthnError};
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};

use crate::signers::Signer;
use crate::support::*;

const SECRET: &str = "a secret for tests that is sixty-four bytes long, or a bit longer";

fn sign(header: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(&claims(json!({}))));
    macro_rules! tag {
        ($hash:ty) => {
            Hmac::<$hash>::new_from_slice(secret)
                .unwrap()
                .chain_update(&input)
                .finalize()
                .into_bytes()
                .to_vec()
        };
    }
    let tag = match header["alg"].as_str() {
        Some("HS384") => tag!(Sha384),
        Some("HS512") => tag!(Sha512),
        _ => tag!(Sha256),
    };
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// What comes of a token where the provider shares this secret.
fn outcome(secret: &str, token: &str) -> Result<(), AuthnError> {
    let mut config = config(json!([route("required", allow_all(), json!({}))]));
    config["identity_headers"] = json!({});
    let provider = config["providers"][0].as_object_mut().unwrap();
    provider.remove("jwks");
    provider.insert("secret_env".into(), "SECRET".into());
    let mut world =
        World::in_environment(&config, &|name| (name == "SECRET").then(|| secret.to_owned()));
    match world.with_token(token).1 {
        Step::Forward(..) => Ok(()),
        Step::Reply(Rejection::Credentials { error, .. }, _) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secret_verifies_what_was_signed_with_it_at_once() {
    for alg in ["HS256", "HS384", "HS512"] {
        for header in [json!({"alg": alg}), json!({"alg": alg, "kid": "any"})] {
            assert_eq!(outcome(SECRET, &sign(&header, SECRET.as_bytes())), Ok(()), "{header}");
            let forged = sign(&header, b"another secret");
            assert_eq!(outcome(SECRET, &forged), Err(AuthnError::Signature), "{header}");
        }
    }
}

#[test]
fn a_secret_is_good_for_the_algorithms_it_is_long_enough_for() {
    let short = "s".repeat(48);
    for (alg, expected) in
        [("HS256", Ok(())), ("HS384", Ok(())), ("HS512", Err(AuthnError::Algorithm))]
    {
        assert_eq!(outcome(&short, &sign(&json!({"alg": alg}), short.as_bytes())), expected);
    }
}

#[test]
fn a_provider_with_a_secret_takes_no_other_algorithm() {
    for signer in Signer::all() {
        let refused = outcome(SECRET, &signer.token(&claims(json!({}))));
        assert_eq!(refused, Err(AuthnError::Algorithm), "{:?}", signer.algorithm());
    }
}

#[test]
fn a_published_key_is_never_a_secret() {
    let signer = Signer::of(Algorithm::Rs256);
    let (jwk, pem) = (signer.jwk(), include_str!("../testdata/keys/rsa-1.pem"));
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let config = config(json!([route("required", allow_all(), json!({}))]));
    let oct = json!({"kty": "oct", "kid": "RS256", "k": URL_SAFE_NO_PAD.encode(SECRET)});
    let document = json!({"keys": [oct, jwk]}).to_string();
    let mut world = World::with_document(&config, &document);
    for secret in [pem.as_bytes(), modulus.as_slice(), SECRET.as_bytes()] {
        for alg in ["HS256", "HS384", "HS512"] {
            let token = sign(&json!({"alg": alg, "kid": "RS256"}), secret);
            let (_, step) = world.with_token(&token);
            let expected = Rejection::credentials(AuthnError::Algorithm);
            assert_eq!(refused(&step), (401, expected), "{alg}");
        }
    }
}
