//! A small HTTP/1.1 client that sends exactly what a test says, also what is not well-formed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer as it came.
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a header that may be there more than once.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e} in {:?}", self.body))
    }
}

/// Sends one request over a connection of its own and reads the answer to the end. Sends it again
/// when the store was late: it has 150 ms, which a busy machine does not always keep to.
pub(crate) fn send(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Reply {
    let mut reply = send_once(address, (method, path), headers, body);
    for _ in 0..4 {
        if reply.status != 503 || !reply.body.contains("The store gave no answer in time.") {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        reply = send_once(address, (method, path), headers, body);
    }
    reply
}

fn send_once(
    address: &str,
    request: (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Reply {
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    exchange(&mut stream, address, request, headers, body)
}

/// Sends a request without a body to `address` under the name `host`.
pub(crate) fn send_to(address: &str, host: &str, method: &str, path: &str) -> Reply {
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    exchange(&mut stream, host, (method, path), &[], None)
}

/// As [`send`], under the name `host`.
pub(crate) fn send_as(
    address: &str,
    host: &str,
    request: (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Reply {
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    exchange(&mut stream, host, request, headers, body)
}

/// As [`send`], over a connection that stands already.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    host: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A server may refuse before it has read the whole body.
    let _ = stream.write_all(body.unwrap_or_default());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&String::from_utf8(answer).expect("an answer in UTF-8"))
}

fn parse(answer: &str) -> Reply {
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Reply { status, headers, body: body.to_owned() }
}
