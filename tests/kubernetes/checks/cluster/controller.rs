//! Envoy Gateway in Kubernetes mode, as a process beside the API server: with the rights of its chart and a real token of its
//! account. Its Envoys are Deployments, whose pods nobody runs.
//!
//! It reads `/certs` and writes `/var/lib/eg`: both are its own here, in a mount namespace over this machine's files. Its
//! ports are fixed, so it waits until they are free.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimgate_proc::{Launch, Output, Port, Process, Ready, port_holder, port_is_free, wait_until};
use serde_json::{Value, json};
use xtask::run::Scratch;
use xtask::{run, tools, workspace};

use super::server::Server;

pub const NAMESPACE: &str = "envoy-gateway-system";
/// For configuration, for modules and for its health.
const PORTS: [u16; 3] = [18000, 18002, 8081];
/// Another one on this machine may be in the middle of its own tests.
const FREE: Duration = Duration::from_secs(240);
const READY: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(60);
const CHART: &str = "charts/gateway-helm";

/// Dropping it stops it.
pub struct Controller {
    process: Process,
    _folder: Scratch,
    _admin: Port,
}

fn chart() -> PathBuf {
    tools::envoy_gateway_source().unwrap().join(CHART)
}

impl Controller {
    /// On a server that knows the kinds.
    pub fn start(server: &Server) -> Self {
        let folder = Scratch::new("controller").unwrap();
        server.must(&["create", "namespace", NAMESPACE]);
        let program = tools::envoy_gateway().unwrap();
        let config = server.kubeconfig().display().to_string();
        let variables = [("KUBECONFIG", &*config), ("ENVOY_GATEWAY_NAMESPACE", NAMESPACE)];
        run::capture_with(&program, &["certgen", "--disable-topology-injector"], &variables, LIMIT)
            .unwrap_or_else(|error| panic!("{error:#}"));
        let certificates = folder.path().join("certs");
        write_secret(&server.get(&["secret", "envoy-gateway", "-n", NAMESPACE]), &certificates);
        rights(server);
        let token =
            server.must(&["create", "token", "envoy-gateway", "-n", NAMESPACE, "--duration=2h"]);
        let config = folder.path().join("kubeconfig");
        fs::write(&config, server.config_with(token.trim()).to_string()).unwrap();
        let admin = Port::free().unwrap();
        let settings = folder.path().join("envoy-gateway.yaml");
        fs::write(&settings, self::settings(admin.number()).to_string()).unwrap();
        wait_for_ports();
        let process = launch(folder.path(), &program, &config, &settings).start().unwrap();
        let ready = Ready::Tcp(([127, 0, 0, 1], PORTS[1]).into());
        process.wait_ready(&ready, READY).unwrap_or_else(|error| panic!("{error}"));
        Self { process, _folder: folder, _admin: admin }
    }

    /// The end of what it said.
    pub fn said(&self) -> String {
        self.process.log_tail(40)
    }

    /// What it may not do and tried.
    pub fn forbidden(&self) -> Vec<String> {
        let said = self.process.log_tail(usize::MAX);
        said.lines().filter(|line| line.contains("is forbidden")).map(str::to_owned).collect()
    }
}

fn write_secret(secret: &Value, folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (name, value) in secret["data"].as_object().unwrap() {
        fs::write(folder.join(name), STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap();
    }
}

/// What `kubernetes/gateway-api` has its chart say, and what is only so here.
fn settings(admin: u16) -> Value {
    let values = workspace::root().join("kubernetes/gateway-api/envoy-gateway/values.yaml");
    let values: Value = serde_saphyr::from_str(&fs::read_to_string(values).unwrap()).unwrap();
    json!({
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
        "provider": {"type": "Kubernetes", "kubernetes": {
            "topologyInjector": {"disable": true}, "leaderElection": {"disable": true}}},
        "extensionApis": values["config"]["envoyGateway"]["extensionApis"],
        "admin": {"address": {"host": "127.0.0.1", "port": admin}},
        "telemetry": {"metrics": {"prometheus": {"disable": true}}},
    })
}

fn wait_for_ports() {
    let taken = || PORTS.into_iter().find(|port| !port_is_free(*port));
    let free = wait_until(FREE, || taken().is_none());
    assert!(free, "port {:?} is taken by {:?}", taken(), taken().and_then(port_holder));
}

fn launch(folder: &Path, program: &Path, config: &Path, settings: &Path) -> Launch {
    let over = folder.join("over");
    fs::create_dir(&over).unwrap();
    let script = r#"
        mount -t tmpfs tmpfs "$OVER"
        mkdir "$OVER/changed" "$OVER/work" "$OVER/root"
        mount -t overlay overlay -o "lowerdir=/,upperdir=$OVER/changed,workdir=$OVER/work" "$OVER/root"
        for one in /proc /dev /sys "$FILES" "$(dirname "$PROGRAM")"; do
            mkdir -p "$OVER/root$one"
            mount --rbind "$one" "$OVER/root$one"
        done
        mkdir -p "$OVER/root/certs"
        cp "$FILES"/certs/* "$OVER/root/certs"
        exec chroot "$OVER/root" "$PROGRAM" server --config-path "$SETTINGS"
    "#;
    let log = Output::Log(folder.join("envoy-gateway.log"));
    // Mounts are root's.
    Launch::new("envoy-gateway", "unshare", log)
        .args(["--mount", "--propagation", "private", "sh", "-euc", script])
        .env("OVER", over)
        .env("FILES", folder)
        .env("PROGRAM", program)
        .env("SETTINGS", settings)
        .env("KUBECONFIG", config)
        .env("ENVOY_GATEWAY_NAMESPACE", NAMESPACE)
}

/// The rules in the chart's templates; those of one place in it have no values in them.
fn rights(server: &Server) {
    let text = fs::read_to_string(chart().join("templates/_rbac.tpl")).unwrap();
    let rules = |prefix: &str| -> Vec<Value> {
        let parts = text.split("{{- define \"").skip(1).filter(|part| part.starts_with(prefix));
        let bodies =
            parts.filter_map(|part| part.split_once("-}}\n")?.1.split("{{- end }}").next());
        let plain = bodies.filter(|body| !body.contains("{{") && !body.trim().is_empty());
        let parsed = plain.map(|body| serde_saphyr::from_str::<Value>(body).unwrap());
        parsed.flat_map(|rule| rule.as_array().cloned().unwrap_or_else(|| vec![rule])).collect()
    };
    let everywhere = [rules("eg.rbac.cluster."), rules("eg.rbac.namespaced.")].concat();
    let own = rules("eg.rbac.infra.basic");
    assert!(everywhere.len() > 8 && own.len() > 3, "the chart is another: {everywhere:?}");
    let of = |kind: &str, rules: Vec<Value>| json!({"apiVersion": RBAC, "kind": kind, "metadata": {"name": "envoy-gateway", "namespace": NAMESPACE}, "rules": rules});
    let binding = |kind: &str, role: &str| {
        json!({
            "apiVersion": RBAC,
            "kind": kind,
            "metadata": {"name": "envoy-gateway", "namespace": NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "envoy-gateway"},
            "subjects": [{"kind": "ServiceAccount", "name": "envoy-gateway", "namespace": NAMESPACE}],
        })
    };
    server.must(&["create", "serviceaccount", "envoy-gateway", "-n", NAMESPACE]);
    let mut all = vec![of("Role", own), of("ClusterRole", everywhere)];
    all.push(binding("RoleBinding", "Role"));
    all.push(binding("ClusterRoleBinding", "ClusterRole"));
    for object in &mut all {
        if object["kind"].as_str().unwrap().starts_with("Cluster") {
            object["metadata"].as_object_mut().unwrap().remove("namespace");
        }
    }
    server.apply(&json!({"apiVersion": "v1", "kind": "List", "items": all}).to_string());
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// While `during` runs, gives every load balancer an address, as a cloud does.
pub fn with_a_balancer<R>(server: &Server, during: impl FnOnce() -> R) -> R {
    let is_over = AtomicBool::new(false);
    struct Over<'o>(&'o AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                balance(server);
                thread::sleep(Duration::from_millis(500));
            }
        });
        let _over = Over(&is_over);
        during()
    })
}

fn balance(server: &Server) {
    let services = server.get(&["services", "-n", NAMESPACE]);
    for service in services["items"].as_array().unwrap() {
        let waits = service["spec"]["type"] == "LoadBalancer"
            && service["status"]["loadBalancer"].get("ingress").is_none();
        if waits {
            let name = service["metadata"]["name"].as_str().unwrap();
            let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}});
            let patch = ["patch", "service", name, "-n", NAMESPACE, "--subresource=status"];
            // It may be gone again.
            server.kubectl(&[&patch[..], &["--patch", &status.to_string()]].concat());
        }
    }
}
