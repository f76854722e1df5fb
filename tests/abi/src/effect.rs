//! What a module does to the world, in the order it did it. Reads are no effects.

use crate::HeaderMap;

/// A header map that a module can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// The request's headers.
    Request,
    /// The request's trailers.
    Trailers,
}

/// One thing a module did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Set a header.
    Replace {
        /// Whose.
        stream: u32,
        /// In which map.
        map: Map,
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Removed a header, present or not.
    Remove {
        /// Whose.
        stream: u32,
        /// From which map.
        map: Map,
        /// Its name.
        name: String,
    },
    /// Set a filter state that access logs can show.
    FilterState {
        /// Whose.
        stream: u32,
        /// Its name, which the host puts behind `wasm.`.
        path: String,
        /// Its value.
        value: String,
    },
    /// Answered a request itself.
    Reply {
        /// Which.
        stream: u32,
        /// With what.
        reply: LocalReply,
    },
    /// Let a held request go on.
    Resume {
        /// Which.
        stream: u32,
    },
    /// Made an HTTP call.
    Call(Call),
    /// Asked to be ticked.
    TickPeriod {
        /// Which root.
        root: u32,
        /// How often.
        millis: u32,
    },
    /// Added to a metric.
    Count {
        /// Which.
        name: String,
    },
    /// Wrote a log line.
    Log {
        /// 1 debug, 2 info, 3 warn, 4 error.
        level: u32,
        /// The line.
        text: String,
    },
    /// Tried something and was refused as the test demanded.
    Refused {
        /// The host function.
        function: &'static str,
        /// What it answered.
        status: u32,
    },
}

impl Effect {
    /// The stream it was done to.
    pub fn stream(&self) -> Option<u32> {
        match self {
            Self::Replace { stream, .. }
            | Self::Remove { stream, .. }
            | Self::FilterState { stream, .. }
            | Self::Reply { stream, .. }
            | Self::Resume { stream } => Some(*stream),
            _ => None,
        }
    }
}

/// An answer that a module gave itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u32,
    /// Its gRPC status; -1 leaves that to the host.
    pub grpc: i32,
    /// Response code details.
    pub details: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
}

/// An HTTP call that a module made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub token: u32,
    /// The context whose callback was running.
    pub by: u32,
    /// The root that is told the answer.
    pub root: u32,
    /// Envoy cluster.
    pub cluster: String,
    /// Headers, pseudo headers included.
    pub headers: HeaderMap,
    /// Body.
    pub body: String,
    /// Time limit in milliseconds.
    pub timeout: u32,
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Headers, `:status` among them; none means that the call broke.
    pub headers: HeaderMap,
    /// Body, if there is one to read.
    pub body: Option<Vec<u8>>,
}

impl Answer {
    /// An answer as a server, or Envoy for it, gives one.
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref().to_vec();
        let headers = HeaderMap::new(&[
            (":status", &status.to_string()),
            ("content-length", &body.len().to_string()),
            ("content-type", "application/json"),
        ]);
        Self { headers, body: Some(body) }
    }

    /// What comes when the cluster goes away during the call: no header, no body.
    pub fn broken() -> Self {
        Self { headers: HeaderMap::default(), body: None }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }
}
