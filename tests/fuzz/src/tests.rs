//! Every seed, through its target: the targets hold what they claim before anything is fuzzed.

use claimgate::authn::PortableVerifier;

use crate::gateway::{BelievesEverything, Gateway};
use crate::{claims, config, dpop, jwks, seeds, signed, token};

type Target = fn(&[u8]);

#[test]
fn every_seed_passes_its_target() {
    let targets = [
        ("token", token as Target),
        ("claims", claims),
        ("jwks", jwks),
        ("config", config),
        ("dpop", dpop),
    ];
    for (name, target) in targets {
        let seeds = seeds(name).unwrap();
        assert!(seeds.len() >= 5, "{name}");
        seeds.iter().for_each(|seed| target(seed));
    }
    assert!(seeds("no such target").is_none());
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
