//! The job for OpenFGA, in memory: kinds are types, actions are relations, roles are user sets.

use std::path::Path;

use anyhow::{Context, Result};
use claimgate_authz_api::EVALUATION_PATH;
use claimgate_proc::Port;
use serde_json::{Value, json};
use ureq::Agent;

use super::job::{self, Asked, EVERYBODY, RECORDS, ROLES};
use super::load::Question;
use super::ours;
use super::point::Point;

/// Most tuples that it takes at once.
const AT_ONCE: usize = 100;

/// One that does the job.
pub struct OpenFga {
    /// The process.
    pub point: Point,
    store: String,
}

/// Starts one, and tells it model, roles and so many subjects.
pub fn start(program: &Path, folder: &Path, subjects: usize) -> Result<OpenFga> {
    let grpc = Port::free()?;
    let point = Point::start(program, &folder.join("openfga"), "/healthz", |address| {
        let addresses =
            [format!("--http-addr={address}"), format!("--grpc-addr=127.0.0.1:{}", grpc.number())];
        let fixed = [
            "run",
            "--experimentals=authzen",
            "--playground-enabled=false",
            "--metrics-enabled=false",
            "--log-level=error",
        ];
        fixed.map(str::to_owned).into_iter().chain(addresses).collect()
    })?;
    let ask = |path: &str, body: &Value| ask(&format!("http://{}{path}", point.address), body);
    let made = ask("/stores", &json!({"name": "bench"}))?;
    let store = made["id"].as_str().context("OpenFGA makes no store")?.to_owned();
    ask(&format!("/stores/{store}/authorization-models"), &model())?;
    for tuples in tuples(subjects).chunks(AT_ONCE) {
        ask(&format!("/stores/{store}/write"), &json!({"writes": {"tuple_keys": tuples}}))?;
    }
    Ok(OpenFga { point, store })
}

impl OpenFga {
    /// The question in its words.
    pub fn question(&self, asked: &Asked) -> Question {
        let body = json!({
            "subject": {"type": "user", "id": job::subject(asked.subject)},
            "action": {"name": asked.action},
            "resource": {"type": job::kind(asked.kind), "id": job::record(asked.record)},
        });
        let path = format!("/stores/{}{EVALUATION_PATH}", self.store);
        Question { bytes: ours::post(&path, &body), decisions: vec![asked.permitted] }
    }
}

fn model() -> Value {
    let direct = |types: Value| json!({"directly_related_user_types": types});
    let role = json!({
        "type": "role",
        "relations": {"member": {"this": {}}},
        "metadata": {"relations": {"member": direct(json!([{"type": "user"}]))}},
    });
    let record = |number| {
        let members = || direct(json!([{"type": "role", "relation": "member"}]));
        json!({
            "type": job::kind(number),
            "relations": {"read": {"this": {}}, "list": {"this": {}}, "write": {"this": {}}},
            "metadata": {"relations": {"read": members(), "list": members(), "write": members()}},
        })
    };
    let types = [json!({"type": "user"}), role].into_iter().chain((0..ROLES).map(record));
    json!({"schema_version": "1.1", "type_definitions": types.collect::<Vec<_>>()})
}

fn tuples(subjects: usize) -> Vec<Value> {
    let tuple = |user: String, relation: &str, object: String| json!({"user": user, "relation": relation, "object": object});
    let member = |number: usize| {
        [job::role(number), EVERYBODY.to_owned()].map(|role| {
            tuple(format!("user:{}", job::subject(number)), "member", format!("role:{role}"))
        })
    };
    let reader = |kind: usize| {
        let of = move |record| format!("{}:{}", job::kind(kind), job::record(record));
        (0..RECORDS).flat_map(move |record| {
            ["read", "list"].map(|relation| {
                tuple(format!("role:{}#member", job::role(kind)), relation, of(record))
            })
        })
    };
    (0..subjects).flat_map(member).chain((0..ROLES).flat_map(reader)).collect()
}

fn ask(url: &str, body: &Value) -> Result<Value> {
    let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent.post(url).header("content-type", "application/json");
    let mut answer = request.send(body.to_string())?;
    let said = answer.body_mut().read_to_string()?;
    anyhow::ensure!(answer.status().is_success(), "{url} is answered {}: {said}", answer.status());
    Ok(serde_json::from_str(&said)?)
}
