//! Redis as the pods start it: its users, and authz-service with another primary when one is gone.

use std::fs;
use std::process::Command;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, http_get, wait_until};
use xtask::run::Scratch;
use xtask::{tools, workspace};

use super::{file, succeed};
use crate::rendered::{Object, at, items, name, of_kind, overlay};

const ADMINISTRATOR: &str = "administrator-of-the-tests";
const CLAIMGATE: &str = "claimgate-user-of-the-tests";
/// A fail-over takes the five seconds after which Sentinel believes it, and some more.
const SOON: Duration = Duration::from_secs(60);

/// One pod: an address of its own on loopback, the ports of the manifests.
struct Pod {
    address: String,
    folder: std::path::PathBuf,
}

struct Pods {
    scratch: Scratch,
    objects: Vec<Object>,
    ports: [Port; 2],
    pods: Vec<Pod>,
}

impl Pods {
    fn new(overlay_name: &str, count: usize) -> Self {
        let (scratch, objects) = (Scratch::new("redis").unwrap(), overlay(overlay_name));
        let ports = [Port::free().unwrap(), Port::free().unwrap()];
        for (name, password) in
            [("admin-password", ADMINISTRATOR), ("claimgate-password", CLAIMGATE)]
        {
            fs::write(scratch.path().join(name), password).unwrap();
        }
        let mut pods = Self { scratch, objects, ports, pods: Vec::new() };
        for number in 1..=count {
            let folder = pods.scratch.path().join(number.to_string());
            for name in ["data", "run"] {
                fs::create_dir_all(folder.join(name)).unwrap();
            }
            pods.write(&folder, "redis", &["redis.conf", "start.sh"]);
            if count > 1 {
                pods.write(&folder, "redis-sentinel", &["replica.sh", "sentinel.sh", "primary.sh"]);
            }
            pods.pods.push(Pod { address: format!("127.0.0.{number}"), folder });
        }
        pods
    }

    /// Files of a ConfigMap, with the ports and folders of this machine.
    fn write(&self, folder: &std::path::Path, map: &str, files: &[&str]) {
        let place = folder.display().to_string();
        for name in files {
            let text = file(&self.objects, map, name);
            fs::write(folder.join(name), self.here(&text, &place)).unwrap();
        }
    }

    fn here(&self, text: &str, place: &str) -> String {
        let [redis, sentinel] = [0, 1].map(|one| self.ports[one].number().to_string());
        text.replace("26379", &sentinel)
            .replace("6379", &redis)
            .replace("/run/redis/users.acl", &format!("{place}/run/users.acl"))
            .replace("dir /data", &format!("dir {place}/data"))
    }

    fn start(&self, number: usize, script: &str) -> Process {
        let Pod { address, folder } = &self.pods[number];
        let nodes: Vec<_> = self.pods.iter().map(|pod| pod.address.as_str()).collect();
        let log = Output::Log(folder.join(script).with_extension("log"));
        let launch = Launch::new(script, "sh", log).arg(folder.join(script));
        let run = folder.join("run");
        let place = [("RUN", &run), ("SCRIPTS", folder), ("SENTINEL_SCRIPTS", folder)];
        let launch = place.iter().fold(launch, |launch, (name, value)| launch.env(name, value));
        let launch = launch
            .args(["--bind", address])
            .env("SELF", address)
            .env("NODES", nodes.join(" "))
            .env("SECRETS", self.scratch.path())
            .env("REDISCLI_AUTH", ADMINISTRATOR)
            .env("BASE_CONFIG", folder.join("redis.conf"));
        let launch = if script == "start.sh" {
            launch.env("CONFIG", folder.join("redis.conf"))
        } else {
            launch
        };
        launch.start().unwrap()
    }

    /// What Redis there says, to this user.
    fn ask(&self, address: &str, user: &str, password: &str, args: &[&str]) -> String {
        let port = self.ports[0].number().to_string();
        let mut command = Command::new("timeout");
        command.args(["2", "redis-cli", "-h", address, "-p", &port, "--no-auth-warning"]);
        let output =
            command.args(["--user", user, "--pass", password]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What the first pod's Sentinel says to this user.
    fn ask_sentinel(&self, user: &[&str], args: &[&str]) -> String {
        let port = self.ports[1].number().to_string();
        let mut command = Command::new("timeout");
        command.args(["2", "redis-cli", "-h", &self.pods[0].address, "-p", &port]);
        let output = command.arg("--no-auth-warning").args(user).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What a Sentinel knows.
    fn sentinel(&self, address: &str, what: &str) -> String {
        let port = self.ports[1].number().to_string();
        let mut command = Command::new("redis-cli");
        command.args(["-h", address, "-p", &port, "--no-auth-warning", "-a", ADMINISTRATOR]);
        let output = command.args(["sentinel", what, "claimgate"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn as_administrator(&self, address: &str, args: &[&str]) -> String {
        self.ask(address, "default", ADMINISTRATOR, args)
    }

    fn as_claimgate(&self, address: &str, args: &[&str]) -> String {
        self.ask(address, "claimgate", CLAIMGATE, args)
    }
}

#[test]
#[ignore = "cargo xtask test-k8s: needs Redis"]
fn the_user_of_authz_service_may_do_its_work_and_no_more() {
    tools::redis_server().unwrap();
    let pods = Pods::new("staging", 1);
    let _redis = pods.start(0, "start.sh");
    let there = || pods.as_administrator("127.0.0.1", &["ping"]) == "PONG";
    assert!(wait_until(SOON, there));
    let ours = |args: &[&str]| pods.as_claimgate("127.0.0.1", args);
    assert_eq!(ours(&["set", "user:platform-roles:a@example.com", "[]", "EX", "300"]), "OK");
    assert_eq!(ours(&["get", "user:platform-roles:a@example.com"]), "[]");
    assert!(ours(&["set", "somebody:else", "1"]).starts_with("NOPERM"));
    assert!(ours(&["config", "get", "requirepass"]).starts_with("NOPERM"));
    assert!(ours(&["flushall"]).starts_with("NOPERM"));
    let wrong = pods.ask("127.0.0.1", "claimgate", "wrong", &["ping"]);
    assert!(!wrong.contains("PONG"), "{wrong}");
    let file = pods.as_administrator("127.0.0.1", &["config", "get", "appendonly"]);
    assert_eq!(file, "appendonly\nyes");
}

/// authz-service with the Redis that its pod has.
struct Service {
    process: Process,
    port: Port,
}

impl Service {
    fn start(pods: &Pods) -> Self {
        let deployments = of_kind(&pods.objects, "Deployment");
        let mut deployments = deployments.filter(|one| name(one) == "authz-service");
        let variables = items(deployments.next().unwrap(), "/spec/template/spec/containers/0/env");
        let variables = variables.iter().map(|one| (at(one, "/name"), at(one, "/value")));
        let redis: Vec<_> =
            variables.filter(|(name, _)| name.starts_with("AUTHZ_SERVICE_REDIS")).collect();
        assert_eq!(redis.len(), 4, "{redis:?}");
        let (program, port) = (workspace::debug_binary("authz-service").unwrap(), Port::free());
        let (port, services) = (port.unwrap(), workspace::root().join("services"));
        let log = Output::Log(pods.scratch.path().join("authz-service.log"));
        let launch = Launch::new("authz-service", program, log)
            .args(["--listen", &format!("127.0.0.1:{}", port.number()), "--policies"])
            .arg(services.join("authz-service/demo"))
            .arg("--entities")
            .arg(services.join("demo-data/entities.json"));
        let secrets = pods.scratch.path().display().to_string();
        let launch = redis.into_iter().fold(launch, |launch, (name, value)| {
            let value = pods.here(value, "").replace("/run/secrets/redis", &secrets);
            let value = pods.pods.iter().enumerate().fold(value, |value, (number, pod)| {
                value.replace(&format!("redis-{number}.redis-nodes"), &pod.address)
            });
            launch.env(name, value)
        });
        Self { process: launch.start().unwrap(), port }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// What it says of its Redis; nothing before it listens.
    fn health(&self) -> String {
        let answer = http_get(self.address().parse().unwrap(), "/health/ready");
        answer.map(|(_, body)| body).unwrap_or_default()
    }

    fn is_well(&self) -> bool {
        self.health().contains(r#""status":"ready""#)
    }

    /// Asks for a decision about whoever has this address: always as the store knows it.
    fn decides(&self, email: &str) {
        let question = format!(
            r#"{{"subject": {{"type": "identity", "id": "00000000-0000-4000-8000-000000000000",
                "properties": {{"email": "{email}", "email_verified": true}}}},
                "action": {{"name": "GET"}}, "resource": {{"type": "route", "id": "/customers"}}}}"#
        );
        let mut command = Command::new(tools::curl().unwrap());
        command.args(["-sS", "--max-time", "5", "-H", "content-type: application/json", "-d"]);
        let url = format!("http://{}/access/v1/evaluation", self.address());
        let answer = succeed(command.arg(question).arg(url));
        assert!(answer.contains(r#""decision":true"#), "{answer} {}", self.process.log_tail(20));
    }
}

#[test]
#[ignore = "cargo xtask test-k8s: needs Redis and authz-service"]
fn authz_service_follows_to_the_redis_that_takes_over() {
    tools::redis_server().unwrap();
    let pods = Pods::new("production", 3);
    // It starts first, as pods may.
    let service = Service::start(&pods);
    assert!(wait_until(SOON, || service.health().contains("degraded")), "{}", service.health());
    let mut running: Vec<_> =
        (0..3).map(|one| (pods.start(one, "replica.sh"), pods.start(one, "sentinel.sh"))).collect();
    assert!(wait_until(SOON, || service.is_well()), "{}", service.process.log_tail(20));
    let entry = |email: &str| format!("user:platform-roles:{email}");
    let (kept, new) = ("test.user-cm@example.com", "admin.user@example.com");
    let is_in = |pod: &Pod, email: &str| {
        pods.as_claimgate(&pod.address, &["get", &entry(email)]).starts_with("[\"user\",")
    };
    // `min-replicas-to-write` wants a replica that is up to date, and all of them have the entry.
    let everywhere = || {
        service.decides(kept);
        pods.pods.iter().all(|pod| is_in(pod, kept))
    };
    assert!(wait_until(SOON, everywhere), "{}", service.process.log_tail(20));
    // A Sentinel that does not know of replicas yet could put none in the primary's place.
    let known = |pod: &Pod| {
        let said = pods.sentinel(&pod.address, "master");
        let said: Vec<_> = said.lines().collect();
        let of = |name: &str| said.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
        of("num-slaves") == Some("2") && of("num-other-sentinels") == Some("2")
    };
    let agreed = || pods.pods.iter().all(known);
    assert!(wait_until(SOON, agreed), "{}", pods.sentinel("127.0.0.2", "master"));

    let (redis, sentinel) = running.remove(0);
    redis.kill();
    sentinel.kill();
    let taken_over = || {
        service.decides(new);
        pods.pods[1..].iter().all(|pod| is_in(pod, new))
    };
    assert!(wait_until(SOON, taken_over), "nobody took over: {}", service.process.log_tail(20));
    assert!(wait_until(SOON, || service.is_well()), "{}", service.process.log_tail(20));
    assert!(pods.pods[1..].iter().all(|pod| is_in(pod, kept)));

    // The one that was the primary comes back, and follows.
    let _returned = (pods.start(0, "replica.sh"), pods.start(0, "sentinel.sh"));
    let follows = || {
        let said = pods.as_administrator("127.0.0.1", &["info", "replication"]);
        said.contains("role:slave") && said.contains("master_link_status:up")
    };
    assert!(
        wait_until(SOON, follows),
        "{}",
        pods.as_administrator("127.0.0.1", &["info", "replication"])
    );
    assert!(is_in(&pods.pods[0], new));
}

#[test]
#[ignore = "cargo xtask test-k8s: needs Redis"]
fn authz_service_may_ask_a_sentinel_who_the_primary_is_and_nothing_else() {
    tools::redis_server().unwrap();
    let pods = Pods::new("production", 2);
    let _running = [pods.start(0, "replica.sh"), pods.start(0, "sentinel.sh")];
    let ours =
        |args: &[&str]| pods.ask_sentinel(&["--user", "claimgate", "--pass", CLAIMGATE], args);
    let named =
        || ours(&["sentinel", "get-master-addr-by-name", "claimgate"]).contains("127.0.0.1");
    assert!(wait_until(SOON, named));
    for refused in [
        &["sentinel", "failover", "claimgate"][..],
        &["sentinel", "remove", "claimgate"],
        &["sentinel", "set", "claimgate", "quorum", "1"],
        &["sentinel", "masters"],
        &["acl", "list"],
        &["shutdown"],
    ] {
        let said = ours(refused);
        assert!(said.starts_with("NOPERM"), "{refused:?}: {said}");
    }
    let stranger = pods.ask_sentinel(&[], &["sentinel", "get-master-addr-by-name", "claimgate"]);
    assert!(stranger.starts_with("NOAUTH"), "{stranger}");
}
