//! Tokens whose signature is wrong are checked once in a while and not each time, and never at the
//! cost of good ones.

use std::cell::Cell;
use std::rc::Rc;

use claimgate::authn::{Algorithm, AuthnError, Key as Jwk, PortableVerifier, SignatureVerifier};
use claimgate::engine::Engine;
use claimgate::pipeline::Step;
use claimgate::policy::Policy;
use claimgate::reply::Rejection;
use claimgate::shared_data::OneThread;
use serde_json::json;

use crate::support::*;

/// Counts what it is asked.
#[derive(Debug, Default)]
struct Counting(Rc<Cell<u32>>);

impl SignatureVerifier for Counting {
    fn verify(&self, algorithm: Algorithm, key: &Jwk, message: &[u8], signature: &[u8]) -> bool {
        self.0.set(self.0.get() + 1);
        PortableVerifier.verify(algorithm, key, message, signature)
    }
}

/// A world with the first key, and how often a signature was checked in it.
fn world() -> (World, Rc<Cell<u32>>) {
    let mut config = config(json!([route("required", allow_all(), json!({}))]));
    config["identity_headers"] = json!({});
    let checks = Rc::new(Cell::new(0));
    let mut world = World::new(&config);
    let policy = Policy::from_document(config.to_string().as_bytes(), &|_| None).unwrap();
    let verifier = Box::new(Counting(Rc::clone(&checks)));
    world.engine = Engine::sharing(policy, verifier, Box::new(OneThread::default()), 7);
    let (stream, _) = world.with_token(&ONE.token(&claims(json!({}))));
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&ONE]);
    world.engine.forget(stream);
    (world, checks)
}

fn is_bad(step: &Step) -> bool {
    matches!(step, Step::Reply(Rejection::Credentials { error: AuthnError::Signature, .. }, _))
}

#[test]
fn a_bad_signature_is_checked_once_and_again_after_a_while() {
    let (mut world, checks) = world();
    let forged = FOREIGN.token(&claims(json!({})));
    for _ in 0..5 {
        assert!(is_bad(&world.with_token(&forged).1));
    }
    assert_eq!(checks.get(), 1);
    world.later(11);
    assert!(is_bad(&world.with_token(&forged).1));
    assert_eq!(checks.get(), 2);
}

#[test]
fn a_new_key_is_tried_at_once() {
    let (mut world, checks) = world();
    let unnamed = TWO.sign(&json!({"alg": "RS256"}), &claims(json!({})));
    assert!(is_bad(&world.with_token(&unnamed).1));
    assert!(is_bad(&world.with_token(&unnamed).1));
    assert_eq!(checks.get(), 1);
    // Something names the new key, and so it is fetched.
    let (stream, _) = world.with_token(&TWO.token(&claims(json!({}))));
    assert_eq!(world.engine.fetches_due(world.now), [0]);
    world.publish(&[&ONE, &TWO]);
    world.engine.forget(stream);
    assert!(matches!(world.with_token(&unnamed).1, Step::Forward(..)));
}

#[test]
fn nothing_but_a_bad_signature_is_remembered() {
    let (mut world, checks) = world();
    for change in [json!({"aud": "other"}), json!({"exp": START - 100}), json!({"typ": "ID"})] {
        let token = ONE.token(&claims(change));
        for round in 1..=2 {
            let before = checks.get();
            assert!(matches!(world.with_token(&token).1, Step::Reply(_, _)));
            assert_eq!(checks.get(), before + 1, "round {round}");
        }
    }
}

#[test]
fn garbage_pushes_no_good_token_out() {
    let (mut world, checks) = world();
    let good = ONE.token(&claims(json!({})));
    assert!(matches!(world.with_token(&good).1, Step::Forward(..)));
    let (signed, _) = good.rsplit_once('.').unwrap();
    for number in 0..600_u32 {
        let mut signature = vec![7; 256];
        signature[..4].copy_from_slice(&number.to_be_bytes());
        let signature = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, signature);
        assert!(is_bad(&world.with_token(&format!("{signed}.{signature}")).1));
    }
    let before = checks.get();
    assert!(matches!(world.with_token(&good).1, Step::Forward(..)));
    assert_eq!(checks.get(), before);
}
