//! HTTP/1.1 messages as bytes on a socket, for both ends.
//!
//! It keeps what a library would tidy up: duplicates, order, case, odd bytes. It must never read
//! without a limit when it has one, and never accept a message that ends early.

use std::fmt;
use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Header or trailer lines, in order, as they came. Bytes beyond ASCII are shown as Latin-1, so
/// none is lost.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// Every value under this name, whatever the case of the name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = self.0.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str()).collect()
    }

    /// The value under this name, if there is exactly one.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        match self.all(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Whether the name is there, in whatever case.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        !self.all(name).is_empty()
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.all(name).iter().any(|value| value.eq_ignore_ascii_case(word))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, value))).finish()
    }
}

/// A message up to its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// Request line or status line.
    pub start: String,
    /// The header lines.
    pub headers: Headers,
}

/// How a body ends that has neither a length nor chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unframed {
    /// There is none.
    Absent,
    /// With the connection.
    UntilClosed,
}

/// The reading side of a connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    deadline: Option<Instant>,
}

impl Wire {
    /// Without a limit, for servers; see [`Wire::limit`].
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), deadline: None }
    }

    /// All reads together end within `limit` from now.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.deadline = Some(Instant::now() + limit);
        self
    }

    /// The socket, to write to or to shut down.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The next message's head; `None` when the connection ends cleanly before one.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        let Some(start) = self.line()? else { return Ok(None) };
        Ok(Some(Head { start, headers: self.headers()? }))
    }

    /// The body and the trailers that belong to `head`.
    pub fn body(&mut self, head: &Head, unframed: Unframed) -> io::Result<(Vec<u8>, Headers)> {
        if head.headers.says("transfer-encoding", "chunked") {
            return self.chunks();
        }
        let length = head.headers.one("content-length").map(str::parse);
        match (length, unframed) {
            (Some(length), _) => Ok((self.take(length.map_err(invalid)?)?, Headers::default())),
            (None, Unframed::Absent) => Ok(Default::default()),
            (None, Unframed::UntilClosed) => {
                while self.fill()? > 0 {}
                Ok((std::mem::take(&mut self.buffer), Headers::default()))
            }
        }
    }

    fn headers(&mut self) -> io::Result<Headers> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Headers(lines));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid(&line))?;
            lines.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn chunks(&mut self) -> io::Result<(Vec<u8>, Headers)> {
        let mut body = Vec::new();
        loop {
            let size = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(invalid)?;
            if size == 0 {
                return Ok((body, self.headers()?));
            }
            body.extend(self.take(size)?);
            self.take(2)?;
        }
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.take(end)?;
                self.take(2)?;
                return Ok(Some(line.iter().map(|byte| char::from(*byte)).collect()));
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(early()) };
            }
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if self.fill()? == 0 {
                return Err(early());
            }
        }
        let rest = self.buffer.split_off(count);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    fn fill(&mut self) -> io::Result<usize> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(left)?;
        let mut chunk = [0; 16 * 1024];
        let count = match self.stream.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            read => read?,
        };
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

fn invalid(what: impl fmt::Debug) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP/1.1: {what:?}"))
}

fn early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within a message")
}
