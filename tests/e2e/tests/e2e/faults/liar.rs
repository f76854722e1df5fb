//! A peer of the gateway that answers whatever a test wants, byte for byte: wrong statuses, no
//! JSON, too much, too late, half of it.
//!
//! It takes the place of a real part. Health probes get a good answer, so that Envoy goes on
//! asking it. It must never be used where the real part could show the same.

use std::collections::HashMap;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use claimgate_e2e::edit::set_cluster_port;
use claimgate_e2e::wire::{Unframed, Wire};
use serde_json::Value;

/// What one path is answered with.
#[derive(Clone, Debug)]
pub(super) struct Lie {
    after: Duration,
    bytes: Vec<u8>,
    hang_up: bool,
}

impl Lie {
    /// A whole answer.
    pub(super) fn answer(status: u16, lines: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Lie\r\n{lines}content-length: {length}\r\n\r\n");
        Self::bytes([head.as_bytes(), body].concat())
    }

    /// These bytes.
    pub(super) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { after: Duration::ZERO, bytes: bytes.into(), hang_up: false }
    }

    /// 200 with a JSON body.
    pub(super) fn json(body: impl AsRef<[u8]>) -> Self {
        Self::answer(200, "content-type: application/json\r\n", body)
    }

    /// Nothing at all.
    pub(super) fn silence() -> Self {
        Self::bytes([])
    }

    /// Late by this much.
    pub(super) fn late(mut self, by: Duration) -> Self {
        self.after = by;
        self
    }

    /// Without its last `count` bytes: whoever reads it waits for them.
    pub(super) fn short_of(mut self, count: usize) -> Self {
        self.bytes.truncate(self.bytes.len().saturating_sub(count));
        self
    }

    /// The connection is closed after it.
    pub(super) fn then_hang_up(mut self) -> Self {
        self.hang_up = true;
        self
    }
}

/// A running liar. Its port is closed with the test's process.
#[derive(Clone, Debug)]
pub(super) struct Liar {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    lies: HashMap<String, Lie>,
    asked: HashMap<String, usize>,
}

impl Liar {
    /// On a free port; 404 for everything until told otherwise.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let liar = Self { port, state: Arc::default() };
        let serving = liar.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                // An error is the gateway's going away.
                thread::spawn(move || drop(serving.serve(stream)));
            }
        });
        liar
    }

    /// An edit: this cluster's calls come here.
    pub(super) fn instead_of(&self, cluster: &'static str) -> impl FnOnce(&mut Value) + 'static {
        let port = self.port;
        move |config| set_cluster_port(config, cluster, port)
    }

    /// From now on this path is answered so.
    pub(super) fn tell(&self, path: &str, lie: Lie) {
        self.state().lies.insert(path.to_owned(), lie);
    }

    /// How often this path has been asked for.
    pub(super) fn asked(&self, path: &str) -> usize {
        self.state().asked.get(path).copied().unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut wire = Wire::new(stream);
        while let Some(head) = wire.head()? {
            wire.body(&head, Unframed::Absent)?;
            let agent = head.headers.one("user-agent").unwrap_or_default();
            let lie = if agent.starts_with("Envoy/HC") {
                Lie::json("{}")
            } else {
                self.lie(head.start.split(' ').nth(1).unwrap_or_default())
            };
            thread::sleep(lie.after);
            wire.stream().write_all(&lie.bytes)?;
            if lie.hang_up {
                return Ok(());
            }
        }
        Ok(())
    }

    fn lie(&self, path: &str) -> Lie {
        let mut state = self.state();
        *state.asked.entry(path.to_owned()).or_default() += 1;
        state.lies.get(path).cloned().unwrap_or_else(|| Lie::answer(404, "", ""))
    }
}
