//! Property: of all texts, only those that were signed are accepted. From one good token of every
//! algorithm, thousands of others are made; none may pass, and none may panic.
//!
//! The choice is random and always the same: `MUTATION_SEED` gives another, and every failure
//! names its own. The good token is verified first, so no mutation passes by way of a cache either.

use std::collections::HashSet;

use claimgate_corpus::mutate::{MUTATIONS, Material};
use claimgate_corpus::random::Random;
use claimgate_corpus::{file, text};
use serde_json::Value;

use crate::jose::Gateway;

/// Different texts of each algorithm.
const DISTINCT: usize = 3_000;
/// Several times what that takes.
const MOST_ROUNDS: usize = 50_000;

#[test]
fn no_mutation_of_an_rs_token_is_accepted() {
    none_is_accepted(&["RS256", "RS384", "RS512"]);
}

#[test]
fn no_mutation_of_a_ps_token_is_accepted() {
    none_is_accepted(&["PS256", "PS384", "PS512"]);
}

#[test]
fn no_mutation_of_an_es_token_is_accepted() {
    none_is_accepted(&["ES256", "ES384", "ES512"]);
}

#[test]
fn no_mutation_of_an_eddsa_token_is_accepted() {
    none_is_accepted(&["EdDSA"]);
}

fn none_is_accepted(algorithms: &[&str]) {
    let file = file("signed.json");
    let material = Material::of(&file);
    let seed = std::env::var("MUTATION_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for algorithm in algorithms {
        let good = text(&file["tokens"], algorithm);
        let mut gateway = Gateway::of(&file);
        assert_eq!(gateway.take(good), Ok(()), "{algorithm}");
        let mut random = Random::new(seed);
        let mut distinct = HashSet::new();
        for round in 0..MOST_ROUNDS {
            if distinct.len() == DISTINCT {
                break;
            }
            let (names, mutated) = mutated(good, round, &material, &mut random);
            if is_signed(&file, mutated.trim_ascii()) || distinct.contains(&mutated) {
                continue;
            }
            let outcome = gateway.take(&mutated);
            assert!(outcome.is_err(), "{algorithm}, seed {seed}, {names:?}: {mutated}");
            distinct.insert(mutated);
        }
        assert_eq!(distinct.len(), DISTINCT, "{algorithm}");
        assert_eq!(gateway.take(good), Ok(()), "{algorithm} afterwards");
    }
}

/// Every mutation in turn; then often another on top of it.
fn mutated(
    good: &str,
    round: usize,
    material: &Material,
    random: &mut Random,
) -> (Vec<&'static str>, String) {
    let first = &MUTATIONS[round % MUTATIONS.len()];
    let mut names = vec![first.name];
    let mut token = first.apply(good, material, random);
    while random.below(3) == 0 {
        let mutation = random.choose(&MUTATIONS);
        names.push(mutation.name);
        token = mutation.apply(&token, material, random);
    }
    (names, token)
}

fn is_signed(file: &Value, token: &str) -> bool {
    file["tokens"].as_object().unwrap().values().any(|signed| signed == token)
}
