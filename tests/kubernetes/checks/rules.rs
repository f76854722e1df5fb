//! Our own rules for everything that is applied: each is a function of the objects that says what is
//! wrong with them. `tests` shows each of them something wrong.

mod identity;
mod pods;
mod references;
mod scaling;
#[cfg(test)]
mod tests;

use crate::rendered::{OVERLAYS, Object, overlay};

/// A rule: what it has to say of the objects of an overlay.
type Rule = fn(&[Object]) -> Vec<String>;

/// Rules for every overlay.
const ALWAYS: [Rule; 11] = [
    pods::images,
    pods::resources,
    pods::probes,
    pods::security,
    pods::environment,
    identity::namespace,
    identity::accounts,
    identity::rights,
    identity::secrets,
    references::dangling,
    references::services,
];
/// Rules for where something is at stake.
const WHERE_IT_MATTERS: [Rule; 3] =
    [scaling::budgets_and_scalers, scaling::spread, references::secrets_from_the_vault];

/// Everything that is wrong with an overlay's objects.
fn violations(overlay: &str, objects: &[Object]) -> Vec<String> {
    let more: &[Rule] = if overlay == "dev" { &[] } else { &WHERE_IT_MATTERS };
    ALWAYS.iter().chain(more).flat_map(|rule| rule(objects)).collect()
}

#[test]
fn every_overlay_keeps_every_rule() {
    for name in OVERLAYS {
        let violations = violations(name, &overlay(name));
        assert!(violations.is_empty(), "{name}:\n{}", violations.join("\n"));
    }
}
