use serde_json::{Value, json};

use super::{Leftover, among, rules};

fn object(version: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "spec": spec,
        "metadata": {"name": name, "namespace": "claimgate"}})
}

fn policy(name: &str, selector: &Value, ingress: &Value) -> Value {
    let spec = json!({"podSelector": selector, "policyTypes": ["Ingress"], "ingress": ingress});
    object("networking.k8s.io/v1", "NetworkPolicy", name, &spec)
}

fn names(left: &[Leftover]) -> Vec<&str> {
    left.iter().map(|one| one.object["metadata"]["name"].as_str().unwrap()).collect()
}

const ROUTE: &str = "gateway.networking.k8s.io/v1";

#[test]
fn what_the_manifests_do_not_have_is_left_in_whatever_version_it_is() {
    let live = [("v1", "kept"), ("v1", "old")];
    let live = live.map(|(version, name)| {
        object(&format!("gateway.networking.k8s.io/{version}"), "HTTPRoute", name, &json!({}))
    });
    let wanted = [object("gateway.networking.k8s.io/v1beta1", "HTTPRoute", "kept", &json!({}))];
    assert_eq!(names(&among(live.into(), &wanted, &[])), ["old"]);
}

#[test]
fn what_controllers_made_and_what_is_going_is_not_ours() {
    let mut made = object("apps/v1", "ReplicaSet", "made", &json!({}));
    made["metadata"]["ownerReferences"] = json!([{"kind": "Deployment", "name": "envoy"}]);
    let mut going = object("v1", "Service", "going", &json!({}));
    going["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z".into();
    assert!(among(vec![made, going], &[], &[]).is_empty());
}

#[test]
fn secrets_claims_and_namespaces_are_never_left() {
    for kind in ["Secret", "PersistentVolumeClaim", "PersistentVolume", "Namespace"] {
        assert!(among(vec![object("v1", kind, "x", &json!({}))], &[], &[]).is_empty(), "{kind}");
    }
}

#[test]
fn what_takes_secrets_or_claims_along_stays() {
    let retention =
        |when: &str| json!({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": when}});
    let stays = |object| among(vec![object], &[], &[])[0].stays.is_some();
    assert!(stays(object("apps/v1", "StatefulSet", "x", &retention("Delete"))));
    assert!(!stays(object("apps/v1", "StatefulSet", "x", &retention("Retain"))));
    assert!(!stays(object("apps/v1", "StatefulSet", "x", &json!({}))));
    for (version, kind) in
        [("external-secrets.io/v1", "ExternalSecret"), ("cert-manager.io/v1", "Certificate")]
    {
        assert!(stays(object(version, kind, "x", &json!({}))), "{kind}");
    }
}

#[test]
fn what_lets_somebody_in_comes_first_and_what_guards_goes_after_it() {
    let everybody = policy("everybody", &json!({}), &json!([{}]));
    let closing = policy("closing", &json!({}), &json!([]));
    let all = vec![
        object("v1", "ConfigMap", "data", &json!({})),
        closing.clone(),
        object("gateway.envoyproxy.io/v1alpha1", "EnvoyExtensionPolicy", "filter", &json!({})),
        object("apps/v1", "Deployment", "program", &json!({})),
        object("v1", "Service", "way", &json!({})),
        everybody,
        object(ROUTE, "HTTPRoute", "route", &json!({})),
    ];
    let mut left = among(all, &[], &[]);
    left.sort_by_key(|one| one.rank);
    let expected = ["route", "everybody", "way", "program", "filter", "closing", "data"];
    assert_eq!(names(&left), expected);
    let counted: Vec<_> = left.into_iter().filter(|one| one.rank.counts()).collect();
    assert_eq!(names(&counted), ["route", "everybody", "way", "filter", "closing"]);
}

#[test]
fn a_rule_allows_more_when_no_present_policy_for_the_same_pods_has_it() {
    let (envoy, other) =
        (json!({"matchLabels": {"a": "envoy"}}), json!({"matchLabels": {"a": "x"}}));
    let rule = json!({"from": [{"podSelector": other}], "ports": [{"protocol": "TCP", "port": 1}]});
    let old = policy("old", &envoy, &json!([rule]));
    let renamed = policy("new", &envoy, &json!([rule, {"ports": []}]));
    assert!(!rules::allows_more(&old, &[renamed]));
    assert!(rules::allows_more(&old, &[policy("new", &other, &json!([rule]))]));
    assert!(rules::allows_more(&old, &[policy("new", &envoy, &json!([]))]));
    let mut elsewhere = policy("new", &envoy, &json!([rule]));
    elsewhere["metadata"]["namespace"] = "other".into();
    assert!(rules::allows_more(&old, &[elsewhere]));
}

#[test]
fn the_last_rule_that_keeps_pods_closed_stays() {
    let some = json!({"matchLabels": {"a": "envoy"}});
    let old = policy("old", &some, &json!([]));
    let nobody = policy("nobody", &json!({}), &json!([]));
    let stays = |rules: &[Value]| among(vec![old.clone()], &[], rules)[0].stays.is_some();
    assert!(stays(std::slice::from_ref(&old)), "there is no other");
    assert!(stays(&[policy("some", &some, &json!([]))]), "it is not for all pods");
    let mut outwards = nobody.clone();
    outwards["spec"]["policyTypes"] = json!(["Egress"]);
    assert!(stays(&[outwards]), "it is about the other direction");
    assert!(!stays(&[nobody]));
    // Nor does one count that goes as well.
    let all = ["one", "two"].map(|name| policy(name, &json!({}), &json!([])));
    let left = among(all.to_vec(), &[], &all);
    assert!(left.iter().all(|one| one.stays.is_some()));
}
