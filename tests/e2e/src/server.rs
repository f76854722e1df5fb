//! A small HTTP/1.1 server in this process, for upstreams of ours: a thread for each connection.
//!
//! It knows nothing of what it answers; see [`crate::echo`] and [`crate::gate`]. It must never
//! outlive its value: dropping it closes the port.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::wire::{Head, Headers, Unframed, Wire};

/// A request that has arrived in whole.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// As it was sent.
    pub method: String,
    /// As it was sent.
    pub target: String,
    /// The header lines.
    pub headers: Headers,
    /// The body, unframed.
    pub body: Vec<u8>,
    /// The trailer lines.
    pub trailers: Headers,
}

/// What to answer. `content-length` is added.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// The head of a request is here; its body may follow.
    fn begun(&self, _method: &str, _target: &str, _headers: &Headers) {}
    /// The whole request is here. `None` drops the connection without an answer.
    fn answer(&self, request: Arrived) -> Option<Answer>;
}

/// A listening server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Server {
    /// On a free port of 127.0.0.1.
    #[must_use]
    pub fn start(service: Arc<impl Service>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let closed = Arc::new(AtomicBool::new(false));
        let seen_closed = Arc::clone(&closed);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if seen_closed.load(Ordering::SeqCst) {
                    return;
                }
                let service = Arc::clone(&service);
                // An error is the client's going away.
                thread::spawn(move || drop(serve(stream, &*service)));
            }
        });
        Self { address, closed }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the listening thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, service: &impl Service) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head()? {
        let (method, target) = request_line(&head);
        service.begun(&method, &target, &head.headers);
        let (body, trailers) = wire.body(&head, Unframed::Absent)?;
        let is_head = method == "HEAD";
        let request = Arrived { method, target, headers: head.headers, body, trailers };
        let Some(answer) = service.answer(request) else { return Ok(()) };
        wire.stream().write_all(&answer.bytes(is_head))?;
    }
    Ok(())
}

fn request_line(head: &Head) -> (String, String) {
    let mut words = head.start.split(' ').map(str::to_owned);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

impl Answer {
    /// 200 with a JSON body.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status: 200, headers, body: body.to_string().into_bytes() }
    }

    fn bytes(&self, head_only: bool) -> Vec<u8> {
        let lines = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let lines: String = lines.collect();
        let length = self.body.len();
        let head =
            format!("HTTP/1.1 {} Answer\r\n{lines}content-length: {length}\r\n\r\n", self.status);
        let body = if head_only { &[][..] } else { &self.body };
        [head.as_bytes(), body].concat()
    }
}
