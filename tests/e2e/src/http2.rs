//! An HTTP/2 client with trailers, over a plain connection.
//!
//! For what HTTP/1.1 cannot say; names are lower case here, as the protocol demands. It never waits
//! longer than [`crate::SOON`].

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use h2::client;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::time::timeout;

use crate::SOON;
use crate::client::Reply;
use crate::wire::Headers;

/// A request over HTTP/2.
#[derive(Clone, Debug)]
pub struct Request {
    head: http::Request<()>,
    path: String,
    body: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Request {
    /// `path` may have a query.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        let mut head = http::Request::new(());
        *head.method_mut() = method.parse().expect("a method");
        Self { head, path: path.to_owned(), body: None, trailers: None }
    }

    /// Adds a header; the same name may come again.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        append(self.head.headers_mut(), name, value);
        self
    }

    /// Adds `authorization: Bearer TOKEN`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A body.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(Bytes::copy_from_slice(body));
        self
    }

    /// Adds a trailer.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        append(self.trailers.get_or_insert_default(), name, value);
        self
    }

    /// The answer; panics when there is none in time.
    #[must_use]
    pub fn send(&self, to: SocketAddr) -> Reply {
        self.try_send(to).unwrap_or_else(|error| panic!("{self:?} to {to}: {error}"))
    }

    /// The answer, or why there is none (a reset stream among the reasons).
    pub fn try_send(&self, to: SocketAddr) -> io::Result<Reply> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        runtime
            .block_on(async { timeout(SOON, self.exchange(to)).await.map_err(io::Error::other)? })
    }

    async fn exchange(&self, to: SocketAddr) -> io::Result<Reply> {
        let stream = TcpStream::connect(to).await?;
        let (mut send, connection) = client::handshake(stream).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        let mut head = self.head.clone();
        *head.uri_mut() = format!("http://{to}{}", self.path).parse().map_err(io::Error::other)?;
        let last = self.body.is_none() && self.trailers.is_none();
        let (answer, mut body) = send.send_request(head, last).map_err(io::Error::other)?;
        if let Some(bytes) = &self.body {
            let last = self.trailers.is_none();
            body.send_data(bytes.clone(), last).map_err(io::Error::other)?;
        }
        if let Some(trailers) = &self.trailers {
            body.send_trailers(trailers.clone()).map_err(io::Error::other)?;
        }
        reply(answer.await.map_err(io::Error::other)?).await
    }
}

async fn reply(answer: http::Response<h2::RecvStream>) -> io::Result<Reply> {
    let (head, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.map_err(io::Error::other)?;
        body.extend_from_slice(&chunk);
        let _ = stream.flow_control().release_capacity(chunk.len());
    }
    let latin =
        |value: &HeaderValue| value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
    let lines = head.headers.iter().map(|(name, value)| (name.to_string(), latin(value)));
    Ok(Reply { status: head.status.as_u16(), headers: Headers(lines.collect()), body })
}

fn append(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
    headers.append(name, HeaderValue::from_str(value).expect("a header value"));
}
