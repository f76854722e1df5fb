//! A control plane of its own for each test: etcd and an API server, and, where something is to run,
//! controllers, a scheduler, and kwok in place of machines. Gone with the test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Outcome, Stdio};
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, Ready, wait_until};
use serde_json::{Value, json};
use xtask::run::Scratch;
use xtask::{tools, workspace};

use crate::schema;

/// For a server on a machine that does other things as well.
const READY: Duration = Duration::from_secs(60);
const ADMINISTRATOR: &str = "administrator-of-this-test";
/// Two zones with two nodes each.
const NODES: [(&str, &str); 4] = [("one", "a"), ("two", "a"), ("three", "b"), ("four", "b")];

pub struct Server {
    folder: Scratch,
    programs: tools::Kubernetes,
    /// The last one started first.
    processes: Vec<Process>,
    _ports: Vec<Port>,
    address: String,
}

impl Server {
    /// An API server that knows every kind of ours.
    pub fn start() -> Self {
        let folder = Scratch::new("kubernetes").unwrap();
        let ports: Vec<_> = (0..3).map(|_| Port::free().unwrap()).collect();
        let [client, peer, api] = [0, 1, 2].map(|one| ports[one].number());
        let address = format!("https://127.0.0.1:{api}");
        let programs = tools::kubernetes().unwrap();
        let mut server = Self { folder, programs, processes: Vec::new(), _ports: ports, address };
        server.etcd(client, peer);
        server.api(client, api);
        server.write_kubeconfig();
        let ready = || server.kubectl(&["get", "--raw", "/readyz"]).status.success();
        assert!(wait_until(READY, ready), "{}", server.processes[0].log_tail(30));
        let kind = schema::folder().join("external-secrets.json");
        server.must(&["apply", "--server-side", "-f", &kind.display().to_string()]);
        let established = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
        server.must(&established);
        server
    }

    /// With everything that makes pods of workloads, and nodes that say that pods run.
    pub fn with_nodes() -> Self {
        let mut server = Self::start();
        server.controllers();
        server.kwok();
        let nodes = NODES.map(|(name, zone)| node(name, zone));
        server.apply(&json!({"apiVersion": "v1", "kind": "List", "items": nodes}).to_string());
        server.must(&["wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all"]);
        server
    }

    fn etcd(&mut self, client: u16, peer: u16) {
        let (client, peer) =
            (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let launch = self.launch("etcd", &tools::etcd().unwrap());
        let launch = launch.arg("--data-dir").arg(self.folder.path().join("etcd"));
        let client = ["--listen-client-urls", &client, "--advertise-client-urls", &client];
        let peers = ["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer];
        let member = format!("default={peer}");
        let launch = launch.args(client).args(peers).args(["--initial-cluster", &member]);
        self.keep(&launch.arg("--unsafe-no-fsync"));
    }

    fn api(&mut self, etcd: u16, port: u16) {
        let tokens = self.folder.path().join("tokens.csv");
        fs::write(&tokens, format!("{ADMINISTRATOR},admin,1,\"system:masters\"\n")).unwrap();
        let launch = self
            .program("kube-apiserver")
            .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
            .arg(format!("--secure-port={port}"))
            .arg(format!("--cert-dir={}", self.folder.path().join("pki").display()))
            .arg(format!("--service-account-key-file={}", key()))
            .arg(format!("--service-account-signing-key-file={}", key()))
            .arg(format!("--token-auth-file={}", tokens.display()))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .args(["--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16"])
            .args(["--service-account-issuer=https://kubernetes.default.svc"])
            // So that it is the namespace that refuses privileged pods.
            .args(["--authorization-mode=RBAC", "--allow-privileged=true"]);
        self.keep(&launch);
    }

    fn controllers(&mut self) {
        let ports = [Port::free().unwrap(), Port::free().unwrap()];
        let config = format!("--kubeconfig={}", self.kubeconfig().display());
        let common = |launch: Launch, port: &Port| {
            let certificates = self.folder.path().join(format!("pki-{}", port.number()));
            launch
                .args([&*config, "--leader-elect=false", "--bind-address=127.0.0.1"])
                .arg(format!("--secure-port={}", port.number()))
                .arg(format!("--cert-dir={}", certificates.display()))
        };
        let manager = common(self.program("kube-controller-manager"), &ports[0])
            .arg(format!("--service-account-private-key-file={}", key()))
            .arg("--controllers=*,-nodeipam,-service-lb-controller");
        let scheduler = common(self.program("kube-scheduler"), &ports[1]);
        self.keep(&manager);
        self.keep(&scheduler);
        self._ports.extend(ports);
    }

    fn kwok(&mut self) {
        let port = Port::free().unwrap();
        let (kwok, stages) = tools::kwok().unwrap();
        let launch = self
            .launch("kwok", &kwok)
            .arg(format!("--kubeconfig={}", self.kubeconfig().display()))
            .arg(format!("--config={}", stages.display()))
            .arg("--manage-all-nodes=true")
            .arg(format!("--server-address=127.0.0.1:{}", port.number()));
        self.keep(&launch);
        let address = format!("127.0.0.1:{}", port.number()).parse().unwrap();
        self.processes[0].wait_ready(&Ready::Tcp(address), READY).unwrap();
        self._ports.push(port);
    }

    fn program(&self, name: &str) -> Launch {
        self.launch(name, &self.programs.program(name))
    }

    fn launch(&self, name: &str, program: &Path) -> Launch {
        let log = self.folder.path().join(name).with_extension("log");
        Launch::new(name, program, Output::Log(log)).dir(self.folder.path())
    }

    fn keep(&mut self, launch: &Launch) {
        self.processes.insert(0, launch.start().unwrap());
    }

    /// The end of what every process said.
    pub fn said(&self) -> String {
        let tail = |one: &Process| format!("--- {}\n{}", one.name(), one.log_tail(20));
        self.processes.iter().map(tail).collect()
    }

    /// Everything of it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the administrator's credential is.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn write_kubeconfig(&self) {
        let config = self.config_with(ADMINISTRATOR);
        fs::write(self.kubeconfig(), config.to_string()).unwrap();
    }

    /// The way to this server with somebody's token.
    pub fn config_with(&self, token: &str) -> Value {
        let cluster = json!({"server": self.address, "insecure-skip-tls-verify": true});
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
            "current-context": "here",
        })
    }

    /// `kubectl` as the administrator.
    pub fn kubectl(&self, args: &[&str]) -> Outcome {
        self.kubectl_with(args, "")
    }

    /// The same with this on its stdin.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> Outcome {
        let mut command = self.command(&self.programs.program("kubectl"));
        let mut child = command.args(args).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// A command that finds this server, with `kubectl` on its path.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap();
        let bin = self.programs.program("kubectl");
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.folder.path())
            .env("PATH", format!("{}:{path}", bin.parent().unwrap().display()))
            .current_dir(workspace::root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a command says that has to succeed.
    pub fn must(&self, args: &[&str]) -> String {
        said(args, &self.kubectl(args), || self.said())
    }

    /// What a command says that has to be refused.
    pub fn refused(&self, args: &[&str], input: &str) -> String {
        let outcome = self.kubectl_with(args, input);
        assert!(!outcome.status.success(), "kubectl {}: was not refused", args.join(" "));
        String::from_utf8(outcome.stderr).unwrap()
    }

    /// Applies a text, with strict validation.
    pub fn apply(&self, text: &str) -> String {
        let args = ["apply", "--server-side", "--validate=strict", "-f", "-"];
        said(&args, &self.kubectl_with(&args, text), || self.said())
    }

    /// One object, or a list of them, as JSON.
    pub fn get(&self, args: &[&str]) -> Value {
        let args = [&["get", "-o", "json"], args].concat();
        serde_json::from_str(&self.must(&args)).unwrap()
    }
}

fn said(args: &[&str], outcome: &Outcome, more: impl FnOnce() -> String) -> String {
    let error = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success(), "kubectl {}: {error}\n{}", args.join(" "), more());
    String::from_utf8(outcome.stdout.clone()).unwrap()
}

/// A key that is for tests only: it signs the tokens of service accounts.
fn key() -> String {
    workspace::root().join("tests/testdata/keys/rsa-1.pem").display().to_string()
}

fn node(name: &str, zone: &str) -> Value {
    let room = json!({"cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    let labels = json!({
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": zone,
    });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"capacity": room, "allocatable": room},
    })
}
