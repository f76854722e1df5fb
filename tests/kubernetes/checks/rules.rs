//! Our own rules for everything that is applied: each is a function of the objects that says what is
//! wrong with them. `tests` shows each of them something wrong.

mod identity;
mod pods;
mod references;
mod scaling;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::rendered::{
    OVERLAYS, Object, items, name, of_kind, overlay, parse, with_init_container,
};
use crate::schema::Schemas;
use xtask::gateway::manifests;

/// A rule: what it has to say of the objects of an overlay.
type Rule = fn(&[Object]) -> Vec<String>;

/// Rules for every overlay.
const ALWAYS: [Rule; 12] = [
    pods::images,
    pods::resources,
    pods::probes,
    pods::security,
    pods::environment,
    identity::labels,
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

/// The Secrets that come from outside, each with its keys.
pub fn secrets_by_name() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    references::SECRETS.iter().for_each(|(name, key)| all.entry(*name).or_default().push(*key));
    all
}

/// Everything that is wrong with an overlay's objects.
pub fn violations(overlay: &str, objects: &[Object]) -> Vec<String> {
    let more: &[Rule] = if overlay == "dev" { &[] } else { &WHERE_IT_MATTERS };
    let most: &[Rule] = if overlay == "production" { &[scaling::zones] } else { &[] };
    ALWAYS.iter().chain(more).chain(most).flat_map(|rule| rule(objects)).collect()
}

#[test]
fn every_overlay_keeps_every_rule() {
    for name in OVERLAYS {
        let violations = violations(name, &overlay(name));
        assert!(violations.is_empty(), "{name}:\n{}", violations.join("\n"));
    }
}

/// Both sets may be in one namespace: what is left of one must not be taken for the other's.
#[test]
fn every_object_of_the_gateway_api_says_that_it_is_of_that_set() {
    let logouts = "components/logouts-from-outside";
    let parts = ["guard", "routes"].map(|part| format!("{logouts}/{part}"));
    let with = ["components/fail-reload", &parts[0], &parts[1]];
    for (folder, components) in [("base", &with[..]), ("variants/native", &[])] {
        for object in manifests::render(&[folder], components, None).unwrap() {
            let labels = &object["metadata"]["labels"];
            assert_eq!(labels["app.kubernetes.io/part-of"], "claimgate", "{object}");
            assert_eq!(labels["claimgate.example/set"], "gateway-api", "{object}");
        }
    }
}

#[test]
fn the_module_may_be_copied_by_a_container_instead() {
    let objects = parse(&with_init_container());
    let violations = violations("dev", &objects);
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    let envoy = of_kind(&objects, "Deployment").find(|one| name(one) == "envoy").unwrap();
    assert_eq!(Schemas::committed().errors(envoy), Vec::<String>::new());
    let pod = &envoy["spec"]["template"]["spec"];
    assert_eq!(items(pod, "/initContainers").len(), 1);
    let volumes = items(pod, "/volumes").iter();
    let module: Vec<_> = volumes.filter(|one| one["name"] == "module").collect();
    assert!(module[0].get("emptyDir").is_some() && module[0].get("image").is_none(), "{module:?}");
}
