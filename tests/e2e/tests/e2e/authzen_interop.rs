//! The AuthZEN working group's API-gateway scenario, on `envoy/examples/authzen-interop` as it ships:
//! the question is the scenario's to the byte, and all its answers are obeyed.
//!
//! Source of the rows: openid/authzen at e287920e, `interop/authzen-api-gateways/test-harness`; the copy
//! is the one that authz-service is held to, too.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::echo::{Echo, Echoed};
use claimgate_e2e::example::{self, Example};
use claimgate_e2e::mint::{Key, Signature, now, token};
use claimgate_e2e::server::{Answer, Arrived, Server, Service};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::{Value, json};
use xtask::{run, workspace};

use crate::support::{
    assert_nothing_there, assert_problem, assert_token_missing, assert_token_refused,
};

/// The example's ports, as its page lists them.
const GATEWAY: u16 = 18080;
const ISSUER: u16 = 18180;
const DECISION_POINT: u16 = 18181;
const BACKEND: u16 = 18182;
const EVALUATION: &str = "/access/v1/evaluation";
/// A viewer.
const BETH: &str = "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs";

#[test]
fn the_scenario_is_played_to_the_byte() {
    let mut scene = Scene::set();
    every_row_is_asked_and_obeyed(&scene);
    every_request_is_asked_about(&scene);
    nobody_is_asked_about_a_bad_token(&scene);
    nobody_is_asked_about_other_paths(&scene);
    without_a_decision_nobody_passes(&mut scene);
}

struct Scene {
    gateway: Example,
    backend: Echo,
    questions: Arc<Questions>,
    _issuer: Server,
    decision_point: Option<(Server, Process)>,
    _port: Port,
    _folder: run::Scratch,
}

impl Scene {
    fn set() -> Self {
        let folder = run::Scratch::new("interop").expect("a folder");
        let (process, port) = authz_service(&folder);
        let real = SocketAddr::from(([127, 0, 0, 1], port.number()));
        let questions = Arc::new(Questions { real, asked: Mutex::default() });
        let server = Server::start(Arc::clone(&questions));
        let issuer = Server::start(Arc::new(Issuer(published_keys())));
        let backend = Echo::start();
        let moved = [
            (ISSUER, issuer.address()),
            (DECISION_POINT, server.address()),
            (BACKEND, backend.address()),
        ];
        let gateway = Example::start("authzen-interop", GATEWAY, &moved);
        let decision_point = Some((server, process));
        Self {
            gateway,
            backend,
            questions,
            _issuer: issuer,
            decision_point,
            _port: port,
            _folder: folder,
        }
    }

    fn send(&self, request: &Request) -> Reply {
        request.send(self.gateway.address())
    }

    /// The answer, and what the decision point was asked for it.
    fn ask(&self, request: &Request) -> (Reply, Vec<String>) {
        self.questions.take();
        let reply = self.send(request);
        (reply, self.questions.take())
    }
}

/// The example's decision point: authz-service on the policies of the scenario.
fn authz_service(folder: &run::Scratch) -> (Process, Port) {
    let port = Port::free().expect("a free port");
    let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
    let policies = workspace::root().join("services/authz-service/examples/authzen-todo");
    let program = workspace::debug_binary("authz-service").expect("a target folder");
    let log = Output::Log(folder.path().join("authz-service.log"));
    let launch = Launch::new("authz-service", program, log)
        .args(["--listen", &address.to_string()])
        .arg("--entities")
        .arg(policies.join("entities.json"))
        .arg("--policies")
        .arg(policies);
    let process = launch.start().expect("authz-service starts");
    let ready = Ready::Http(address, "/health/ready".to_owned());
    process.wait_ready(&ready, Duration::from_secs(60)).unwrap_or_else(|error| panic!("{error}"));
    (process, port)
}

/// Passes questions on and remembers them.
struct Questions {
    real: SocketAddr,
    asked: Mutex<Vec<String>>,
}

impl Questions {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service for Questions {
    fn answer(&self, request: Arrived) -> Option<Answer> {
        assert_eq!((&*request.method, &*request.target), ("POST", EVALUATION));
        assert_eq!(request.headers.all("content-type"), ["application/json"]);
        assert_eq!(request.headers.all("authorization"), [""; 0], "the client's token was shown");
        let text = String::from_utf8(request.body.clone()).expect("JSON");
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        let sent = Request::new("POST", EVALUATION).header("content-type", "application/json");
        let reply = sent.body(request.body).try_send(self.real).ok()?;
        let kept = reply.headers.one("cache-control").unwrap_or_default().to_owned();
        let headers = vec![("cache-control".to_owned(), kept)];
        Some(Answer { status: reply.status, headers, body: reply.body })
    }
}

/// The keys that the example's own stand-in for an issuer publishes.
fn published_keys() -> String {
    let peers = example::read("authzen-interop/peers.yaml");
    let listener = &peers["static_resources"]["listeners"][0];
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let route = &manager["route_config"]["virtual_hosts"][0]["routes"][0];
    assert_eq!(route["match"]["path"], "/jwks");
    route["direct_response"]["body"]["inline_string"].as_str().expect("keys").to_owned()
}

struct Issuer(String);

impl Service for Issuer {
    fn answer(&self, request: Arrived) -> Option<Answer> {
        let keys = request.target == "/jwks";
        let body = if keys { self.0.clone().into_bytes() } else { Vec::new() };
        Some(Answer { status: if keys { 200 } else { 404 }, headers: Vec::new(), body })
    }
}

fn every_row_is_asked_and_obeyed(scene: &Scene) {
    let rows = fs::read_to_string(
        workspace::root().join("services/authz-service/tests/testdata/authzen-api-gateway.json"),
    );
    let rows: Value = serde_json::from_str(&rows.expect("the rows")).expect("JSON");
    let rows = rows["table"].as_array().expect("rows");
    assert_eq!(rows.len(), 25);
    for row in rows {
        let text = |name: &str| row[name].as_str().expect(name);
        let (method, path, id) = (text("method"), text("path"), text("user_id"));
        let first = text("user").split(' ').next().expect("a name").to_lowercase();
        let token =
            fs::read_to_string(example::file(&format!("authzen-interop/tokens/{first}.jwt")));
        let token = token.expect("a token").trim().to_owned();
        let request = Request::new(method, format!("{path}?verbose=1")).bearer(&token).body("{}");
        let (reply, asked) = scene.ask(&request);
        let expected = format!(
            "{{\"subject\":{{\"type\":\"identity\",\"id\":\"{id}\"}},\"action\":{{\"name\":\"{method}\"}},\
             \"resource\":{{\"type\":\"route\",\"id\":\"{}\"}},\"context\":{{}}}}",
            text("route")
        );
        assert_eq!(asked, [expected], "{row}");
        if row["expected"] == true {
            let echoed = Echoed::of(&reply);
            assert_eq!((&*echoed.method, &*echoed.target), (method, &*format!("{path}?verbose=1")));
            let bearer = format!("Bearer {token}");
            assert_eq!(echoed.headers.all("authorization"), [&*bearer], "{row}");
        } else {
            assert_problem(&reply, 403);
        }
    }
}

/// authz-service says how long its answers may be kept; the scenario wants none kept.
fn every_request_is_asked_about(scene: &Scene) {
    let token = fs::read_to_string(example::file("authzen-interop/tokens/rick.jwt"));
    let request = Request::get("/todos").bearer(token.expect("a token").trim());
    for _ in 0..3 {
        let (reply, asked) = scene.ask(&request);
        assert_eq!((reply.status, asked.len()), (200, 1), "{reply:?}");
    }
}

fn nobody_is_asked_about_a_bad_token(scene: &Scene) {
    let key = Key::named("rsa-1");
    let foreign = Key::named("rsa-foreign");
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "rsa-1"});
    let claims = json!({
        "iss": "http://127.0.0.1:18180", "aud": "authzen-interop", "sub": BETH,
        "iat": now() - 10, "exp": now() + 300,
    });
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        token(&header, &claims, &Signature::Rs256(&key))
    };
    let bad = [
        ("another key", token(&header, &claims, &Signature::Rs256(&foreign))),
        ("another audience", changed("aud", json!("another"))),
        ("another issuer", changed("iss", json!("http://127.0.0.1:18180/"))),
        ("too old", changed("exp", json!(now() - 120))),
    ];
    for (what, token) in bad {
        let (reply, asked) = scene.ask(&Request::get("/todos").bearer(&token));
        assert_token_refused(&reply, what);
        assert_eq!(asked, [""; 0], "{what}");
    }
    let (reply, asked) = scene.ask(&Request::get("/todos"));
    assert_token_missing(&reply);
    assert_eq!(asked, [""; 0]);
    let good = token(&header, &claims, &Signature::Rs256(&key));
    assert_eq!(scene.send(&Request::get("/todos").bearer(&good)).status, 200);
}

fn nobody_is_asked_about_other_paths(scene: &Scene) {
    let token =
        fs::read_to_string(example::file("authzen-interop/tokens/rick.jwt")).expect("a token");
    let seen = scene.backend.seen().len();
    for path in ["/", "/todos/", "/users", "/users/a/b", "/todos/1/2", "/admin", "/todosx"] {
        let (reply, asked) = scene.ask(&Request::get(path).bearer(token.trim()));
        assert_nothing_there(&reply);
        assert_eq!(asked, [""; 0], "{path}");
    }
    let (reply, asked) = scene.ask(&Request::new("PATCH", "/todos").bearer(token.trim()));
    assert_eq!((reply.status, asked), (405, vec![]));
    assert_eq!(scene.backend.seen().len(), seen);
}

fn without_a_decision_nobody_passes(scene: &mut Scene) {
    let token =
        fs::read_to_string(example::file("authzen-interop/tokens/rick.jwt")).expect("a token");
    let request = Request::get("/todos").bearer(token.trim());
    assert_eq!(scene.send(&request).status, 200, "{}", scene.gateway.log());
    let seen = scene.backend.seen().len();
    drop(scene.decision_point.take());
    let reply = scene.send(&request);
    assert_problem(&reply, 503);
    assert!(reply.headers.one("retry-after").is_some(), "{reply:?}");
    assert_eq!(scene.backend.seen().len(), seen, "an undecided request passed");
}
