//! An example of `envoy/examples` in a real Envoy, as it stands but for its ports.
//!
//! It must never change a policy or a route by itself: whoever copies the example gets what was tested.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use claimgate_proc::{Launch, Output, Port, Process, Ready};
use serde_json::Value;
use xtask::{run, tools, workspace};

/// Loading the module takes most of it.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A running one, stopped when this is dropped.
#[derive(Debug)]
pub struct Example {
    process: Process,
    gateway: Port,
    _folder: run::Scratch,
}

impl Example {
    /// The example of this name, with its gateway on a free port; `moved` says which ports of its
    /// clusters are elsewhere. Panics when it does not start.
    #[must_use]
    pub fn start(name: &str, gateway: u16, moved: &[(u16, SocketAddr)]) -> Self {
        Self::start_edited(name, gateway, moved, |_| ())
    }

    /// The same with what a test needs otherwise.
    #[must_use]
    pub fn start_edited(
        name: &str,
        gateway: u16,
        moved: &[(u16, SocketAddr)],
        edit: impl FnOnce(&mut Value),
    ) -> Self {
        let port = Port::free().expect("a free port");
        let mut config = read(&format!("{name}/envoy.yaml"));
        edit(&mut config);
        let moved = moved.iter().map(|(from, to)| (*from, to.port()));
        let moved: Vec<_> = moved.chain([(gateway, port.number())]).collect();
        move_ports(&mut config, &moved);
        let folder = run::Scratch::new("example").expect("a folder");
        let file = folder.path().join("envoy.json");
        fs::write(&file, config.to_string()).expect("a written file");
        let log = Output::Log(folder.path().join("envoy.log"));
        let launch = Launch::new("envoy", tools::envoy().expect("an Envoy"), log)
            .dir(workspace::root())
            .arg("-c")
            .arg(file)
            .args(["--disable-hot-restart", "--concurrency", "1"])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"]);
        let process = launch.start().expect("Envoy starts");
        let ready = Ready::Tcp(SocketAddr::from(([127, 0, 0, 1], port.number())));
        process.wait_ready(&ready, READY_LIMIT).unwrap_or_else(|error| panic!("{error}"));
        Self { process, gateway: port, _folder: folder }
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.gateway.number()))
    }

    /// What Envoy has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log_tail(usize::MAX)
    }
}

/// A file of the examples.
#[must_use]
pub fn file(path: &str) -> PathBuf {
    workspace::root().join("envoy/examples").join(path)
}

/// A configuration among the examples.
#[must_use]
pub fn read(path: &str) -> Value {
    let text = fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A port that nobody moved stays: Envoy fails to bind or to connect, which is seen.
fn move_ports(value: &mut Value, moved: &[(u16, u16)]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let to = field.as_u64().filter(|_| name == "port_value").and_then(|port| {
                    moved.iter().find(|(from, _)| u64::from(*from) == port).map(|(_, to)| *to)
                });
                match to {
                    Some(to) => *field = to.into(),
                    None => move_ports(field, moved),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| move_ports(item, moved)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
