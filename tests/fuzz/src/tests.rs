//! Every seed, through its target: the targets hold what they claim before anything is fuzzed.

use claimgate::authn::PortableVerifier;

use crate::gateway::{BelievesEverything, Gateway};
use crate::{
    cel, check_request, claims, config, dpop, jwks, questions, seeds, shared, signed, statements,
    token,
};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 10] = [
    ("token", token),
    ("claims", claims),
    ("jwks", jwks),
    ("config", config),
    ("dpop", dpop),
    ("questions", questions),
    ("cel", cel),
    ("check-request", check_request),
    ("shared", shared),
    ("statements", statements),
];

#[test]
fn every_seed_passes_its_target() {
    for (name, target) in TARGETS {
        let seeds = seeds(name).unwrap();
        assert!(seeds.len() >= 5, "{name}");
        seeds.iter().for_each(|seed| target(seed));
    }
    assert!(seeds("no such target").is_none());
}

/// A taste of what the fuzzer does, the same every time.
#[test]
fn every_seed_with_a_byte_changed_passes_its_target() {
    let mut state = 1_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for (name, target) in TARGETS {
        for seed in seeds(name).unwrap().into_iter().filter(|seed| !seed.is_empty()) {
            let mut changed = seed.clone();
            let at = below(changed.len());
            changed[at] = b"\"{}[]:,\\a0\0\xff"[below(12)];
            target(&changed);
            target(&seed[..below(seed.len())]);
        }
    }
}

#[test]
fn what_was_signed_passes_and_the_same_with_another_signature_does_not() {
    let token = signed().tokens.iter().find(|token| passes(token)).expect("one that passes");
    let (input, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(signature.len()));
    assert!(!passes(&forged));
    let credential = format!("Bearer {forged}");
    assert!(Gateway::new(Box::new(BelievesEverything)).lets_pass(credential.as_bytes()));
}

fn passes(token: &str) -> bool {
    Gateway::new(Box::new(PortableVerifier)).lets_pass(format!("Bearer {token}").as_bytes())
}

/// The target would be idle if its tokens were refused.
#[test]
fn expressions_are_about_the_claims_they_come_with() {
    let credential = crate::gateway::credential(serde_json::json!({"n": 7}));
    assert!(Gateway::new(Box::new(BelievesEverything)).lets_pass(credential.as_bytes()));
}
