//! Redis as the pods start it: its users, and another primary when one is gone.

use std::fs;
use std::process::Command;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, http_status, wait_until};
use xtask::run::Scratch;
use xtask::tools;

use super::file;
use crate::rendered::{Object, overlay};

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

#[test]
#[ignore = "cargo xtask test-k8s: needs Redis and HAProxy"]
fn another_redis_takes_over_behind_the_same_name() {
    tools::redis_server().unwrap();
    let pods = Pods::new("production", 3);
    let mut running: Vec<_> =
        (0..3).map(|one| (pods.start(one, "replica.sh"), pods.start(one, "sentinel.sh"))).collect();
    let (door, probes) = (Port::free().unwrap(), Port::free().unwrap());
    let _haproxy = haproxy(&pods, &door, &probes);
    let door = format!("127.0.0.1:{}", door.number());
    let ready =
        || http_status(format!("127.0.0.1:{}", probes.number()).parse().unwrap(), "/health/ready");
    assert!(wait_until(SOON, || ready().is_ok_and(|status| status == 200)));
    let through = |args: &[&str]| through(&door, args);
    let replicas = || through(&["info", "replication"]).contains("connected_slaves:2");
    assert!(wait_until(SOON, replicas), "{}", through(&["info", "replication"]));
    // `min-replicas-to-write` wants a replica that is up to date.
    assert!(wait_until(SOON, || through(&["set", "claimgate:kept", "1"]) == "OK"));
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
    assert!(
        wait_until(SOON, || through(&["set", "claimgate:new", "1"]) == "OK"),
        "nobody took over"
    );
    assert_eq!(through(&["get", "claimgate:kept"]), "1");

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
    assert_eq!(pods.as_administrator("127.0.0.1", &["get", "claimgate:new"]), "1");
}

fn haproxy(pods: &Pods, door: &Port, probes: &Port) -> Process {
    let text = file(&pods.objects, "redis-primary", "haproxy.cfg");
    let text = text
        .replace("bind :6379", &format!("bind 127.0.0.1:{}", door.number()))
        .replace("bind :8081", &format!("bind 127.0.0.1:{}", probes.number()));
    let config = pods.scratch.path().join("haproxy.cfg");
    fs::write(&config, pods.here(&text, "")).unwrap();
    let log = Output::Log(pods.scratch.path().join("haproxy.log"));
    let launch =
        Launch::new("haproxy", tools::haproxy().unwrap(), log).args(["-db", "-f"]).arg(&config);
    let names = ["REDIS_0", "REDIS_1", "REDIS_2"].iter().zip(&pods.pods);
    let launch = names.fold(launch, |launch, (name, pod)| launch.env(name, &pod.address));
    launch.env("REDIS_PASSWORD", ADMINISTRATOR).start().unwrap()
}

/// What whoever is behind HAProxy says to authz-service's user.
fn through(door: &str, args: &[&str]) -> String {
    let (host, port) = door.split_once(':').unwrap();
    let user =
        if args[0] == "info" { ("default", ADMINISTRATOR) } else { ("claimgate", CLAIMGATE) };
    let mut command = Command::new("timeout");
    command.args(["2", "redis-cli", "-h", host, "-p", port, "--no-auth-warning"]);
    let output = command.args(["--user", user.0, "--pass", user.1]).args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
