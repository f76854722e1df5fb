//! The job for Cerbos: a resource policy for each kind of records; roles travel with the question.

use std::fs;
use std::path::Path;

use anyhow::Result;
use claimgate_authz_api::EVALUATION_PATH;
use claimgate_proc::Port;
use serde_json::json;

use super::job::{self, Asked, EVERYBODY, ROLES};
use super::load::Question;
use super::ours;
use super::point::Point;

/// Starts one that does the job.
pub fn start(program: &Path, folder: &Path) -> Result<Point> {
    let folder = folder.join("cerbos");
    let policies = folder.join("policies");
    fs::create_dir_all(&policies)?;
    for number in 0..ROLES {
        let policy = json!({
            "apiVersion": "api.cerbos.dev/v1",
            "resourcePolicy": {
                "resource": job::kind(number),
                "version": "default",
                "rules": [{"actions": ["read", "list"], "effect": "EFFECT_ALLOW",
                           "roles": [job::role(number)]}],
            },
        });
        fs::write(policies.join(format!("record{number}.json")), policy.to_string())?;
    }
    let grpc = Port::free()?;
    Point::start(program, &folder, "/_cerbos/health", |address| {
        let set = [
            "storage.driver=disk".into(),
            format!("storage.disk.directory={}", policies.display()),
            format!("server.httpListenAddr={address}"),
            format!("server.grpcListenAddr=127.0.0.1:{}", grpc.number()),
            "telemetry.disabled=true".into(),
        ];
        let arguments = ["server", "--log-level=error"].map(str::to_owned).into_iter();
        arguments.chain(set.map(|value| format!("--set={value}"))).collect()
    })
}

/// The question in its words.
pub fn question(asked: &Asked) -> Question {
    let roles = json!({"cerbos.roles": [job::role(asked.subject), EVERYBODY]});
    let body = json!({
        "subject": {"type": "user", "id": job::subject(asked.subject), "properties": roles},
        "action": {"name": asked.action},
        "resource": {"type": job::kind(asked.kind), "id": job::record(asked.record)},
    });
    Question { bytes: ours::post(EVALUATION_PATH, &body), decisions: vec![asked.permitted] }
}
