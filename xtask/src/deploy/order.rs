//! What is applied when: whatever guards is there, and in force, before what it guards.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::ask::{self, Question};
use super::{Environment, Target};
use crate::gateway::manifests::{self, kind, name};
use crate::workspace;

/// Of the Envoy that callers reach, and of what belongs to it.
const GATEWAY: &str = "envoy";
/// What an overlay of the direct Envoy calls the module's image.
const MODULE: &str = "ghcr.io/claimgate/filter";

/// What is applied together, wave by wave, and has to be in force before anything else is applied.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) needs_secrets: bool,
    pub(super) waves: Vec<Vec<Value>>,
    /// What is asked of the gateway afterwards.
    pub(super) questions: &'static [Question],
}

pub(super) fn steps(target: &Target) -> Result<Vec<Step>> {
    let image = target.image.as_deref();
    if target.gateway_api {
        let folder = |part: &str| match &target.overlay {
            Some(overlay) => overlay.join(part),
            None => ours("gateway-api").join(part),
        };
        let guard = manifests::put_together(&[folder("guard")], &[], &named(PLACEHOLDER, image))?;
        let routes = manifests::put_together(&[folder("routes")], &[], &json!([]))?;
        return Ok(behind_a_guard(guard, routes));
    }
    let overlay = target.overlay.clone();
    let overlay = overlay.unwrap_or_else(|| ours("overlays").join(target.environment.name()));
    let all = manifests::put_together(&[overlay], &[], &named(MODULE, image))?;
    let steps = direct(all);
    ensure!(objects(&steps).any(is_gateway), "the overlay has no Deployment `{GATEWAY}`");
    Ok(steps)
}

const PLACEHOLDER: &str = manifests::PLACEHOLDER;

fn ours(folder: &str) -> PathBuf {
    Path::new(workspace::root()).join("kubernetes").join(folder)
}

fn named(placeholder: &str, image: Option<&str>) -> Value {
    match image.and_then(|image| image.split_once('@')) {
        Some((name, digest)) => {
            json!([{"name": placeholder, "newName": name, "digest": digest}])
        }
        None => json!([]),
    }
}

/// Everything that is applied, in the order in which it is.
pub(super) fn objects(steps: &[Step]) -> impl Iterator<Item = &Value> {
    steps.iter().flat_map(|step| step.waves.iter().flatten())
}

/// The policies before the Gateways, those before the route that makes Envoy fetch the module, and all of them in force before
/// anything is served.
fn behind_a_guard(guard: Vec<Value>, routes: Vec<Value>) -> Vec<Step> {
    let (served, rest) = apart(guard, |one| kind(one) == "HTTPRoute");
    let (gateways, policies) = apart(rest, |one| kind(one) == "Gateway");
    vec![
        Step {
            name: "what guards, and the Gateways",
            needs_secrets: true,
            waves: vec![policies, gateways, served],
            questions: &ask::GUARDED,
        },
        Step { name: "routes", needs_secrets: false, waves: vec![routes], questions: &ask::SERVED },
    ]
}

/// Nobody is there before the rules about who reaches whom, and callers come last.
fn direct(all: Vec<Value>) -> Vec<Step> {
    let (namespaces, rest) = apart(all, |one| kind(one) == "Namespace");
    let (secrets, rest) = apart(rest, |one| kind(one) == "ExternalSecret");
    let (gateway, rest) = apart(rest, belongs_to_gateway);
    let (workloads, rest) = apart(rest, runs);
    let (rules, configuration) = apart(rest, |one| kind(one) == "NetworkPolicy");
    let step = |name, needs_secrets, waves| Step { name, needs_secrets, waves, questions: &[] };
    vec![
        step("namespace", false, vec![namespaces, secrets]),
        step("rules and configuration", true, vec![rules, configuration]),
        step("services", false, vec![workloads]),
        Step { questions: &ask::SERVED, ..step("gateway", false, vec![gateway]) },
    ]
}

/// Its ServiceAccount and its configuration come with all others'.
fn belongs_to_gateway(object: &Value) -> bool {
    let kinds = ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"];
    kinds.contains(&kind(object)) && name(object) == GATEWAY
}

fn is_gateway(object: &Value) -> bool {
    kind(object) == "Deployment" && name(object) == GATEWAY
}

fn runs(object: &Value) -> bool {
    let kinds = ["Deployment", "StatefulSet", "CronJob", "Job", "DaemonSet"];
    let scaled = ["HorizontalPodAutoscaler", "PodDisruptionBudget"];
    kinds.contains(&kind(object)) || scaled.contains(&kind(object))
}

fn apart(all: Vec<Value>, is: impl Fn(&Value) -> bool) -> (Vec<Value>, Vec<Value>) {
    all.into_iter().partition(is)
}

impl Environment {
    /// As on the command line, and the folder of its overlay.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, name: &str) -> Value {
        json!({"kind": kind, "metadata": {"name": name}})
    }

    fn order(steps: &[Step]) -> Vec<String> {
        objects(steps).map(|one| format!("{} {}", kind(one), name(one))).collect()
    }

    #[test]
    fn callers_come_last_and_rules_before_whom_they_are_about() {
        let steps = direct(vec![
            object("Deployment", "envoy"),
            object("Service", "envoy"),
            object("Deployment", "authz-service"),
            object("ConfigMap", "envoy"),
            object("NetworkPolicy", "default"),
            object("ExternalSecret", "gateway"),
            object("Namespace", "claimgate"),
        ]);
        let wanted = [
            "Namespace claimgate",
            "ExternalSecret gateway",
            "NetworkPolicy default",
            "ConfigMap envoy",
            "Deployment authz-service",
            "Deployment envoy",
            "Service envoy",
        ];
        assert_eq!(order(&steps), wanted);
        assert!(steps[0].questions.is_empty() && !steps[0].needs_secrets);
        assert!(steps[1].needs_secrets, "pods wait for their Secrets");
        assert!(!steps.last().unwrap().questions.is_empty());
    }

    #[test]
    fn policies_come_before_gateways_and_routes_when_both_are_in_force() {
        let guard = vec![
            object("Gateway", "external"),
            object("HTTPRoute", "nothing-here"),
            object("EnvoyExtensionPolicy", "claimgate"),
        ];
        let steps = behind_a_guard(guard, vec![object("HTTPRoute", "customers")]);
        let wanted = [
            "EnvoyExtensionPolicy claimgate",
            "Gateway external",
            "HTTPRoute nothing-here",
            "HTTPRoute customers",
        ];
        assert_eq!(order(&steps), wanted);
        assert!(steps.iter().all(|step| !step.questions.is_empty()));
    }
}
