//! What is there when a node goes, or a zone, or when everybody comes at once.

use serde_json::Value;

use crate::rendered::{Object, at, called, items, name, of_kind};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

/// Every Deployment has a budget of its own and grows with processor time and with memory.
pub fn budgets_and_scalers(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for deployment in of_kind(objects, "Deployment") {
        let labels = &deployment["spec"]["selector"];
        let budget =
            of_kind(objects, "PodDisruptionBudget").find(|one| one["spec"]["selector"] == *labels);
        if budget.is_none() {
            wrong.push(format!("{}: no PodDisruptionBudget", called(deployment)));
        }
        let scaler = of_kind(objects, "HorizontalPodAutoscaler").find(|one| {
            let target = &one["spec"]["scaleTargetRef"];
            at(target, "/kind") == "Deployment" && at(target, "/name") == name(deployment)
        });
        let Some(scaler) = scaler else {
            wrong.push(format!("{}: no HorizontalPodAutoscaler", called(deployment)));
            continue;
        };
        for resource in ["cpu", "memory"] {
            let metrics = items(scaler, "/spec/metrics");
            if !metrics.iter().any(|metric| at(metric, "/resource/name") == resource) {
                wrong.push(format!("{}: does not grow with {resource}", called(deployment)));
            }
        }
        if scaler["spec"]["minReplicas"].as_u64().unwrap_or(1) < 2 {
            wrong.push(format!("{}: may be one pod", called(deployment)));
        }
        // Each time it is applied, the number here would undo what the scaler did.
        if deployment["spec"].get("replicas").is_some() {
            wrong.push(format!(
                "{}: has a number of its own beside its scaler's",
                called(deployment)
            ));
        }
    }
    wrong
}

/// Pods of one kind keep away from each other, on nodes and in zones.
pub fn spread(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for workload in of_kind(objects, "Deployment").chain(of_kind(objects, "StatefulSet")) {
        if workload["spec"]["replicas"] == 1 {
            continue;
        }
        let labels = &workload["spec"]["selector"]["matchLabels"];
        let spec = &workload["spec"]["template"]["spec"];
        let is_own = |selector: &Value| selector["matchLabels"] == *labels;
        let zones = items(spec, "/topologySpreadConstraints").iter();
        if !zones
            .clone()
            .any(|one| at(one, "/topologyKey") == ZONE && is_own(&one["labelSelector"]))
        {
            wrong.push(format!("{}: is not spread over zones", called(workload)));
        }
        let required =
            items(spec, "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = items(
            spec,
            "/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution",
        );
        let preferred = preferred.iter().map(|one| &one["podAffinityTerm"]);
        let mut terms = required.iter().chain(preferred);
        if !terms.any(|term| at(term, "/topologyKey") == HOST && is_own(&term["labelSelector"])) {
            wrong.push(format!("{}: is not spread over nodes", called(workload)));
        }
    }
    wrong
}

/// Where a zone has more than its share already, nobody is scheduled.
pub fn zones(objects: &[Object]) -> Vec<String> {
    let all = of_kind(objects, "Deployment").chain(of_kind(objects, "StatefulSet"));
    let several = all.filter(|workload| workload["spec"]["replicas"] != 1);
    let kept = |workload: &&Object| {
        let constraints = items(workload, "/spec/template/spec/topologySpreadConstraints").iter();
        let mut zones = constraints.filter(|one| at(one, "/topologyKey") == ZONE);
        zones.any(|one| at(one, "/whenUnsatisfiable") == "DoNotSchedule" && one["maxSkew"] == 1)
    };
    let lax = several.filter(|workload| !kept(workload));
    lax.map(|workload| format!("{}: may end up in one zone", called(workload))).collect()
}
