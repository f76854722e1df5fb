//! What runs: from which image, with how much, as whom, and how one knows that it is well.

use serde_json::Value;

use crate::rendered::{Object, at, called, items, kind, workloads};

/// Nobody's user, which every image can run as.
const NOBODY: u64 = 65532;
/// Programs of a probe that are shells: most images here have none.
const SHELLS: [&str; 4] = ["sh", "bash", "/bin/sh", "/bin/bash"];

/// Every container of every workload, with what a message calls it.
fn containers(objects: &[Object]) -> impl Iterator<Item = (String, &Value, bool)> {
    workloads(objects).flat_map(|(object, template)| {
        let place = called(object);
        let serves = matches!(kind(object), "Deployment" | "StatefulSet" | "DaemonSet");
        let lists =
            [("containers", serves), ("initContainers", false), ("ephemeralContainers", false)];
        lists.into_iter().flat_map(move |(list, serves)| {
            let place = place.clone();
            let all = items(template, &format!("/spec/{list}")).iter();
            all.map(move |one| (format!("{place} container {}", at(one, "/name")), one, serves))
        })
    })
}

/// Every image has a version that does not move, or a digest.
pub fn images(objects: &[Object]) -> Vec<String> {
    let of_containers = containers(objects).map(|(place, one, _)| (place, at(one, "/image")));
    let of_volumes = workloads(objects).flat_map(|(object, template)| {
        let volumes = items(template, "/spec/volumes").iter();
        let images = volumes.filter(|volume| volume.get("image").is_some());
        images.map(move |one| {
            (format!("{} volume {}", called(object), at(one, "/name")), at(one, "/image/reference"))
        })
    });
    let wrong = of_containers.chain(of_volumes).filter(|(_, image)| !is_pinned(image));
    wrong.map(|(place, image)| format!("{place}: image `{image}` has no version")).collect()
}

fn is_pinned(image: &str) -> bool {
    if let Some((_, digest)) = image.split_once("@sha256:") {
        return digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    let (registry, last) = image.rsplit_once('/').unwrap_or_default();
    let tag = last.split_once(':').map_or("", |(_, tag)| tag);
    // With a registry's name: without one, whose image it is depends on the node.
    registry.contains('.') && !matches!(tag, "" | "latest")
}

/// Every container says what it needs and what it may take.
pub fn resources(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, container, _) in containers(objects) {
        for list in ["requests", "limits"] {
            for what in ["cpu", "memory", "ephemeral-storage"] {
                if at(container, &format!("/resources/{list}/{what}")).is_empty() {
                    wrong.push(format!("{place}: no {list} of {what}"));
                }
            }
        }
    }
    wrong
}

/// What serves is asked whether it does, without a shell.
pub fn probes(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, container, _) in containers(objects).filter(|(_, _, serves)| *serves) {
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let Some(probed) = container.get(probe) else {
                wrong.push(format!("{place}: no {probe}"));
                continue;
            };
            if SHELLS.contains(&at(probed, "/exec/command/0")) {
                wrong.push(format!("{place}: {probe} needs a shell"));
            }
        }
    }
    wrong
}

/// The profile `restricted`, and more: nobody's user, and a file system that cannot be written.
pub fn security(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (object, template) in workloads(objects) {
        let expected = [
            ("/spec/securityContext/runAsNonRoot", Value::from(true)),
            ("/spec/securityContext/runAsUser", NOBODY.into()),
            ("/spec/securityContext/runAsGroup", NOBODY.into()),
            ("/spec/securityContext/seccompProfile/type", "RuntimeDefault".into()),
            ("/spec/enableServiceLinks", false.into()),
        ];
        expect(&called(object), template, &expected, &mut wrong);
        for shared in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"] {
            if template.pointer(&format!("/spec/{shared}")).is_some() {
                wrong.push(format!("{}: {shared}", called(object)));
            }
        }
        let volumes = items(template, "/spec/volumes").iter();
        wrong.extend(volumes.filter(|volume| volume.get("hostPath").is_some()).map(|volume| {
            format!("{}: volume {} is of the node", called(object), at(volume, "/name"))
        }));
    }
    for (place, container, _) in containers(objects) {
        let expected = [
            ("/securityContext/allowPrivilegeEscalation", Value::from(false)),
            ("/securityContext/readOnlyRootFilesystem", true.into()),
            ("/securityContext/runAsNonRoot", true.into()),
            ("/securityContext/capabilities", serde_json::json!({"drop": ["ALL"]})),
        ];
        expect(&place, container, &expected, &mut wrong);
        for field in ["privileged", "runAsUser", "seccompProfile", "procMount"] {
            if container.pointer(&format!("/securityContext/{field}")).is_some() {
                wrong.push(format!("{place}: {field} of its own"));
            }
        }
        let ports = items(container, "/ports").iter();
        wrong.extend(
            ports
                .filter(|port| port.get("hostPort").is_some())
                .map(|_| format!("{place}: hostPort")),
        );
    }
    wrong
}

fn expect(place: &str, object: &Value, expected: &[(&str, Value)], wrong: &mut Vec<String>) {
    for (pointer, value) in expected {
        if object.pointer(pointer) != Some(value) {
            wrong.push(format!("{place}: {pointer} is not {value}"));
        }
    }
}

/// No secret stands in an environment as it is.
pub fn environment(objects: &[Object]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, container, _) in containers(objects) {
        for variable in items(container, "/env").iter().filter(|one| one.get("value").is_some()) {
            let (name, value) = (at(variable, "/name"), at(variable, "/value"));
            let secret =
                ["PASSWORD", "SECRET", "TOKEN", "KEY"].iter().any(|part| name.contains(part));
            if (secret && !name.ends_with("_FILE")) || has_password(value) {
                wrong.push(format!("{place}: {name} holds a secret"));
            }
        }
    }
    wrong
}

/// `scheme://user:password@host`
fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split('/').next());
    let user = authority.and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}
