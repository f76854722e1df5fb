//! Every call to the host, in our own terms. A status that a caller cannot act on is dropped
//! here and nowhere else; nothing in this module panics, whatever the host answers.

mod raw;

use std::borrow::Cow;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::policy::Endpoint;
use crate::reply::{LocalReply, is_grpc};
use crate::request::Pairs;
use crate::shared_data::{SharedData, Stored};
use crate::time::Timestamp;
use crate::upstream::Mutations;

/// A header map of the host's.
#[derive(Clone, Copy)]
pub(super) enum Map {
    Request = 0,
    RequestTrailers = 1,
    CalloutResponse = 6,
}

/// A buffer of the host's.
#[derive(Clone, Copy)]
enum Buffer {
    CalloutResponse = 4,
    PluginConfiguration = 7,
}

const REQUEST_STREAM: u32 = 0;

/// How important a log line is.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
}

pub(super) fn log(level: Level, text: &str) {
    raw::log(level as u32, text.as_bytes());
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().after(since)
}

/// All headers of a map as the host serializes them; `None` when the host will not say.
pub(super) fn headers(map: Map) -> Option<Vec<u8>> {
    raw::header_map(map as u32).ok()
}

pub(super) fn configuration() -> Vec<u8> {
    raw::buffer(Buffer::PluginConfiguration as u32, usize::MAX).unwrap_or_default()
}

/// So many bytes of the body of the callout that has just been answered.
pub(super) fn callout_body(longest: usize) -> Vec<u8> {
    raw::buffer(Buffer::CalloutResponse as u32, longest).unwrap_or_default()
}

/// Removes and sets request headers. False when the host refused one: the request must not go on
/// with a header we did not manage to remove.
pub(super) fn apply(mutations: &Mutations) -> bool {
    let remove =
        |name: &Cow<'_, str>| raw::remove_header(Map::Request as u32, name.as_bytes()) == raw::OK;
    let set = |(name, value): &(Rc<str>, Rc<str>)| {
        raw::replace_header(Map::Request as u32, name.as_bytes(), value.as_bytes()) == raw::OK
    };
    mutations.remove.iter().all(remove) && mutations.set.iter().all(set)
}

/// SHA-256 of the certificate that the client of this request's connection has shown, in
/// hexadecimal digits; `None` when it has shown none.
pub(super) fn client_certificate() -> Option<String> {
    let digest = raw::property("connection\0sha256_peer_certificate_digest").ok()?;
    String::from_utf8(digest).ok().filter(|digest| !digest.is_empty())
}

/// Address and port of the client as Envoy has them, `192.0.2.1:5555` or `[2001:db8::1]:5555`.
pub(super) fn client_address() -> Option<String> {
    String::from_utf8(raw::property("source\0address").ok()?).ok()
}

/// Sets the filter state `wasm.<name>` of this request, which access logs can show.
pub(super) fn set_filter_state(name: &str, value: &str) -> bool {
    raw::set_property(name.as_bytes(), value.as_bytes()) == raw::OK
}

pub(super) fn set_path(path: &str) -> bool {
    raw::replace_header(Map::Request as u32, b":path", path.as_bytes()) == raw::OK
}

pub(super) fn remove_trailer(name: &str) -> bool {
    raw::remove_header(Map::RequestTrailers as u32, name.as_bytes()) == raw::OK
}

pub(super) fn reply(reply: &LocalReply) {
    let headers = reply.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let headers = Pairs::serialize(headers);
    let grpc = reply.grpc_status.map_or(raw::NO_GRPC_STATUS, i32::from);
    let (details, body) = (reply.details.as_bytes(), reply.body.as_bytes());
    raw::local_response(u32::from(reply.status), details, body, &headers, grpc);
}

/// Whether the request at hand is gRPC. Looked at when one is refused, and not before.
pub(super) fn speaks_grpc() -> bool {
    let Some(raw) = headers(Map::Request) else { return false };
    let mut types = Pairs::parse(&raw).into_iter().flat_map(Pairs::iter);
    types.any(|(name, value)| name == b"content-type" && is_grpc(value))
}

/// Ends the stream at hand, whatever it is doing.
pub(super) fn reset() {
    raw::close_stream(REQUEST_STREAM);
}

pub(super) fn resume() {
    raw::continue_stream(REQUEST_STREAM);
}

/// Makes what follows apply to this stream; false when it is gone.
pub(super) fn enter(stream: u32) -> bool {
    raw::set_effective_context(stream) == raw::OK
}

pub(super) fn tick_every(period: Duration) {
    raw::set_tick_period(u32::try_from(period.as_millis()).unwrap_or(u32::MAX));
}

pub(super) fn register_queue(name: &str) -> Option<u32> {
    raw::register_queue(name).ok()
}

pub(super) fn enqueue(queue: u32) -> bool {
    raw::enqueue(queue, b".") == raw::OK
}

/// Takes everything out of a queue; what it says is only that somebody knocked.
pub(super) fn drain(queue: u32) {
    while raw::dequeue(queue).is_ok_and(|value| !value.is_empty()) {}
}

/// Calls one of the host's own functions; `None` when it has none of that name or refused.
pub(super) fn call_foreign(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    raw::call_foreign(name, arguments).ok()
}

pub(super) fn define_counter(name: &str) -> Option<u32> {
    raw::define_metric(0, name).ok()
}

pub(super) fn increment(counter: u32, times: u64) {
    raw::increment(counter, i64::try_from(times).unwrap_or(i64::MAX));
}

pub(super) fn define_gauge(name: &str) -> Option<u32> {
    raw::define_metric(1, name).ok()
}

pub(super) fn record(gauge: u32, value: u64) {
    raw::record(gauge, value);
}

/// What the VMs with our `vm_id` share.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostData;

impl SharedData for HostData {
    fn load(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        raw::shared_data(key).ok()
    }

    fn store(&self, key: &str, value: &[u8], cas: u32) -> Stored {
        match raw::set_shared_data(key.as_bytes(), value, cas) {
            raw::OK => Stored::Done,
            raw::CAS_MISMATCH => Stored::Raced,
            _ => Stored::Failed,
        }
    }
}

/// A callout of ours.
pub(super) struct Callout<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// At least a millisecond: a zero would mean none.
    pub(super) timeout: Duration,
    pub(super) method: &'static str,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: Option<&'a [u8]>,
}

/// Makes a callout; its number, or `None` when the host would not (no healthy host, circuit
/// breaker full, unknown cluster). Through the SDK, which has to know who made the call and
/// panics only on statuses this import cannot return.
pub(super) fn call(callout: Callout<'_>) -> Option<u32> {
    let Endpoint { cluster, scheme, authority, path, .. } = callout.endpoint;
    let mut headers = vec![
        (":method", callout.method),
        (":scheme", *scheme),
        (":authority", authority),
        (":path", path),
    ];
    headers.extend(callout.headers);
    let trailers = Vec::new();
    let call = proxy_wasm::hostcalls::dispatch_http_call;
    call(cluster, headers, callout.body, trailers, callout.timeout).ok()
}
