//! A peer in front of a real one that holds requests back until it is opened: how a test makes a
//! decision, or a fetch of keys, take as long as it needs.
//!
//! Only requests to the held target wait; everything else, health probes too, passes at once. The
//! answers are the real peer's. It must never hold longer than 30 s.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use claimgate_proc::wait_until;
use serde_json::Value;

use crate::client::{Reply, Request};
use crate::edit;
use crate::server::{Answer, Arrived, Server, Service};

const LONGEST: Duration = Duration::from_secs(30);

/// A running gate, shut at first.
#[derive(Debug)]
pub struct Gate {
    server: Server,
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    target: String,
    real: OnceLock<SocketAddr>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    arrived: usize,
}

impl Gate {
    /// Holds requests whose path ends in `target`.
    #[must_use]
    pub fn holding(target: &str) -> Self {
        let held = Arc::new(Held {
            target: target.to_owned(),
            real: OnceLock::new(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        Self { server: Server::start(Arc::clone(&held)), held }
    }

    /// An edit for [`xtask::stack::Builder::edit_envoy`]: the cluster's calls come here, and go on
    /// to where the cluster pointed before.
    pub fn before(&self, cluster: &'static str) -> impl FnOnce(&mut Value) + 'static {
        let (held, port) = (Arc::clone(&self.held), self.server.address().port());
        move |config| {
            let real = edit::cluster_port(config, cluster);
            held.real.set(SocketAddr::from(([127, 0, 0, 1], real))).expect("one cluster a gate");
            edit::set_cluster_port(config, cluster, port);
        }
    }

    /// Requests to the held target that have arrived so far.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.held.state().arrived
    }

    /// Whether at least `count` of them arrive within `limit`.
    #[must_use]
    pub fn has(&self, count: usize, limit: Duration) -> bool {
        wait_until(limit, || self.arrived() >= count)
    }

    /// Lets those that wait, and all later ones, go on.
    pub fn open(&self) {
        self.held.state().open = true;
        self.held.changed.notify_all();
    }

    /// Holds later ones again.
    pub fn shut(&self) {
        self.held.state().open = false;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        let mut state = self.state();
        state.arrived += 1;
        let shut = |state: &mut State| !state.open;
        drop(self.changed.wait_timeout_while(state, LONGEST, shut));
    }
}

impl Service for Held {
    fn answer(&self, request: Arrived) -> Option<Answer> {
        if request.target.ends_with(&self.target) {
            self.wait();
        }
        let real = self.real.get()?;
        let lines = request.headers.0.iter();
        let lines = lines.filter(|(name, _)| !is_framing(name));
        let sent = Request::new(&request.method, &request.target).host(real.to_string());
        let sent = sent.headers(lines.map(|(name, value)| (name.as_str(), value.as_str())));
        sent.body(request.body).try_send(*real).ok().map(answer)
    }
}

fn answer(reply: Reply) -> Answer {
    let headers = reply.headers.0.into_iter().filter(|(name, _)| !is_framing(name)).collect();
    Answer { status: reply.status, headers, body: reply.body }
}

fn is_framing(name: &str) -> bool {
    let framing = ["connection", "content-length", "transfer-encoding", "host"];
    framing.iter().any(|one| name.eq_ignore_ascii_case(one))
}
