//! A real Redis Cluster: the contract, slots that move, primaries that die, freeze and are voted
//! for. `cargo xtask test-stores` runs these.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_service::cache::{CacheError, Heard, Invalidation, RedisAddress, RedisCache, What};

use authz_service::directory::Directory;

use crate::caches::{AnyCache, LONG, contract, directory, key};
use crate::certificates::Authority;
use crate::fanout::a_change_is_known_everywhere_once_told;
use crate::patient::patient;
use crate::redis::{Redis, free_port};
use crate::redis_access::{RIGHTS, user};
use crate::redis_faults::{answers_rightly, recovers};

const EMAIL: &str = "known@example.com";
const KEY: &str = "user:platform-roles:known@example.com";

struct Cluster {
    nodes: Vec<Redis>,
    ports: Vec<u16>,
    tls: Option<(Authority, Vec<u16>)>,
}

impl Cluster {
    /// Three primaries with `replicas` each.
    fn start(replicas: usize) -> Self {
        Self::start_with(replicas, None)
    }

    fn start_with(replicas: usize, authority: Option<Authority>) -> Self {
        let mut tls_ports = Vec::new();
        let nodes: Vec<_> = (0..3 * (1 + replicas))
            .map(|_| {
                let mut arguments = vec!["--cluster-enabled".to_owned(), "yes".to_owned()];
                arguments.extend(["--cluster-node-timeout".to_owned(), "1500".to_owned()]);
                arguments.extend(["--cluster-port".to_owned(), free_port().to_string()]);
                arguments.extend(["--repl-diskless-sync-delay".to_owned(), "0".to_owned()]);
                if let Some(authority) = &authority {
                    let port = free_port();
                    arguments.extend(authority.server("127.0.0.1", port));
                    arguments.extend(["--tls-cluster".to_owned(), "yes".to_owned()]);
                    tls_ports.push(port);
                }
                Redis::start_with(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        let ports: Vec<_> = nodes.iter().map(Redis::port).collect();
        let cluster = Self { nodes, ports, tls: authority.map(|authority| (authority, tls_ports)) };
        cluster.create(replicas);
        cluster.nodes.iter().for_each(least_rights);
        cluster.agrees();
        cluster
    }

    fn create(&self, replicas: usize) {
        let mut command = Command::new("redis-cli");
        let ports = match &self.tls {
            None => &self.ports,
            Some((authority, ports)) => {
                command.arg("--tls").arg("--cacert").arg(authority.file());
                ports
            }
        };
        command.args(["--cluster", "create"]);
        command.args(ports.iter().map(|port| format!("127.0.0.1:{port}")));
        command.args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]);
        let created = command.stdout(Stdio::null()).status();
        assert!(created.expect("redis-cli is needed: apt-get install -y redis-tools").success());
    }

    /// Waits until every node sees the whole cluster, and every replica can stand in.
    fn agrees(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        for node in &self.nodes {
            let ready = || {
                node.command(&["CLUSTER", "INFO"]).starts_with("cluster_state:ok")
                    && !node.command(&["INFO", "replication"]).contains("master_link_status:down")
            };
            while !ready() {
                assert!(Instant::now() < end, "the cluster does not agree");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    fn address(&self) -> RedisAddress {
        let hosts = |ports: &[u16]| {
            ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
        };
        let (url, authorities) = match &self.tls {
            None => (format!("redis-cluster://claimgate:secret@{}", hosts(&self.ports)), None),
            Some((authority, ports)) => (
                format!("rediss-cluster://claimgate:secret@{}", hosts(ports)),
                Some(authority.file()),
            ),
        };
        RedisAddress::parse(&url, authorities.as_deref(), None).ok().unwrap()
    }

    async fn cache(&self) -> AnyCache {
        Arc::new(Redis::cache_at(self.address()).await)
    }

    async fn patient(&self) -> AnyCache {
        patient(Redis::cache_at(self.address()).await)
    }

    fn empty(&self) {
        for node in &self.nodes {
            node.command(&["FLUSHALL"]);
        }
    }

    /// Index of the primary that has `KEY`.
    fn owner(&self) -> usize {
        let owner = self.nodes.iter().position(|node| {
            let answer = node.command(&["SET", KEY, r#"["user","admin"]"#]);
            answer == "+OK"
        });
        owner.expect("a node has the key")
    }
}

/// A node knows the service as a user who may do no more than it must.
fn least_rights(node: &Redis) {
    user(node, &format!("reset on >secret {RIGHTS}"));
}

async fn for_a_while(directory: &Directory) {
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        answers_rightly(directory).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_cluster_keeps_the_contract_and_fans_out() {
    let cluster = Cluster::start(0);
    let cache = cluster.patient().await;
    contract(&cluster.patient().await, || cluster.empty()).await;
    for number in 0..300 {
        let key = key(&format!("{number}@example.com"));
        assert_eq!(cache.put(&key, b"[]".to_vec(), 0, LONG).await, Ok(true), "{number}");
    }
    cluster.empty();
    let long = |_| RedisCache::connect(cluster.address(), LONG).unwrap();
    let [one, other] = [0, 1].map(long);
    for cache in [&one, &other] {
        assert!(cache.connected_within(Duration::from_secs(10)).await);
    }
    a_change_is_known_everywhere_once_told(Arc::new(one), Arc::new(other)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_cluster_keeps_the_contract_over_tls() {
    let cluster = Cluster::start_with(0, Some(Authority::new()));
    contract(&cluster.patient().await, || cluster.empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_primary_that_dies_is_replaced_by_its_replica() {
    let mut cluster = Cluster::start(1);
    let cache = cluster.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let owner = cluster.owner();
    drop(cluster.nodes.remove(owner));
    for_a_while(&directory).await;
    recovers(&cache, &directory).await;
    assert_ne!(cluster.nodes[cluster.owner()].port(), cluster.ports[owner]);
    let change = Invalidation { version: 1, what: What::State };
    let mut heard = cache.subscribe();
    let end = Instant::now() + Duration::from_secs(20);
    while !matches!(heard.try_recv(), Ok(Heard::Change(_))) {
        assert!(Instant::now() < end, "nothing is heard after the fail-over");
        let _ = cache.publish(&change).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_primary_that_freezes_costs_bounded_time() {
    let cluster = Cluster::start(1);
    let cache = cluster.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let owner = cluster.owner();
    cluster.nodes[owner].freeze();
    for_a_while(&directory).await;
    recovers(&cache, &directory).await;
    cluster.nodes[owner].thaw();
    for_a_while(&directory).await;
    recovers(&cache, &directory).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_cluster_that_is_down_is_left_alone_until_it_is_whole() {
    let mut cluster = Cluster::start(0);
    let cache = cluster.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let owner = cluster.owner();
    let (port, bus) = (cluster.ports[owner], free_port().to_string());
    let left = cluster.nodes.remove(owner).stop();
    for_a_while(&directory).await;
    let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    cluster.nodes.push(Redis::start_on_with(port, &arguments, left));
    cluster.nodes.last().map(least_rights).unwrap();
    recovers(&cache, &directory).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by cargo xtask test-stores"]
async fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start(0);
    let cache = cluster.cache().await;
    let directory = directory(&cache).await;
    recovers(&cache, &directory).await;
    let from = cluster.owner();
    let to = (from + 1) % 3;
    let id = |node: usize| cluster.nodes[node].command(&["CLUSTER", "MYID"]);
    let slot = cluster.nodes[from].command(&["CLUSTER", "KEYSLOT", KEY]);
    let slot = slot.trim_start_matches(':');
    let set = |node: usize, state: &str, other: usize| {
        let command = ["CLUSTER", "SETSLOT", slot, state, &id(other)];
        assert_eq!(cluster.nodes[node].command(&command), "+OK");
    };
    set(to, "IMPORTING", from);
    set(from, "MIGRATING", to);
    // Nobody is sent on (ASK): the store answers, and other slots go on being used.
    cluster.nodes[from].command(&["DEL", KEY]);
    for_a_while(&directory).await;
    let moving = cluster.patient().await.fetch(&key(EMAIL)).await;
    assert_eq!(moving, Err(CacheError::Refused("MOVED".into())));
    set(to, "NODE", to);
    set(from, "NODE", to);
    recovers(&cache, &directory).await;
    assert_eq!(cluster.owner(), to);
}
