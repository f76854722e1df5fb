//! What an earlier version had and the present one does not: named, and removed when that is asked for, but for
//! what holds data and secrets.

use serde_json::{Value, json};
use xtask::workspace;

use super::super::envoy::Envoy;
use super::super::{assert_says, fails, succeeds};
use super::{NAMESPACE, count};
use crate::cluster::server::Server;
use crate::rendered::{items, name};
use crate::rules::secrets_by_name;

const LEFT: [&str; 4] = [
    "networkpolicy/everybody-decides",
    "service/reports",
    "deployment/reports",
    "statefulset/history",
];

fn there(server: &Server, what: &str) -> bool {
    server.kubectl(&["get", what, "-n", NAMESPACE]).status.success()
}

/// `deploy` puts the present version there, whose gateway is asked `here`.
pub fn are_named_and_removed_when_that_is_asked_for(
    server: &Server,
    deploy: &[&str],
    here: &[&str],
) {
    let earlier = workspace::root().join("tests/kubernetes/variants/earlier");
    let earlier = ["--overlay", earlier.to_str().unwrap()];
    succeeds(server, &[deploy, here, &earlier].concat());
    a_secret_and_a_claim_with_our_labels(server);
    let claims = claims(server);
    assert!(claims.contains(&"data-history-0".to_owned()), "{claims:?}");

    let said = succeeds(server, &[deploy, here].concat());
    let rule = "NetworkPolicy claimgate-dev/everybody-decides: is left over from an earlier version, \
        and allows what the present rules do not";
    let command =
        "kubectl -n claimgate-dev delete networkpolicy.networking.k8s.io/everybody-decides";
    assert_says(&said, &[rule, command, "`deploy --prune` removes it", "in force"]);
    let program =
        "Deployment claimgate-dev/reports: is left over from an earlier version, and still runs";
    assert!(said.find(rule) < said.find(program) && said.contains(program), "{said}");
    let said = fails(server, &[&["verify", "--env", "dev", "--timeout", "1"], here].concat());
    let way = "Service claimgate-dev/reports: is left over from an earlier version";
    assert_says(&said, &[rule, way, program, "2 findings"]);

    a_version_that_is_rolled_back_has_removed_nothing(server, deploy);
    the_command_that_is_named_removes_it(server, &said);
    let said = succeeds(server, &[deploy, here, &["--prune"]].concat());
    assert_says(&said, &["removed: NetworkPolicy claimgate-dev/everybody-decides", "in force"]);
    for left in LEFT {
        assert!(!there(server, left), "{left}");
    }
    assert_eq!(self::claims(server), claims, "claims stay");
    assert_eq!(count(server, "secrets"), secrets_by_name().len() + 1, "secrets stay");
    let verify = [&["verify", "--env", "dev", "--timeout", "30"], here].concat();
    assert_says(&succeeds(server, &verify), &["0 findings"]);
}

fn claims(server: &Server) -> Vec<String> {
    let claims = server.get(&["persistentvolumeclaims", "-n", NAMESPACE]);
    items(&claims, "/items").iter().map(|one| name(one).to_owned()).collect()
}

/// Nobody's but the labels': they must be neither named nor removed.
fn a_secret_and_a_claim_with_our_labels(server: &Server) {
    let labels =
        json!({"app.kubernetes.io/part-of": "claimgate", "claimgate.example/set": "direct"});
    let of = |kind: &str, name: &str, field: &str, value: Value| {
        let metadata = json!({"name": name, "namespace": NAMESPACE, "labels": labels});
        let whole = json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, field: value});
        server.apply(&whole.to_string());
    };
    of("Secret", "earlier", "stringData", json!({"key": "test"}));
    let storage = json!({"requests": {"storage": "1Gi"}});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": storage});
    of("PersistentVolumeClaim", "earlier", "spec", claim);
}

fn a_version_that_is_rolled_back_has_removed_nothing(server: &Server, deploy: &[&str]) {
    let open = Envoy::open_to_everybody();
    let said = fails(server, &[deploy, &["--prune", "--address", &open.address()]].concat());
    assert_says(&said, &["was answered 200, and must be 400", "rolled back"]);
    assert!(!said.contains("removing what is left over"), "{said}");
    for left in LEFT {
        assert!(there(server, left), "{left}");
    }
}

/// Word for word, as somebody would copy it.
fn the_command_that_is_named_removes_it(server: &Server, said: &str) {
    let mut commands = said.lines().filter_map(|line| Some(line.split_once("→ kubectl ")?.1));
    let service = commands.find(|command| command.ends_with("service/reports")).unwrap();
    server.must(&service.split(' ').collect::<Vec<_>>());
    assert!(!there(server, "service/reports"));
}
