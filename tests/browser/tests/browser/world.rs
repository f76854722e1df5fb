//! The services that the browser sees: an identity provider and authz-service, as processes.

use std::net::SocketAddr;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, Ready, http_get};
use serde_json::Value;
use ureq::Agent;
use xtask::run::Scratch;
use xtask::workspace;

const SOON: Duration = Duration::from_secs(20);

/// Somebody who cannot make todos.
pub(crate) const BETH: &str = "CiRmZDM2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs";

/// Both services, on free ports.
pub(crate) struct World {
    /// Where browsers find the console.
    pub(crate) console: String,
    callers: SocketAddr,
    processes: Vec<Process>,
    _ports: [Port; 3],
    _folder: Scratch,
}

impl World {
    pub(crate) fn start() -> Self {
        let folder = Scratch::new("browser").unwrap();
        let ports = [(); 3].map(|()| Port::free().unwrap());
        let [idp, callers, operators] =
            [0, 1, 2].map(|n: usize| SocketAddr::from(([127, 0, 0, 1], ports[n].number())));
        let log = |name: &str| Output::Log(folder.path().join(name).with_extension("log"));
        let issuer = format!("http://{idp}/realms/api-gateway-poc");
        let console = format!("http://localhost:{}", operators.port());
        let examples = workspace::root().join("services/authz-service/examples/authzen-todo");
        let idp_process = Launch::new("dev-idp", binary("dev-idp"), log("dev-idp"))
            .arg("--development")
            .args(["--listen", &idp.to_string(), "--issuer", &issuer])
            .start()
            .unwrap();
        let ready = Ready::Http(idp, "/realms/api-gateway-poc".to_owned());
        idp_process.wait_ready(&ready, SOON).unwrap();
        let authz = Launch::new("authz-service", binary("authz-service"), log("authz-service"))
            .args(["--listen", &callers.to_string(), "--admin-listen", &operators.to_string()])
            .arg("--policies")
            .arg(&examples)
            .arg("--entities")
            .arg(examples.join("entities.json"))
            .args(["--console-client-id", "authz-console", "--console-issuer", &issuer])
            .args(["--console-roles-claim", "realm_access.roles", "--decision-log", "all"])
            .start()
            .unwrap();
        authz.wait_ready(&Ready::Http(callers, "/health/ready".to_owned()), SOON).unwrap();
        let processes = vec![idp_process, authz];
        Self { console, callers, processes, _ports: ports, _folder: folder }
    }

    /// Whether Beth may make a todo, as a gateway asks.
    pub(crate) fn beth_may_make_todos(&self) -> bool {
        let question = serde_json::json!({
            "subject": {"type": "identity", "id": BETH},
            "action": {"name": "POST"},
            "resource": {"type": "route", "id": "/todos"},
        });
        let url = format!("http://{}/access/v1/evaluation", self.callers);
        let agent = Agent::new_with_defaults();
        let request = agent.post(url).header("content-type", "application/json");
        let mut answer = request.send(question.to_string()).unwrap();
        let answer: Value =
            serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        answer["decision"] == true
    }

    /// What filters are told is revoked.
    pub(crate) fn state(&self) -> String {
        http_get(self.callers, "/v1/state").unwrap().1
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for process in self.processes.iter().rev() {
            process.stop();
        }
    }
}

fn binary(name: &str) -> std::path::PathBuf {
    workspace::debug_binary(name).unwrap()
}
