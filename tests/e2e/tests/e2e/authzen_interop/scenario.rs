//! The scenario as data, and what stands around the gateway in every play of it.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::example::{self, Example};
use claimgate_e2e::mint::{Key, Signature, now, token};
use claimgate_e2e::server::{Answer, Arrived, Server, Service};
use serde_json::{Value, json};
use xtask::workspace;

use crate::support::assert_problem;

/// The example's ports, as its page lists them.
const GATEWAY: u16 = 18080;
const ISSUER: u16 = 18180;
const DECISION_POINT: u16 = 18181;
const BACKEND: u16 = 18182;

/// The contract: users with their roles, routes with theirs, and the 25 rows that follow from them.
pub(super) struct Scenario(Value);

/// Who asks for what, and what is to be said.
pub(super) struct Row {
    pub(super) user: String,
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) route: String,
    pub(super) expected: bool,
}

impl Scenario {
    pub(super) fn read() -> Self {
        let file = "services/authz-service/tests/testdata/authzen-api-gateway.json";
        let text = fs::read_to_string(workspace::root().join(file)).expect(file);
        Self(serde_json::from_str(&text).expect(file))
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let rows = self.0["table"].as_array().expect("rows").iter();
        let rows: Vec<_> = rows
            .map(|row| Row {
                user: first_name(&row["user"]),
                id: text(&row["user_id"]),
                method: text(&row["method"]),
                path: text(&row["path"]),
                route: text(&row["route"]),
                expected: row["expected"].as_bool().expect("a decision"),
            })
            .collect();
        assert_eq!(rows.len(), 25);
        rows
    }

    /// Roles by user id.
    pub(super) fn users(&self) -> BTreeMap<String, Vec<String>> {
        let users = self.0["users"].as_array().expect("users").iter();
        users.map(|user| (text(&user["id"]), texts(&user["roles"]))).collect()
    }

    /// Method, template and the roles that may; none means everybody.
    pub(super) fn routes(&self) -> Vec<(String, String, Vec<String>)> {
        let routes = self.0["routes"].as_array().expect("routes").iter();
        let route = |route: &Value| {
            (text(&route["method"]), text(&route["resource_id"]), texts(&route["roles"]))
        };
        routes.map(route).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().expect("a list").iter().map(text).collect()
}

fn first_name(name: &Value) -> String {
    text(name).split(' ').next().expect("a name").to_lowercase()
}

/// A token that comes with the example.
pub(super) fn token_of(user: &str) -> String {
    let file = example::file(&format!("authzen-interop/tokens/{user}.jwt"));
    fs::read_to_string(file).expect("a token").trim().to_owned()
}

/// A token that is good here, but for what is changed.
pub(super) fn minted(key: &str, subject: &str, change: impl FnOnce(&mut Value)) -> String {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "rsa-1"});
    let mut claims = json!({
        "iss": "http://127.0.0.1:18180", "aud": "authzen-interop", "sub": subject,
        "iat": now() - 10, "exp": now() + 300,
    });
    change(&mut claims);
    token(&header, &claims, &Signature::Rs256(&Key::named(key)))
}

/// The gateway of the example with an issuer and a backend.
pub(super) struct Stage {
    pub(super) gateway: Example,
    pub(super) backend: Echo,
    _issuer: Server,
}

impl Stage {
    /// With this decision point, the example as it ships.
    pub(super) fn set(decision_point: SocketAddr) -> Self {
        Self::set_edited(decision_point, |_| ())
    }

    /// The same with another policy.
    pub(super) fn set_edited(decision_point: SocketAddr, edit: impl FnOnce(&mut Value)) -> Self {
        let (issuer, backend) = (Server::start(Arc::new(Issuer(published_keys()))), Echo::start());
        let moved = [
            (ISSUER, issuer.address()),
            (DECISION_POINT, decision_point),
            (BACKEND, backend.address()),
        ];
        let gateway = Example::start_edited("authzen-interop", GATEWAY, &moved, edit);
        Self { gateway, backend, _issuer: issuer }
    }

    pub(super) fn send(&self, request: &Request) -> Reply {
        request.send(self.gateway.address())
    }

    /// Holds that what the scenario allows goes on as it was sent, and the rest is 403.
    #[track_caller]
    pub(super) fn obeys(&self, row: &Row, token: &str) {
        let Row { user, method, path, expected, .. } = row;
        let target = format!("{path}?verbose=1");
        let reply = self.send(&Request::new(method, &target).bearer(token).body("{}"));
        if !expected {
            return assert_problem(&reply, 403);
        }
        assert_eq!(reply.status, 200, "{user} {method} {path}: {reply:?}");
        let echoed = Echoed::of(&reply);
        assert_eq!((&echoed.method, &echoed.target), (method, &target));
        assert_eq!(echoed.headers.all("authorization"), [&*format!("Bearer {token}")]);
    }
}

/// The keys that the example's own stand-in for an issuer publishes.
fn published_keys() -> String {
    let peers = example::read("authzen-interop/peers.yaml");
    let listener = &peers["static_resources"]["listeners"][0];
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let route = &manager["route_config"]["virtual_hosts"][0]["routes"][0];
    assert_eq!(route["match"]["path"], "/jwks");
    text(&route["direct_response"]["body"]["inline_string"])
}

struct Issuer(String);

impl Service for Issuer {
    fn answer(&self, request: Arrived) -> Option<Answer> {
        let keys = request.target == "/jwks";
        let body = if keys { self.0.clone().into_bytes() } else { Vec::new() };
        Some(Answer { status: if keys { 200 } else { 404 }, headers: Vec::new(), body })
    }
}
