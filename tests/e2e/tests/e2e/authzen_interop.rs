//! The AuthZEN working group's API-gateway scenario, on `envoy/examples/authzen-interop` as it ships:
//! the question is the scenario's to the byte, and all its answers are obeyed.
//!
//! Source of the rows: openid/authzen at e287920e, `interop/authzen-api-gateways/test-harness`; the copy
//! is the one that authz-service is held to, too. `peers` plays it with decision points of others.

mod peers;
mod scenario;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claimgate_e2e::client::{Reply, Request};
use claimgate_e2e::server::{Answer, Arrived, Server, Service};
use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::json;
use xtask::{run, workspace};

use crate::support::{
    assert_nothing_there, assert_problem, assert_token_missing, assert_token_refused,
};
use scenario::{Scenario, Stage, minted, token_of};

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

/// The example with authz-service behind what writes its questions down.
struct Scene {
    stage: Stage,
    questions: Arc<Questions>,
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
        let stage = Stage::set(server.address());
        let decision_point = Some((server, process));
        Self { stage, questions, decision_point, _port: port, _folder: folder }
    }

    /// The answer, and what the decision point was asked for it.
    fn ask(&self, request: &Request) -> (Reply, Vec<String>) {
        self.questions.take();
        let reply = self.stage.send(request);
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

fn every_row_is_asked_and_obeyed(scene: &Scene) {
    for row in Scenario::read().rows() {
        scene.questions.take();
        scene.stage.obeys(&row, &token_of(&row.user));
        let expected = format!(
            "{{\"subject\":{{\"type\":\"identity\",\"id\":\"{}\"}},\"action\":{{\"name\":\"{}\"}},\
             \"resource\":{{\"type\":\"route\",\"id\":\"{}\"}},\"context\":{{}}}}",
            row.id, row.method, row.route
        );
        assert_eq!(scene.questions.take(), [expected]);
    }
}

/// authz-service says how long its answers may be kept; the scenario wants none kept.
fn every_request_is_asked_about(scene: &Scene) {
    let request = Request::get("/todos").bearer(&token_of("rick"));
    for _ in 0..3 {
        let (reply, asked) = scene.ask(&request);
        assert_eq!((reply.status, asked.len()), (200, 1), "{reply:?}");
    }
}

fn nobody_is_asked_about_a_bad_token(scene: &Scene) {
    let aud = minted("rsa-1", BETH, |claims| claims["aud"] = json!("another"));
    let iss = minted("rsa-1", BETH, |claims| claims["iss"] = json!("http://127.0.0.1:18180/"));
    let exp = minted("rsa-1", BETH, |claims| claims["exp"] = json!(1_767_225_600));
    let bad = [
        ("another key", minted("rsa-foreign", BETH, |_| ())),
        ("another audience", aud),
        ("another issuer", iss),
        ("too old", exp),
    ];
    for (what, token) in bad {
        let (reply, asked) = scene.ask(&Request::get("/todos").bearer(&token));
        assert_token_refused(&reply, what);
        assert_eq!(asked, [""; 0], "{what}");
    }
    let (reply, asked) = scene.ask(&Request::get("/todos"));
    assert_token_missing(&reply);
    assert_eq!(asked, [""; 0]);
    let good = minted("rsa-1", BETH, |_| ());
    assert_eq!(scene.stage.send(&Request::get("/todos").bearer(&good)).status, 200);
}

fn nobody_is_asked_about_other_paths(scene: &Scene) {
    let token = token_of("rick");
    let seen = scene.stage.backend.seen().len();
    for path in ["/", "/todos/", "/users", "/users/a/b", "/todos/1/2", "/admin", "/todosx"] {
        let (reply, asked) = scene.ask(&Request::get(path).bearer(&token));
        assert_nothing_there(&reply);
        assert_eq!(asked, [""; 0], "{path}");
    }
    let (reply, asked) = scene.ask(&Request::new("PATCH", "/todos").bearer(&token));
    assert_eq!((reply.status, asked), (405, vec![]));
    assert_eq!(scene.stage.backend.seen().len(), seen);
}

fn without_a_decision_nobody_passes(scene: &mut Scene) {
    let request = Request::get("/todos").bearer(&token_of("rick"));
    let log = || scene.stage.gateway.log();
    assert_eq!(scene.stage.send(&request).status, 200, "{}", log());
    let seen = scene.stage.backend.seen().len();
    drop(scene.decision_point.take());
    let reply = scene.stage.send(&request);
    assert_problem(&reply, 503);
    assert!(reply.headers.one("retry-after").is_some(), "{reply:?}");
    assert_eq!(scene.stage.backend.seen().len(), seen, "an undecided request passed");
}
