//! A client that sends exactly the bytes it is told to: any target, any header lines.
//!
//! One connection for each request. It adds a `host` unless told otherwise, what frames the body,
//! and `connection: close`; nothing else. It never waits longer than [`Request::limit`].

use std::fmt;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::SOON;
use crate::wire::{Headers, Unframed, Wire};

type Line = (Vec<u8>, Vec<u8>);

/// A request to be sent, as often as wanted.
#[derive(Clone, Debug)]
pub struct Request {
    method: Vec<u8>,
    target: Vec<u8>,
    lines: Vec<Line>,
    body: Body,
    with_host: bool,
    limit: Duration,
}

#[derive(Clone, Debug)]
enum Body {
    Absent,
    Sized(Vec<u8>),
    Chunked { chunks: Vec<Vec<u8>>, trailers: Vec<Line> },
}

/// An answer.
#[derive(Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header lines.
    pub headers: Headers,
    /// The body, unframed.
    pub body: Vec<u8>,
}

/// A request that has been sent and not been answered. Dropping it disconnects.
#[derive(Debug)]
pub struct Pending {
    wire: Wire,
    head_only: bool,
}

impl Request {
    /// Method and target go out as they are.
    pub fn new(method: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.as_ref().to_vec(),
            target: target.as_ref().to_vec(),
            lines: Vec::new(),
            body: Body::Absent,
            with_host: true,
            limit: SOON,
        }
    }

    /// A GET.
    pub fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    /// Adds a header line; the same name may come again.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.lines.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    /// Adds header lines, in order.
    #[must_use]
    pub fn headers<'a>(self, lines: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        lines.into_iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Adds `authorization: Bearer TOKEN`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// This host, not the address the request goes to.
    #[must_use]
    pub fn host(mut self, host: impl AsRef<[u8]>) -> Self {
        self.with_host = false;
        self.header("host", host)
    }

    /// No host at all.
    #[must_use]
    pub fn without_host(mut self) -> Self {
        self.with_host = false;
        self
    }

    /// A body with a length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Sized(body.into());
        self
    }

    /// A form.
    #[must_use]
    pub fn form(self, form: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(form)
    }

    /// A body in chunks of at most `size` bytes.
    #[must_use]
    pub fn chunked(mut self, body: &[u8], size: usize) -> Self {
        let chunks = body.chunks(size).map(<[u8]>::to_vec).collect();
        self.body = Body::Chunked { chunks, trailers: Vec::new() };
        self
    }

    /// Adds a trailer line to a chunked body (an empty one if there is none yet).
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        if !matches!(self.body, Body::Chunked { .. }) {
            self = self.chunked(b"", 1);
        }
        if let Body::Chunked { trailers, .. } = &mut self.body {
            trailers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        }
        self
    }

    /// The target, as a log would show it.
    #[must_use]
    pub fn target(&self) -> String {
        self.target.escape_ascii().to_string()
    }

    /// How long the whole exchange may take; [`SOON`] when not said.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The answer. Panics, saying which request, when there is none in time.
    #[must_use]
    pub fn send(&self, to: SocketAddr) -> Reply {
        self.try_send(to).unwrap_or_else(|error| panic!("{self} to {to}: {error}"))
    }

    /// The answer, or why there is none.
    pub fn try_send(&self, to: SocketAddr) -> io::Result<Reply> {
        self.start(to)?.reply()
    }

    /// Sends it and does not wait. A large body goes on being sent meanwhile.
    pub fn start(&self, to: SocketAddr) -> io::Result<Pending> {
        let stream = TcpStream::connect_timeout(&to, self.limit)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.limit))?;
        let (mut writer, bytes) = (stream.try_clone()?, self.bytes(to));
        // An answer may come, and the connection go, before the body is out: no error then.
        thread::spawn(move || writer.write_all(&bytes));
        let head_only = self.method == b"HEAD";
        Ok(Pending { wire: Wire::new(stream).limit(self.limit), head_only })
    }

    fn bytes(&self, to: SocketAddr) -> Vec<u8> {
        let mut bytes = [&self.method[..], &self.target, b"HTTP/1.1"].join(&b' ');
        bytes.extend_from_slice(b"\r\n");
        if self.with_host {
            line(&mut bytes, b"host", to.to_string().as_bytes());
        }
        self.lines.iter().for_each(|(name, value)| line(&mut bytes, name, value));
        match &self.body {
            Body::Absent => {}
            Body::Sized(body) => {
                line(&mut bytes, b"content-length", body.len().to_string().as_bytes());
            }
            Body::Chunked { .. } => line(&mut bytes, b"transfer-encoding", b"chunked"),
        }
        line(&mut bytes, b"connection", b"close");
        bytes.extend_from_slice(b"\r\n");
        self.body.append_to(&mut bytes);
        bytes
    }
}

impl Body {
    fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Absent => {}
            Self::Sized(body) => bytes.extend_from_slice(body),
            Self::Chunked { chunks, trailers } => {
                for chunk in chunks {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n");
                trailers.iter().for_each(|(name, value)| line(bytes, name, value));
                bytes.extend_from_slice(b"\r\n");
            }
        }
    }
}

fn line(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    bytes.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.escape_ascii(), self.target.escape_ascii())
    }
}

impl Pending {
    /// The answer, or why there is none.
    pub fn reply(mut self) -> io::Result<Reply> {
        loop {
            let head = self.wire.head()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let status = head.start.split(' ').nth(1).and_then(|status| status.parse().ok());
            let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
            if status < 200 {
                continue;
            }
            let bodiless = self.head_only || matches!(status, 204 | 304);
            let body =
                if bodiless { Vec::new() } else { self.wire.body(&head, Unframed::UntilClosed)?.0 };
            return Ok(Reply { status, headers: head.headers, body });
        }
    }

    /// Disconnects without waiting for the answer.
    pub fn abandon(self) {}
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Also ends the thread that may still be sending.
        let _ = self.wire.stream().shutdown(Shutdown::Both);
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.status, self.headers, self.text())
    }
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}: {:?}", self.status, self.text()))
    }
}
