//! The corpus through the built module: the host's verifier, where it works, instead of the
//! portable one. What is expected is the same.

use claimgate_corpus::{file, hostile, text};
use serde_json::Value;

use super::{bearer, judges, statuses, world};

/// What a token that is not good may be answered: it is not good, it is no token, or the header is
/// larger than Envoy takes.
const REFUSALS: [u16; 3] = [401, 400, 431];

#[test]
fn the_host_verifies_for_us() {
    let log = judges().log();
    assert!(!log.contains("using our own"), "{log}");
}

#[test]
fn the_edges_of_signatures_are_what_they_are_said_to_be() {
    for name in ["ecdsa.json", "rsa.json"] {
        let file = file(name);
        let cases: &Vec<Value> = file["cases"].as_array().expect("cases");
        let tokens: Vec<_> = cases.iter().map(|case| bearer(text(case, "token"))).collect();
        let wrong = cases.iter().zip(statuses("claimgate", &tokens)).filter(|(case, status)| {
            if case["good"] == true { *status != 200 } else { !REFUSALS.contains(status) }
        });
        let wrong: Vec<_> = wrong.map(|(case, status)| (text(case, "name"), status)).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }
}

#[test]
fn every_hostile_token_is_refused() {
    let world = world();
    let (names, tokens): (Vec<_>, Vec<_>) = hostile::good(&world).into_iter().unzip();
    let tokens: Vec<_> = tokens.iter().map(|token| bearer(token)).collect();
    let mut good = names.iter().zip(statuses("claimgate", &tokens));
    assert_eq!(good.find(|(_, status)| *status != 200), None);

    // What cannot stand in a header at all is refused by Envoy before any filter.
    let table = hostile::all(&world);
    let tokens: Vec<_> = table.iter().map(|hostile| bearer(&hostile.token)).collect();
    let judged = table.iter().zip(statuses("claimgate", &tokens));
    let wrong: Vec<_> = judged
        .filter(|(_, status)| !REFUSALS.contains(status))
        .map(|(hostile, status)| format!("{status}: {} ({})", hostile.name, hostile.why))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}
