//! Something wrong for every rule: production with one thing changed.

use serde_json::{Value, json};

use super::violations;
use crate::rendered::{Object, kind, name, overlay};

/// What is said of production once `change` has been made to one object.
fn said(wanted: &str, change: impl FnOnce(&mut Object)) -> Vec<String> {
    let mut objects = overlay("production");
    let (wanted_kind, wanted_name) = wanted.split_once(' ').unwrap();
    let found = |object: &&mut Object| kind(object) == wanted_kind && name(object) == wanted_name;
    change(objects.iter_mut().find(found).unwrap());
    violations("production", &objects)
}

fn set(pointer: &'static str, value: Value) -> impl FnOnce(&mut Object) {
    move |object| *object.pointer_mut(pointer).unwrap() = value
}

fn insert(pointer: &'static str, name: &'static str, value: Value) -> impl FnOnce(&mut Object) {
    move |object| object.pointer_mut(pointer).unwrap()[name] = value
}

fn remove(pointer: &'static str, name: &'static str) -> impl FnOnce(&mut Object) {
    move |object| {
        let removed = object.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
        assert!(removed.is_some(), "{pointer}/{name} is not there");
    }
}

const ENVOY: &str = "Deployment envoy";
const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

#[test]
fn objects_that_do_not_say_whose_they_are_are_seen() {
    for label in ["app.kubernetes.io/part-of", "claimgate.example/set"] {
        let expected = "NetworkPolicy envoy: does not say whose it is";
        assert_eq!(said("NetworkPolicy envoy", remove("/metadata/labels", label)), [expected]);
    }
}

#[test]
fn images_that_may_change_are_seen() {
    let image =
        |image: &str| said(ENVOY, set("/spec/template/spec/containers/0/image", image.into()));
    for moving in
        ["docker.io/x/envoy", "docker.io/x/envoy:latest", "envoy:1.40", "r.test/e@sha256:12", ""]
    {
        let expected = format!("Deployment envoy container envoy: image `{moving}` has no version");
        assert_eq!(image(moving), [expected]);
    }
    assert!(image(&format!("docker.io/x/envoy@sha256:{}", "a".repeat(64))).is_empty());
    let volumes = said(ENVOY, |object| {
        let volumes =
            object.pointer_mut("/spec/template/spec/volumes").unwrap().as_array_mut().unwrap();
        let module = volumes.iter_mut().find(|one| one["name"] == "module").unwrap();
        module["image"]["reference"] = "ghcr.io/claimgate/filter:latest".into();
    });
    assert_eq!(
        volumes,
        ["Deployment envoy volume module: image `ghcr.io/claimgate/filter:latest` has no version"]
    );
}

#[test]
fn containers_without_bounds_or_probes_are_seen() {
    let limits = "/spec/template/spec/containers/0/resources/limits";
    assert_eq!(
        said(ENVOY, remove(limits, "memory")),
        ["Deployment envoy container envoy: no limits of memory"]
    );
    assert_eq!(
        said(ENVOY, remove(CONTAINER, "startupProbe")),
        ["Deployment envoy container envoy: no startupProbe"]
    );
    let shell = json!({"exec": {"command": ["sh", "-c", "true"]}});
    assert_eq!(
        said("StatefulSet redis", insert(CONTAINER, "livenessProbe", shell)),
        ["StatefulSet redis container redis: livenessProbe needs a shell"]
    );
    let bare = json!([{"name": "copy", "image": "ghcr.io/claimgate/x:1"}]);
    let first = said(ENVOY, insert(POD, "initContainers", bare));
    assert!(
        first.contains(&"Deployment envoy container copy: no requests of cpu".to_owned()),
        "{first:?}"
    );
    assert_eq!(first.len(), 10, "{first:?}");
}

#[test]
fn pods_that_are_more_than_nobody_are_seen() {
    let cases = [
        (
            said(ENVOY, set("/spec/template/spec/securityContext/runAsUser", 0.into())),
            "/spec/securityContext/runAsUser is not 65532",
        ),
        (
            said(ENVOY, remove("/spec/template/spec/securityContext", "seccompProfile")),
            "/spec/securityContext/seccompProfile/type is not \"RuntimeDefault\"",
        ),
        (said(ENVOY, insert(POD, "hostNetwork", true.into())), "hostNetwork"),
        (said(ENVOY, remove(POD, "enableServiceLinks")), "/spec/enableServiceLinks is not false"),
    ];
    for (said, expected) in cases {
        assert_eq!(said, [format!("Deployment envoy: {expected}")]);
    }
    let context = "/spec/template/spec/containers/0/securityContext";
    let cases = [
        (
            said(
                ENVOY,
                set(
                    "/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem",
                    false.into(),
                ),
            ),
            "/securityContext/readOnlyRootFilesystem is not true",
        ),
        (
            said(
                ENVOY,
                set(
                    "/spec/template/spec/containers/0/securityContext/capabilities",
                    json!({"drop": ["ALL"], "add": ["NET_RAW"]}),
                ),
            ),
            "/securityContext/capabilities is not {\"drop\":[\"ALL\"]}",
        ),
        (said(ENVOY, insert(context, "privileged", true.into())), "privileged of its own"),
        (
            said(ENVOY, remove(context, "allowPrivilegeEscalation")),
            "/securityContext/allowPrivilegeEscalation is not false",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said, [format!("Deployment envoy container envoy: {expected}")]);
    }
    let of_the_node = said(
        ENVOY,
        set("/spec/template/spec/volumes", json!([{"name": "n", "hostPath": {"path": "/"}}])),
    );
    assert_eq!(of_the_node, ["Deployment envoy: volume n is of the node"]);
}

#[test]
fn secrets_in_the_open_are_seen() {
    let variables = |value: Value| said(ENVOY, insert(CONTAINER, "env", json!([value])));
    let plain = variables(json!({"name": "GATEWAY_SECRET", "value": "hunter2"}));
    assert_eq!(plain, ["Deployment envoy container envoy: GATEWAY_SECRET holds a secret"]);
    let in_url =
        variables(json!({"name": "STORE", "value": "postgres://authz:hunter2@postgres/authz"}));
    assert_eq!(in_url, ["Deployment envoy container envoy: STORE holds a secret"]);
    assert!(variables(json!({"name": "TOKEN_FILE", "value": "/run/token"})).is_empty());
    let mut objects = overlay("production");
    let mut metadata = json!({"name": "s", "namespace": objects[0]["metadata"]["name"]});
    metadata["labels"] = objects[0]["metadata"]["labels"].clone();
    objects.push(json!({"kind": "Secret", "metadata": metadata}));
    assert_eq!(violations("production", &objects), ["Secret s: is in what is rendered"]);
}

#[test]
fn accounts_that_are_shared_missing_or_entitled_are_seen() {
    let shared = said(ENVOY, insert(POD, "serviceAccountName", "redis".into()));
    assert_eq!(
        shared,
        ["ServiceAccount redis: is shared by Deployment envoy and StatefulSet redis"]
    );
    let missing = said(ENVOY, remove(POD, "serviceAccountName"));
    assert_eq!(missing, ["Deployment envoy: no ServiceAccount ``"]);
    let mounted = said(ENVOY, remove(POD, "automountServiceAccountToken"));
    assert_eq!(mounted, ["Deployment envoy: a token is mounted"]);
    let verbs = said("Role viewer", set("/rules/0/verbs", json!(["get", "create"])));
    assert_eq!(verbs, ["Role viewer: may create"]);
    let things = said("Role viewer", set("/rules/0/resources", json!(["pods", "secrets"])));
    assert_eq!(things, ["Role viewer: may see secrets"]);
    let given = said("RoleBinding viewer", set("/subjects/0/name", "envoy".into()));
    assert_eq!(given, ["RoleBinding viewer: gives envoy rights"]);
}

#[test]
fn a_lax_namespace_is_seen() {
    let label = "/metadata/labels/pod-security.kubernetes.io~1enforce";
    let lax = said("Namespace claimgate-production", set(label, "baseline".into()));
    assert_eq!(lax, ["Namespace: enforce is not restricted"]);
    let elsewhere = said("Service envoy", set("/metadata/namespace", "default".into()));
    assert_eq!(elsewhere, ["Service envoy: is in another namespace"]);
}

#[test]
fn names_of_nothing_are_seen() {
    let selector = json!({"app.kubernetes.io/name": "gateway"});
    assert_eq!(
        said("Service envoy", set("/spec/selector", selector)),
        ["Service envoy: stands for no pod"]
    );
    assert_eq!(
        said("Service envoy", set("/spec/ports/0/targetPort", "https".into())),
        ["Service envoy: its pods have no port `https`"]
    );
    let volume = json!([{"name": "c", "configMap": {"name": "nothing"}}]);
    assert_eq!(
        said(ENVOY, set("/spec/template/spec/volumes", volume)),
        ["Deployment envoy: no ConfigMap `nothing`"]
    );
    let claim = json!([{"name": "c", "persistentVolumeClaim": {"claimName": "nothing"}}]);
    assert_eq!(
        said(ENVOY, set("/spec/template/spec/volumes", claim)),
        ["Deployment envoy: no claim `nothing`"]
    );
    let key =
        json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "authz", "key": "nothing"}}}]);
    assert_eq!(
        said(ENVOY, insert(CONTAINER, "env", key)),
        ["Deployment envoy: nobody makes Secret `authz` with `nothing`"]
    );
    let fewer = said("ExternalSecret redis", set("/spec/data", json!([])));
    assert_eq!(
        fewer,
        [
            "no ExternalSecret brings `admin-password` of `redis`",
            "no ExternalSecret brings `claimgate-password` of `redis`",
        ]
    );
}

#[test]
fn what_is_not_there_twice_is_seen() {
    let without = |kind_of: &str, object: &str| {
        let mut objects = overlay("production");
        objects.retain(|one| kind(one) != kind_of || name(one) != object);
        violations("production", &objects)
    };
    assert_eq!(
        without("PodDisruptionBudget", "envoy"),
        ["Deployment envoy: no PodDisruptionBudget"]
    );
    assert_eq!(
        without("HorizontalPodAutoscaler", "envoy"),
        ["Deployment envoy: no HorizontalPodAutoscaler"]
    );
    let scaler = "HorizontalPodAutoscaler envoy";
    assert_eq!(said(scaler, remove("/spec", "minReplicas")), ["Deployment envoy: may be one pod"]);
    let metrics = json!([{"resource": {"name": "cpu"}}]);
    assert_eq!(
        said(scaler, set("/spec/metrics", metrics)),
        ["Deployment envoy: does not grow with memory"]
    );
    assert_eq!(
        said(ENVOY, insert("/spec", "replicas", 2.into())),
        ["Deployment envoy: has a number of its own beside its scaler's"]
    );
    let zones = said(ENVOY, remove(POD, "topologySpreadConstraints"));
    let expected = ["is not spread over zones", "may end up in one zone"];
    assert_eq!(zones, expected.map(|what| format!("Deployment envoy: {what}")));
    let lax = "/spec/template/spec/topologySpreadConstraints/0/whenUnsatisfiable";
    assert_eq!(
        said("StatefulSet redis", set(lax, "ScheduleAnyway".into())),
        ["StatefulSet redis: may end up in one zone"]
    );
    assert_eq!(
        said(ENVOY, remove(POD, "affinity")),
        ["Deployment envoy: is not spread over nodes"]
    );
}
