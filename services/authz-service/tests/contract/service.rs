//! The built authz-service as a process, on the demo's policies and users.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Reply, send};

pub(crate) const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo");
pub(crate) const ENTITIES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../demo-data/entities.json");
pub(crate) const EVALUATION: &str = "/access/v1/evaluation";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A running authz-service; killed when dropped.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: String,
    log: Arc<Mutex<String>>,
}

/// The command with an environment of its own, a free loopback port and the demo's policies.
pub(crate) fn command() -> Command {
    let mut command = bare_command();
    command.args(["--policies", POLICIES]);
    command
}

pub(crate) fn bare_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_authz-service"));
    command.env_clear().env("RUST_LOG", "trace").args(["--listen", "127.0.0.1:0"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Service {
    /// Starts on the demo's entities with these further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(command().args(["--entities", ENTITIES]).args(arguments))
    }

    /// Starts `command` and waits until it listens.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let (listening, address) = mpsc::channel();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
                drop(log);
                if let Some((scheme, address)) =
                    line.strip_prefix("listening on ").and_then(|url| url.split_once("://"))
                {
                    assert!(matches!(scheme, "http" | "https"));
                    let _ = listening.send(address.to_owned());
                }
            }
        });
        match address.recv_timeout(Duration::from_secs(10)) {
            Ok(address) => Self { child, address, log },
            Err(_) => {
                let _ = child.kill();
                panic!("authz-service does not start: {}", log.lock().unwrap());
            }
        }
    }

    /// Everything it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        send(&self.address, method, path, headers, None)
    }

    pub(crate) fn post(&self, body: &Value) -> Reply {
        self.post_bytes(&[JSON], body.to_string().as_bytes())
    }

    pub(crate) fn post_bytes(&self, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        send(&self.address, "POST", EVALUATION, headers, Some(body))
    }

    /// Starts on the example in the folder `name`.
    pub(crate) fn example(name: &str) -> Self {
        let folder = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
        let entities = format!("{folder}/entities.json");
        Self::spawn(bare_command().args(["--policies", &folder, "--entities", &entities]))
    }

    /// Posts `body` to `path`.
    pub(crate) fn ask(&self, path: &str, body: &Value) -> Reply {
        send(&self.address, "POST", path, &[JSON], Some(body.to_string().as_bytes()))
    }

    /// Asks for `subject` to GET the customers; the reply is 200.
    pub(crate) fn evaluate(&self, subject: &Value) -> Value {
        self.decide(subject, "GET", "/customers").json()
    }

    pub(crate) fn decide(&self, subject: &Value, method: &str, route: &str) -> Reply {
        let reply = self.post(&json!({"subject": subject, "action": {"name": method},
            "resource": {"type": "route", "id": route}, "context": {}}));
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.send("GET", "/health/ready", &[]).json()["status"] == "ready"
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A subject as the filter sends one.
pub(crate) fn subject(email: &str, verified: bool) -> Value {
    json!({"type": "identity", "id": "00000000-0000-4000-8000-000000000000",
           "properties": {"email": email, "email_verified": verified}})
}

/// Waits for `condition`, which must come true within `limit`.
pub(crate) fn eventually(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
