//! Live streams: a stream of events, a WebSocket and gRPC end a grace period after the token they were
//! let through with, and those with another token go on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use claimgate_e2e::http2;
use claimgate_e2e::talker::Talker;

use super::super::{envoy_pid, is_still_up};
use super::*;

const GRACE: Duration = Duration::from_secs(2);
/// How much later than after the grace period a stream may end.
const LATE: Duration = Duration::from_secs(1);

/// Longer than the upstream is ever silent.
const SILENCE: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Events,
    Upgrade,
    Grpc,
}

const KINDS: [Kind; 3] = [Kind::Events, Kind::Upgrade, Kind::Grpc];

/// Listens until the stream is ended, but not for longer than twice [`SOON`]: when it ended.
fn listen(kind: Kind, to: SocketAddr, token: &str) -> Option<Instant> {
    match kind {
        Kind::Grpc => {
            // It gives up by itself after SOON; that it was reset says so earlier.
            let begun = Instant::now();
            let request = http2::Request::new("POST", "/products").bearer(token);
            let answer = request.header("content-type", "application/grpc").try_send(to);
            assert!(answer.is_err(), "{answer:?}");
            (begun.elapsed() < SOON).then(Instant::now)
        }
        Kind::Events => read(to, &format!("accept: text/event-stream\r\n{}", line(token))),
        Kind::Upgrade => {
            read(to, &format!("connection: upgrade\r\nupgrade: websocket\r\n{}", line(token)))
        }
    }
}

fn line(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// Nothing more comes, though Envoy keeps the connection for another second (its
/// `delayed_close_timeout`) before it closes it.
fn read(to: SocketAddr, lines: &str) -> Option<Instant> {
    let mut stream = TcpStream::connect(to).expect("a connection");
    stream.set_read_timeout(Some(SILENCE)).expect("a timeout");
    write!(stream, "GET /products HTTP/1.1\r\nhost: shop\r\n{lines}\r\n").expect("a request");
    let (begun, mut seen, mut buffer) = (Instant::now(), Vec::new(), [0; 4096]);
    let mut last = begun;
    while begun.elapsed() < SOON {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => {
                stream.set_read_timeout(Some(SOON)).expect("a timeout");
                assert!(!matches!(stream.read(&mut buffer), Ok(1..)), "it goes on");
                return Some(last);
            }
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
        last = Instant::now();
        let text = String::from_utf8_lossy(&seen);
        let good = text.starts_with("HTTP/1.1 101") || text.starts_with("HTTP/1.1 200");
        assert!(good, "{text}");
    }
    None
}

fn patient(config: &mut Value) {
    polled(config);
    edit::policy(config)["streams"] = json!({"grace": "2s"});
    edit::policy(config)["providers"][0]["clock_skew"] = "0s".into();
}

/// One stream of each kind with either token; `end` is when the first one's has ended.
fn ends_after(stack: &Stack, talker: &Talker, tokens: [&str; 2], end: impl FnOnce() -> Instant) {
    let to = stack.address(Part::Envoy);
    thread::scope(|threads| {
        let [ending, others] = tokens
            .map(|token| KINDS.map(|kind| (kind, threads.spawn(move || listen(kind, to, token)))));
        assert!(wait_until(SOON, || talker.talking() == 6), "{} talk", talker.talking());
        let end = end();
        for (kind, thread) in ending {
            let ended = thread.join().expect("a listener");
            let ended = ended.unwrap_or_else(|| panic!("{kind:?} is still live"));
            let after = ended.saturating_duration_since(end);
            println!("{kind:?} ended {after:?} after its token");
            assert!(ended >= end + GRACE && after <= GRACE + LATE, "{kind:?}: {after:?}");
        }
        assert!(wait_until(SOON, || talker.talking() <= 3), "{} talk", talker.talking());
        for (kind, thread) in others {
            assert_eq!(thread.join().expect("a listener"), None, "{kind:?} with another token");
        }
    });
}

fn counted(stack: &Stack, end: &str) -> usize {
    gauge(stack, &format!("wasmcustom.claimgate.streams_ended.{end}"))
}

#[test]
fn live_streams_end_a_grace_period_after_their_token_is_revoked() {
    let talker = Talker::start();
    let builder = builder().administered().edit_envoy(patient);
    let stack = own_stack(builder.edit_envoy(talker.behind_all_routes()));
    let (admin, mint, envoy) = (Admin::of(&stack), Mint::of(&stack), envoy_pid(&stack));
    let token = |jti: &str| mint.good(&with(&mint.claims(&USER), "jti", jti.into()));
    is_known(&stack, 0);
    ends_after(&stack, &talker, [&token("a"), &token("b")], || {
        let begun = Instant::now();
        admin.revoke(&json!({"kind": "token", "jti": "a"}));
        begun
    });
    assert_eq!(counted(&stack, "revoked"), 3);
    is_still_up(&stack, envoy);
}

#[test]
fn live_streams_end_a_grace_period_after_their_token_has_expired() {
    let talker = Talker::start();
    let builder = builder().administered().edit_envoy(patient);
    let stack = own_stack(builder.edit_envoy(talker.behind_all_routes()));
    let (mint, envoy) = (Mint::of(&stack), envoy_pid(&stack));
    is_known(&stack, 0);
    let exp = now() + 4;
    let token = mint.good(&with(&mint.claims(&USER), "exp", exp.into()));
    let other = mint.good(&mint.claims(&USER));
    ends_after(&stack, &talker, [&token, &other], || {
        assert!(wait_until(SOON, || now() >= exp));
        Instant::now() - Duration::from_millis(50)
    });
    assert_eq!(counted(&stack, "expired"), 3);
    is_still_up(&stack, envoy);
}
