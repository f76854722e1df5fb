//! Waiting for a child to be usable, with a deadline.
//!
//! A child that ends before it is ready fails the wait at once, with the end of its log: that is
//! nearly always the reason. It must never wait longer than it was told to.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};
use std::{error, fmt};

use crate::child::Process;
use crate::registry;

const POLL: Duration = Duration::from_millis(20);
/// For one attempt; a child that has only just bound its port may be slow to answer.
const ATTEMPT: Duration = Duration::from_secs(1);
const LOG_LINES: usize = 20;

/// What counts as usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Something accepts connections there.
    Tcp(SocketAddr),
    /// `GET path` is answered 200.
    Http(SocketAddr, String),
}

/// Why a child is not usable; the text carries the end of its log.
#[derive(Debug)]
pub enum NotReady {
    /// It ended first.
    Ended(String, ExitStatus, String),
    /// The deadline passed.
    TimedOut(String, Duration, String),
    /// We are being stopped ourselves.
    Stopping,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(name, status, log) => write!(f, "{name} ended ({status}); it said:\n{log}"),
            Self::TimedOut(name, limit, log) => {
                write!(f, "{name} was not ready within {limit:?}; it said:\n{log}")
            }
            Self::Stopping => f.write_str("stopped by a signal"),
        }
    }
}

impl error::Error for NotReady {}

impl Process {
    /// Waits until it is `ready`, at most for `limit`.
    pub fn wait_ready(&self, ready: &Ready, limit: Duration) -> Result<(), NotReady> {
        let deadline = Instant::now() + limit;
        loop {
            if registry::is_stopping() {
                return Err(NotReady::Stopping);
            }
            if let Some(status) = self.exited() {
                return Err(NotReady::Ended(self.owned_name(), status, self.log_tail(LOG_LINES)));
            }
            if ready.is_now() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(NotReady::TimedOut(self.owned_name(), limit, self.log_tail(LOG_LINES)));
            }
            thread::sleep(POLL);
        }
    }

    fn owned_name(&self) -> String {
        self.name().to_owned()
    }
}

impl Ready {
    /// One attempt, at most two seconds long.
    #[must_use]
    pub fn is_now(&self) -> bool {
        match self {
            Self::Tcp(address) => TcpStream::connect_timeout(address, ATTEMPT).is_ok(),
            Self::Http(address, path) => {
                http_status(*address, path).is_ok_and(|status| status == 200)
            }
        }
    }
}

/// The status of one plain `GET` to a local server; enough to know that it answers.
pub fn http_status(address: SocketAddr, path: &str) -> io::Result<u16> {
    http_get(address, path).map(|(status, _)| status)
}

/// Status and body of one plain `GET` to a local server. A chunked body keeps its chunk headers.
pub fn http_get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ATTEMPT)?;
    stream.set_read_timeout(Some(ATTEMPT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok((status, body.to_owned()))
}

/// Polls `met` until it holds, `false` when `limit` passes first.
#[must_use]
pub fn wait_until(limit: Duration, mut met: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if met() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}
