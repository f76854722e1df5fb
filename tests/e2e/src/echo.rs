//! An upstream that shows what reached it: it answers with every header and trailer it received,
//! and remembers them.
//!
//! Health probes of Envoy are answered and not remembered. A request is remembered when its head
//! arrives, so that "nothing has arrived" means not one byte of a request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claimgate_proc::wait_until;
use serde_json::{Value, json};

use crate::client::Reply;
use crate::server::{Answer, Arrived, Server, Service};
use crate::wire::Headers;

/// A running echo.
#[derive(Debug)]
pub struct Echo {
    server: Server,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<String>>);

/// What one request looked like to the upstream.
#[derive(Clone, Debug)]
pub struct Echoed {
    /// As it arrived.
    pub method: String,
    /// As it arrived.
    pub target: String,
    /// The header lines, as they arrived.
    pub headers: Headers,
    /// The trailer lines, as they arrived.
    pub trailers: Headers,
    /// How many bytes of body arrived.
    pub body_length: u64,
}

impl Echo {
    /// On a free port.
    #[must_use]
    pub fn start() -> Self {
        let seen = Arc::new(Seen::default());
        Self { server: Server::start(Arc::clone(&seen)), seen }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The requests whose heads have arrived, as `METHOD target`, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a request with this target arrives within `limit`.
    #[must_use]
    pub fn sees(&self, target: &str, limit: Duration) -> bool {
        let end = format!(" {target}");
        wait_until(limit, || self.seen().iter().any(|seen| seen.ends_with(&end)))
    }
}

impl Service for Seen {
    fn begun(&self, method: &str, target: &str, headers: &Headers) {
        let probe = headers.one("user-agent").is_some_and(|agent| agent.starts_with("Envoy/HC"));
        if !probe {
            let line = format!("{method} {target}");
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn answer(&self, request: Arrived) -> Option<Answer> {
        Some(Answer::json(&json!({
            "echo": true,
            "method": request.method,
            "target": request.target,
            "headers": request.headers.0,
            "trailers": request.trailers.0,
            "body_length": request.body.len(),
        })))
    }
}

impl Echoed {
    /// What an answer of the echo says; panics on any other answer, showing it.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        assert_eq!(reply.status, 200, "not from the echo: {reply:?}");
        let said = reply.json();
        assert_eq!(said["echo"], true, "not from the echo: {reply:?}");
        let lines = |name: &str| {
            let lines = said[name].as_array().expect("lines").iter();
            Headers(lines.map(|line| (text(&line[0]), text(&line[1]))).collect())
        };
        Self {
            method: text(&said["method"]),
            target: text(&said["target"]),
            headers: lines("headers"),
            trailers: lines("trailers"),
            body_length: said["body_length"].as_u64().expect("a number"),
        }
    }
}
