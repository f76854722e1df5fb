use serde_json::json;

use super::*;

fn condition(kind: &str, status: &str, generation: u64) -> Value {
    json!({"type": kind, "status": status, "reason": "Because", "message": "of this",
        "observedGeneration": generation})
}

fn policy(targets: &[&str], ancestors: &[(&str, &str, u64)]) -> Value {
    let target = |name: &&str| json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name});
    let ancestor = |(name, status, generation): &(&str, &str, u64)| json!({"ancestorRef": {"name": name}, "conditions": [condition("Accepted", status, *generation)]});
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyExtensionPolicy",
        "metadata": {"name": "claimgate", "namespace": "claimgate", "generation": 2},
        "spec": {"targetRefs": targets.iter().map(target).collect::<Vec<_>>()},
        "status": {"ancestors": ancestors.iter().map(ancestor).collect::<Vec<_>>()},
    })
}

fn said(object: &Value) -> Vec<String> {
    of(object).into_iter().map(|finding| finding.what).collect()
}

#[test]
fn a_policy_is_in_force_when_every_target_says_so_of_this_generation() {
    let both =
        policy(&["external", "internal"], &[("external", "True", 2), ("internal", "True", 2)]);
    assert_eq!(said(&both), [""; 0]);
    let half = policy(&["external", "internal"], &[("external", "True", 2)]);
    assert_eq!(said(&half), ["has no status for internal: nothing acts on it there"]);
}

#[test]
fn a_policy_without_a_status_is_not_in_force() {
    let mut policy = policy(&["no-such"], &[]);
    assert_eq!(said(&policy), ["has no status for no-such: nothing acts on it there"]);
    policy.as_object_mut().unwrap().remove("status");
    assert_eq!(said(&policy).len(), 1);
    let finding = &of(&policy)[0];
    assert!(finding.advice.contains("get gateway no-such"), "{finding}");
}

#[test]
fn what_was_said_of_another_generation_does_not_count() {
    let stale = policy(&["external"], &[("external", "True", 1)]);
    let expected = "for external: Accepted=True is about generation 1, and it is at 2: nothing acts on it as it stands now";
    assert_eq!(said(&stale), [expected]);
    // Edited to a target that is not there: what was said of the one before stays.
    let moved = policy(&["no-such"], &[("external", "True", 1)]);
    assert_eq!(said(&moved), ["has no status for no-such: nothing acts on it there"]);
}

#[test]
fn a_refused_policy_says_why() {
    let refused = policy(&["external"], &[("external", "False", 2)]);
    assert_eq!(said(&refused), ["for external: Accepted=False (Because: of this)"]);
}

#[test]
fn a_policy_on_routes_needs_a_status_of_some_gateway() {
    let mut policy = policy(&["customers"], &[]);
    policy["spec"]["targetRefs"][0]["kind"] = "HTTPRoute".into();
    assert_eq!(said(&policy), ["has no status: nothing acts on it"]);
    let ancestor = json!({"ancestorRef": {"name": "external"}, "conditions": [condition("Accepted", "True", 2)]});
    policy["status"]["ancestors"] = json!([ancestor]);
    assert_eq!(said(&policy), [""; 0]);
    policy["spec"]["targetRefs"] = json!([]);
    assert_eq!(said(&policy), ["names no target"]);
}

#[test]
fn a_policy_of_the_network_has_no_status_to_wait_for() {
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"}});
    assert_eq!(said(&policy), [""; 0]);
}

fn gateway(programmed: &str, listener: &[Value]) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "external", "namespace": "claimgate", "generation": 1},
        "spec": {"listeners": [{"name": "https"}]},
        "status": {
            "conditions": [condition("Accepted", "True", 1), condition("Programmed", programmed, 1)],
            "listeners": [{"name": "https", "conditions": listener}],
        },
    })
}

#[test]
fn a_gateway_needs_proxies_and_its_listener_a_certificate() {
    let well = ["Accepted", "Programmed", "ResolvedRefs"].map(|one| condition(one, "True", 1));
    assert_eq!(said(&gateway("True", &well)), [""; 0]);
    assert_eq!(said(&gateway("False", &well)), ["Programmed=False (Because: of this)"]);
    let mut without = well.clone();
    without[2] = condition("ResolvedRefs", "False", 1);
    let expected = "listener https: ResolvedRefs=False (Because: of this)";
    assert_eq!(said(&gateway("True", &without)), [expected]);
    let mut silent = gateway("True", &well);
    silent["status"]["listeners"] = json!([]);
    assert_eq!(said(&silent), ["has no status for listener https"]);
    silent.as_object_mut().unwrap().remove("status");
    assert_eq!(said(&silent)[0], "has no condition Accepted");
}

#[test]
fn a_route_needs_every_parent_and_its_services() {
    let conditions =
        json!([condition("Accepted", "True", 1), condition("ResolvedRefs", "False", 1)]);
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "customers", "generation": 1},
        "spec": {"parentRefs": [{"name": "external"}, {"name": "internal"}]},
        "status": {"parents": [{"parentRef": {"name": "external"}, "conditions": conditions}]},
    });
    let expected = [
        "for external: ResolvedRefs=False (Because: of this)",
        "has no status for internal: nothing acts on it there",
    ];
    assert_eq!(said(&route), expected);
}

#[test]
fn a_rollout_is_over_when_all_pods_are_of_this_version_and_ready() {
    let deployment = |status: Value| {
        json!({"kind": "Deployment", "metadata": {"name": "envoy", "generation": 3},
            "spec": {"replicas": 2}, "status": status})
    };
    let done = json!({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    assert_eq!(said(&deployment(done.clone())), [""; 0]);
    for (field, value) in [
        ("observedGeneration", 2),
        ("replicas", 3),
        ("updatedReplicas", 1),
        ("availableReplicas", 1),
    ] {
        let mut other = done.clone();
        other[field] = value.into();
        assert_eq!(said(&deployment(other)).len(), 1, "{field}");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let wanted = policy(&["external"], &[]);
    let findings = findings(std::slice::from_ref(&wanted), &[]);
    assert_eq!(
        findings[0].to_string().lines().next().unwrap(),
        "EnvoyExtensionPolicy claimgate/claimgate: is not there"
    );
}
