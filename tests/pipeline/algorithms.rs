//! Every algorithm, end to end: a key of each kind, a token signed with it, and the rule that the
//! key decides the algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimgate::authn::{Algorithm, AuthnError};
use claimgate::pipeline::Step;
use claimgate::reply::Rejection;
use serde_json::{Value, json};

use crate::signers::Signer;
use crate::support::*;

fn routes() -> Value {
    json!([route("required", allow_all(), json!({}))])
}

/// What comes of a token when these keys are published.
fn outcome(keys: &[Value], token: &str, provider: Value) -> Result<(), AuthnError> {
    let mut config = config(routes());
    config["identity_headers"] = json!({});
    config["providers"][0].as_object_mut().unwrap().extend(provider.as_object().unwrap().clone());
    let mut world = World::with_document(&config, &json!({"keys": keys}).to_string());
    match world.with_token(token).1 {
        Step::Forward(..) => Ok(()),
        Step::Reply(Rejection::Credentials { error, .. }, _) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_of_every_algorithm_is_accepted_with_its_key_and_no_other() {
    for signer in Signer::all() {
        let token = signer.token(&claims(json!({})));
        assert_eq!(outcome(&[signer.jwk()], &token, json!({})), Ok(()), "{:?}", signer.algorithm());
        let stranger = signer.stranger();
        let forged = stranger.token(&claims(json!({})));
        let refused = outcome(&[signer.jwk()], &forged, json!({}));
        assert_eq!(refused, Err(AuthnError::Signature), "{:?}", signer.algorithm());
    }
}

#[test]
fn all_kinds_of_keys_live_in_one_set() {
    let keys: Vec<_> = Signer::all().map(|signer| signer.jwk()).collect();
    for signer in Signer::all() {
        let token = signer.token(&claims(json!({})));
        assert_eq!(outcome(&keys, &token, json!({})), Ok(()));
    }
}

#[test]
fn a_token_without_key_id_is_tried_with_the_keys_of_its_algorithm() {
    let keys: Vec<_> = Signer::all().map(|signer| signer.jwk()).collect();
    for signer in Signer::all() {
        let header = json!({"alg": signer.algorithm().name()});
        let token = signer.sign(&header, &claims(json!({})));
        assert_eq!(outcome(&keys, &token, json!({})), Ok(()), "{:?}", signer.algorithm());
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    for signer in Signer::all() {
        let mut free = signer.jwk();
        free.as_object_mut().unwrap().remove("alg");
        for other in Algorithm::ALL.into_iter().filter(|other| *other != signer.algorithm()) {
            let header = json!({"alg": other.name(), "kid": signer.kid()});
            let token = signer.sign(&header, &claims(json!({})));
            let stated = outcome(&[signer.jwk()], &token, json!({}));
            assert_eq!(stated, Err(AuthnError::Algorithm), "{:?} as {other:?}", signer.algorithm());
            assert!(outcome(std::slice::from_ref(&free), &token, json!({})).is_err());
        }
    }
}

#[test]
fn the_provider_narrows_what_keys_may_verify() {
    let only = json!({"algorithms": ["ES256", "EdDSA"]});
    for signer in Signer::all() {
        let token = signer.token(&claims(json!({})));
        let accepted = matches!(signer.algorithm(), Algorithm::Es256 | Algorithm::EdDsa);
        let expected = if accepted { Ok(()) } else { Err(AuthnError::Algorithm) };
        assert_eq!(outcome(&[signer.jwk()], &token, only.clone()), expected);
    }
}

#[test]
fn a_signature_of_another_length_is_refused() {
    for signer in Signer::all() {
        let token = signer.token(&claims(json!({})));
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let with = |bytes: &[u8]| format!("{input}.{}", URL_SAFE_NO_PAD.encode(bytes));
        let zero: &[u8] = &[0];
        for changed in [
            [zero, &signature].concat(),
            [&signature, zero].concat(),
            signature[1..].to_vec(),
            signature[..signature.len() - 1].to_vec(),
            Vec::new(),
        ] {
            let refused = outcome(&[signer.jwk()], &with(&changed), json!({}));
            assert_eq!(refused, Err(AuthnError::Signature), "{:?}", signer.algorithm());
        }
    }
}
