//! `envoy/envoy.yaml` for places other than this machine's loopback: the demo in containers, and Kubernetes.
//!
//! Text for text, so that its comments go along. What may differ is in one table of rows and nowhere else; a row whose
//! text is not in the file as often as it says is an error, so that neither can change without the other. It must
//! never change a rule or a limit.

mod logouts;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Where it is rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Place {
    /// The containers of `compose.yaml`.
    Compose,
    /// Pods of `kubernetes/base`.
    Kubernetes,
    /// The same, where an identity provider outside of the cluster tells of logouts.
    KubernetesLogouts,
}

/// One thing that differs.
struct Row {
    /// As it stands in `envoy/envoy.yaml`.
    from: String,
    to: String,
    times: usize,
}

const MODULE: &str = "/etc/claimgate/plugin.wasm";
/// What the gateway shows the authorization service, which is not on its loopback any more.
const CREDENTIAL: &str = "AUTHZ_SERVICE_TOKEN";

impl Place {
    /// The places.
    pub const ALL: [Self; 3] = [Self::Compose, Self::Kubernetes, Self::KubernetesLogouts];

    /// Where the result is kept, from the repository's root.
    #[must_use]
    pub fn file(self) -> &'static Path {
        Path::new(match self {
            Self::Compose => "compose/envoy.yaml",
            Self::Kubernetes => "kubernetes/base/envoy.yaml",
            Self::KubernetesLogouts => "kubernetes/components/logouts-from-outside/envoy.yaml",
        })
    }

    /// What the identity provider is called there.
    fn identity_provider(self) -> &'static str {
        match self {
            Self::Compose => "keycloak",
            Self::Kubernetes | Self::KubernetesLogouts => "idp",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::KubernetesLogouts => "kubernetes-logouts",
        }
    }

    fn rows(self) -> Vec<Row> {
        let hosts = [
            (8180, self.identity_provider()),
            (8003, "authz-service"),
            (8001, "customer-service"),
            (8002, "product-service"),
        ];
        let mut rows: Vec<_> = hosts.map(|(port, host)| upstream(port, host)).into();
        rows.extend([
            row("      type: STATIC\n", "      type: STRICT_DNS\n", hosts.len()),
            row(&socket("127.0.0.1", 8080), &socket("0.0.0.0", 8080), 1),
            row("{filename: dist/plugin.wasm}", &format!("{{filename: {MODULE}}}"), 1),
            // Outside loopback authz-service asks who calls.
            row(
                "runtime: envoy.wasm.runtime.v8\n",
                &format!(
                    "runtime: envoy.wasm.runtime.v8\n{}environment_variables: {{host_env_keys: [{CREDENTIAL}]}}\n",
                    " ".repeat(26)
                ),
                1,
            ),
            row(
                "path: /access/v1/evaluation\n",
                &format!("path: /access/v1/evaluation\n{}credential_env: {CREDENTIAL}\n", " ".repeat(32)),
                1,
            ),
            // There Keycloak tells authz-service who has logged out. What is for everybody does not need to know.
            row(
                "                            identity_headers:\n",
                &format!(
                    "{FRESHNESS}, credential_env: {CREDENTIAL}}}\n                            identity_headers:\n"
                ),
                1,
            ),
            row(
                "                                roles_on_failure: absent\n",
                "                                roles_on_failure: absent\n                                failure_mode: allow\n",
                5,
            ),
            row(
                ME,
                &format!("{ME}{}", credential_header(26)),
                1,
            ),
            row(
                HEADING,
                &format!("# Rendered from envoy/envoy.yaml by `cargo xtask render-envoy {}`: change that.\n", self.name()),
                1,
            ),
        ]);
        if self != Self::Compose {
            rows.push(row("  listeners:\n", &format!("  listeners:\n{PROBES}"), 1));
        }
        if self == Self::KubernetesLogouts {
            rows.extend(logouts::rows());
        }
        rows
    }

    /// The file's text for this place.
    pub fn render(self) -> Result<String> {
        let file = source();
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        self.rows().iter().try_fold(text, |text, Row { from, to, times }| {
            let found = text.matches(from.as_str()).count();
            ensure!(
                found == *times,
                "{}: {from:?} is there {found} times, not {times}",
                file.display()
            );
            Ok(text.replace(from.as_str(), to))
        })
    }

    /// Writes it where it is kept.
    pub fn write(self) -> Result<PathBuf> {
        let file = workspace::root().join(self.file());
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, self.render()?).with_context(|| file.display().to_string())?;
        Ok(file)
    }
}

/// The route that leads to the authorization service itself.
const ME: &str = "\
                          match: {path: /auth/me}
                          request_headers_to_remove: [x-gateway-secret]
";

/// Logouts, revocations and changed roles count within a second (docs/freshness.md).
const FRESHNESS: &str = "                            freshness: {cluster: authz-service";

/// What the file says of itself, which holds for no other place.
const HEADING: &str = "\
# The gateway of the demo, run from the repository root: `envoy -c envoy/envoy.yaml` or
# `func-e run -c envoy/envoy.yaml`, with GATEWAY_SECRET set as for the services.
# README.md beside this file says how to try it; docs/contract.md is what it has to keep.
#
# Every value that depends on where this runs is replaced by xtask: ports and issuer for stacks on other ports
# (xtask/src/stack/render.rs), hosts, module and credential for containers (xtask/src/render.rs).
";

/// A kubelet asks from outside the pod, and the admin interface is for nobody outside.
const PROBES: &str = r#"    - name: probes
      address: {socket_address: {address: 0.0.0.0, port_value: 8081}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: probes
                route_config: {name: probes, virtual_hosts: [{name: probes, domains: ["*"]}]}
                http_filters:
                  - name: envoy.filters.http.health_check
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck
                      pass_through_mode: false
                      headers: [{name: ":path", string_match: {exact: /ready}}]
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"#;

fn source() -> PathBuf {
    workspace::root().join("envoy/envoy.yaml")
}

fn row(from: &str, to: &str, times: usize) -> Row {
    Row { from: from.to_owned(), to: to.to_owned(), times }
}

fn upstream(port: u16, host: &str) -> Row {
    row(&socket("127.0.0.1", port), &socket(host, port), 1)
}

fn socket(address: &str, port: u16) -> String {
    format!("{{address: {address}, port_value: {port}}}")
}

fn credential_header(indent: usize) -> String {
    let space = " ".repeat(indent);
    format!(
        "{space}request_headers_to_add:\n\
         {space}  - header: {{key: authorization, value: \"Bearer %ENVIRONMENT({CREDENTIAL})%\"}}\n\
         {space}    append_action: OVERWRITE_IF_EXISTS_OR_ADD\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_the_demo_s_file_gives() {
        for place in Place::ALL {
            let kept = fs::read_to_string(workspace::root().join(place.file())).unwrap();
            let name = place.name();
            assert_eq!(kept, place.render().unwrap(), "cargo xtask render-envoy {name}");
        }
    }

    #[test]
    fn nothing_is_left_of_this_machine_but_the_admin_interface() {
        for place in Place::ALL {
            let text = place.render().unwrap();
            let left: Vec<_> = text.lines().filter(|line| line.contains("127.0.0.1")).collect();
            assert_eq!(left.len(), 1, "{left:?}");
            assert!(left.iter().all(|line| line.contains("9901")), "{left:?}");
        }
    }

    #[test]
    fn it_is_still_yaml_and_has_the_same_policy_but_for_credential_and_feed() {
        let read = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
        let own = read(&fs::read_to_string(source()).unwrap());
        for place in Place::ALL {
            let rendered = read(&place.render().unwrap());
            let mut policies = [&own, &rendered].map(|config| policy(config).clone());
            let theirs = policies[1].as_object_mut().unwrap();
            let routes = theirs["routes"].as_array_mut().unwrap();
            let logouts = routes.extract_if(.., |one| one["name"] == "backchannel-logout").count();
            assert_eq!(logouts, usize::from(place == Place::KubernetesLogouts));
            let feed = theirs.remove("freshness").unwrap();
            let decision_point = theirs["authorization"][0].as_object_mut().unwrap();
            let credential = decision_point.remove("credential_env").unwrap();
            assert_eq!([&feed["credential_env"], &credential], [CREDENTIAL; 2]);
            for route in theirs["routes"].as_array_mut().unwrap() {
                let mode = route.as_object_mut().unwrap().remove("failure_mode");
                assert_eq!(mode.is_some(), route.get("roles_on_failure").is_some());
            }
            assert_eq!(policies[0], policies[1]);
        }
    }

    #[test]
    fn for_logouts_from_outside_something_is_added_and_nothing_changed() {
        let pods = Place::Kubernetes.render().unwrap();
        let with = Place::KubernetesLogouts.render().unwrap();
        let added: Vec<_> =
            logouts::rows().iter().map(|row| row.to.replacen(&row.from, "", 1)).collect();
        let without = added.iter().fold(with, |text, added| text.replacen(added, "", 1));
        assert_eq!(without.replacen("kubernetes-logouts`", "kubernetes`", 1), pods);
    }

    /// The filter's configuration, which is on the last listener.
    fn policy(config: &serde_json::Value) -> &serde_json::Value {
        let listeners = config["static_resources"]["listeners"].as_array().unwrap();
        let manager = &listeners.last().unwrap()["filter_chains"][0]["filters"][0]["typed_config"];
        let filters = manager["http_filters"].as_array().unwrap();
        let ours = filters.iter().find(|filter| filter["name"] == "claimgate").unwrap();
        &ours["typed_config"]["config"]["configuration"]["value"]
    }
}
