//! Decisions by decision points that others wrote, asked as the example asks: Cerbos and OpenFGA.
//!
//! `cargo xtask test-peers` starts them from their packages. Each gets the scenario in its own words, made
//! of the same table that it is then held to.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use claimgate_e2e::client::Request;
use claimgate_e2e::edit;
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::{Value, json};
use xtask::run;

use super::scenario::{Scenario, Stage, minted, token_of};
use crate::support::assert_problem;

const READY_LIMIT: Duration = Duration::from_secs(60);

#[test]
#[ignore = "needs Cerbos: cargo xtask test-peers"]
fn cerbos_decides_the_scenario() {
    let scenario = Scenario::read();
    let rules = scenario.routes().into_iter().map(|(method, route, roles)| {
        let users = scenario.users().into_iter();
        let may = |of: &[String]| roles.is_empty() || of.iter().any(|role| roles.contains(role));
        let ids: Vec<_> = users.filter(|(_, of)| may(of)).map(|(id, _)| id).collect();
        rule(&method, &["*".to_owned()], &format!("R.id == {route:?} && P.id in {ids:?}"))
    });
    let mut cerbos = Peer::cerbos(rules);
    plays(&scenario, &Stage::set(cerbos.address), &mut cerbos);
}

/// What the decision point knows by itself above, the token says here, and the mapping hands on.
#[test]
#[ignore = "needs Cerbos: cargo xtask test-peers"]
fn cerbos_decides_by_roles_that_come_from_the_token() {
    let scenario = Scenario::read();
    let rules = scenario.routes().into_iter().map(|(method, route, roles)| {
        let roles = if roles.is_empty() { vec!["*".to_owned()] } else { roles };
        rule(&method, &roles, &format!("R.id == {route:?}"))
    });
    let cerbos = Peer::cerbos(rules);
    let stage = Stage::set_edited(cerbos.address, |config| {
        let properties = json!({"cerbos.roles": {"claim": "realm_access.roles"}});
        edit::policy(config)["authorization"][0]["request"] =
            json!({"subject": {"properties": properties}});
    });
    for row in scenario.rows() {
        let roles = &scenario.users()[&row.id];
        let token = minted("rsa-1", &row.id, |claims| {
            claims["realm_access"] = json!({"roles": roles});
        });
        stage.obeys(&row, &token);
    }
}

#[test]
#[ignore = "needs OpenFGA: cargo xtask test-peers"]
fn openfga_decides_the_scenario() {
    let scenario = Scenario::read();
    let (mut openfga, store) = Peer::openfga(&scenario);
    let stage = Stage::set_edited(openfga.address, |config| {
        let path = format!("/stores/{store}/access/v1/evaluation");
        edit::policy(config)["authorization"][0]["path"] = path.into();
    });
    plays(&scenario, &stage, &mut openfga);
}

/// All rows; and none once the decision point is gone.
fn plays(scenario: &Scenario, stage: &Stage, peer: &mut Peer) {
    for row in scenario.rows() {
        stage.obeys(&row, &token_of(&row.user));
    }
    let seen = stage.backend.seen().len();
    peer.process.stop();
    let reply = stage.send(&Request::get("/todos").bearer(&token_of("rick")));
    assert_problem(&reply, 503);
    assert_eq!(stage.backend.seen().len(), seen, "an undecided request passed");
}

/// A running decision point, stopped when this is dropped.
struct Peer {
    address: SocketAddr,
    process: Process,
    _ports: [Port; 2],
    _folder: run::Scratch,
}

impl Peer {
    fn cerbos(rules: impl Iterator<Item = Value>) -> Self {
        let folder = run::Scratch::new("cerbos").expect("a folder");
        let policy = json!({
            "apiVersion": "api.cerbos.dev/v1",
            "resourcePolicy": {"resource": "route", "version": "default", "rules": rules.collect::<Vec<_>>()},
        });
        fs::create_dir(folder.path().join("policies")).expect("a folder");
        fs::write(folder.path().join("policies/route.json"), policy.to_string()).expect("a file");
        let policies = folder.path().join("policies").display().to_string();
        Self::start("CERBOS", "/_cerbos/health", folder, |http, grpc| {
            let set = [
                "storage.driver=disk".to_owned(),
                format!("storage.disk.directory={policies}"),
                format!("server.httpListenAddr={http}"),
                format!("server.grpcListenAddr={grpc}"),
                "telemetry.disabled=true".to_owned(),
            ];
            let set = set.map(|value| format!("--set={value}"));
            ["server".to_owned()].into_iter().chain(set).collect()
        })
    }

    /// One that knows the scenario, and the name of the store that does.
    fn openfga(scenario: &Scenario) -> (Self, String) {
        let folder = run::Scratch::new("openfga").expect("a folder");
        let peer = Self::start("OPENFGA", "/healthz", folder, |http, grpc| {
            let fixed = ["run", "--experimentals=authzen", "--playground-enabled=false"];
            let more = ["--metrics-enabled=false".to_owned(), format!("--http-addr={http}")];
            let fixed = fixed.map(str::to_owned).into_iter().chain(more);
            fixed.chain([format!("--grpc-addr={grpc}")]).collect()
        });
        let made = peer.tell("/stores", &json!({"name": "interop"}));
        let store = made["id"].as_str().expect("a store").to_owned();
        peer.tell(&format!("/stores/{store}/authorization-models"), &model());
        let tuples = json!({"writes": {"tuple_keys": tuples(scenario)}});
        peer.tell(&format!("/stores/{store}/write"), &tuples);
        (peer, store)
    }

    /// Starts the program that a variable names; `arguments` are made of its two addresses.
    fn start(
        variable: &str,
        health: &str,
        folder: run::Scratch,
        arguments: impl FnOnce(SocketAddr, SocketAddr) -> Vec<String>,
    ) -> Self {
        let program =
            env::var(variable).expect("the path of the program, from cargo xtask test-peers");
        let ports = [(), ()].map(|()| Port::free().expect("a free port"));
        let [http, grpc] =
            ports.each_ref().map(|port| SocketAddr::from(([127, 0, 0, 1], port.number())));
        let log = Output::Log(folder.path().join("log"));
        let launch = Launch::new(variable.to_lowercase(), program, log).args(arguments(http, grpc));
        let process = launch.start().expect("it starts");
        let ready = Ready::Http(http, health.to_owned());
        process.wait_ready(&ready, READY_LIMIT).unwrap_or_else(|error| panic!("{error}"));
        Self { address: http, process, _ports: ports, _folder: folder }
    }

    fn tell(&self, path: &str, body: &Value) -> Value {
        let request = Request::new("POST", path).header("content-type", "application/json");
        let reply = request.body(body.to_string()).send(self.address);
        assert!(matches!(reply.status, 200 | 201), "{path}: {reply:?}");
        reply.json()
    }
}

/// A rule of Cerbos.
fn rule(method: &str, roles: &[String], condition: &str) -> Value {
    json!({
        "actions": [method], "effect": "EFFECT_ALLOW", "roles": roles,
        "condition": {"match": {"expr": condition}},
    })
}

/// OpenFGA's model of the scenario: methods are relations.
fn model() -> Value {
    let direct = |types: Value| json!({"directly_related_user_types": types});
    let everybody_or_role = || {
        direct(
            json!([{"type": "role", "relation": "member"}, {"type": "identity", "wildcard": {}}]),
        )
    };
    let this = || json!({"this": {}});
    let methods = ["GET", "POST", "PUT", "DELETE"];
    let relations: Value = methods.map(|method| (method.to_owned(), this())).into_iter().collect();
    let metadata: Value =
        methods.map(|method| (method.to_owned(), everybody_or_role())).into_iter().collect();
    let member = direct(json!([{"type": "identity"}]));
    json!({"schema_version": "1.1", "type_definitions": [
        {"type": "identity"},
        {"type": "role", "relations": {"member": this()}, "metadata": {"relations": {"member": member}}},
        {"type": "route", "relations": relations, "metadata": {"relations": metadata}},
    ]})
}

fn tuples(scenario: &Scenario) -> Vec<Value> {
    let tuple = |user: String, relation: &str, object: String| json!({"user": user, "relation": relation, "object": object});
    let members = scenario.users().into_iter().flat_map(|(id, roles)| {
        let roles = roles.into_iter();
        roles.map(move |role| tuple(format!("identity:{id}"), "member", format!("role:{role}")))
    });
    let routes = scenario.routes().into_iter().flat_map(|(method, route, roles)| {
        let users: Vec<_> = match roles.is_empty() {
            true => vec!["identity:*".to_owned()],
            false => roles.iter().map(|role| format!("role:{role}#member")).collect(),
        };
        users.into_iter().map(move |user| tuple(user, &method, format!("route:{route}")))
    });
    members.chain(routes).collect()
}
