//! A collector for OTLP/HTTP as a process of its own, which can be frozen, killed, or told to be slow or to
//! refuse. It is this test executable again, and tells what it was sent on stderr.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Any, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

/// Set in the process that is a receiver: how many milliseconds it takes, and the status of its answers.
const VARIABLE: &str = "SPANS_RECEIVER";
const TEST: &str = "spans::receiver::it_is_a_process_of_other_tests";

/// A running receiver; killed when dropped.
pub(super) struct Receiver {
    child: Child,
    address: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub(super) fn start() -> Self {
        Self::start_as("0 200")
    }

    /// One that takes so many milliseconds and answers with this status.
    pub(super) fn start_as(manner: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--ignored", "--nocapture"])
            .env(VARIABLE, manner)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let spans = Arc::new(Mutex::new(Vec::new()));
        let (told, address) = mpsc::channel();
        let all = Arc::clone(&spans);
        std::thread::spawn(move || {
            for line in lines {
                match line.strip_prefix("receiver ") {
                    Some(address) => drop(told.send(address.to_owned())),
                    None => all.lock().unwrap().extend(serde_json::from_str::<Value>(&line)),
                }
            }
        });
        let address = address.recv_timeout(Duration::from_secs(10)).expect("a receiver");
        Self { child, address, spans }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it was sent so far.
    pub(super) fn spans(&self) -> Vec<Value> {
        self.spans.lock().unwrap().clone()
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "not a test: the receiver that tests of traces start as a process"]
fn it_is_a_process_of_other_tests() {
    let Ok(manner) = std::env::var(VARIABLE) else { return };
    let (delay, status) = manner.split_once(' ').unwrap();
    let delay = Duration::from_millis(delay.parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    eprintln!("receiver {}", listener.local_addr().unwrap());
    for stream in listener.incoming().map_while(Result::ok) {
        let status = status.to_owned();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            while let Some((line, body)) = request(&mut reader) {
                assert!(line.starts_with("POST /v1/traces "), "{line}");
                std::thread::sleep(delay);
                if status == "200" {
                    tell(&body);
                }
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                let _ = reader.get_mut().write_all(head.as_bytes());
            }
        });
    }
}

/// The first line and the body of the next request on a connection.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, body))
}

fn tell(body: &[u8]) {
    let sent = ExportTraceServiceRequest::decode(body).unwrap();
    for of_resource in sent.resource_spans {
        let resource = attributes(of_resource.resource.unwrap_or_default().attributes);
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            eprintln!("{}", described(span, &resource));
        }
    }
}

fn described(span: Span, resource: &Value) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    json!({
        "trace": hex(&span.trace_id), "id": hex(&span.span_id), "parent": hex(&span.parent_span_id),
        "name": span.name, "state": span.trace_state, "kind": span.kind, "resource": resource,
        "failed": span.status.is_some_and(|status| status.code == 2),
        "lasts": span.end_time_unix_nano - span.start_time_unix_nano,
        "attributes": attributes(span.attributes), "events": span.events.len(),
    })
}

fn attributes(attributes: Vec<KeyValue>) -> Value {
    let value = |value: Option<Any>| match value.and_then(|value| value.value) {
        Some(AnyValue::StringValue(text)) => json!(text),
        Some(AnyValue::BoolValue(flag)) => json!(flag),
        Some(AnyValue::IntValue(number)) => json!(number),
        other => json!(format!("{other:?}")),
    };
    let members = attributes.into_iter().map(|one| (one.key, value(one.value)));
    Value::Object(members.collect::<Map<_, _>>())
}
