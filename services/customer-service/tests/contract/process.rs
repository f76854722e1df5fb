//! The real process: when it refuses to start, what it says when ready, how it stops.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use claimgate_demo_server::{GatewaySecret, InvalidSecret, SECRET_VARIABLE};

use crate::shop::SECRET;

#[test]
fn it_does_not_start_without_a_usable_secret() {
    let cases = [
        (None, "GATEWAY_SECRET is not set. Set it to the value that the gateway sends"),
        (Some("fifteen-letters"), "GATEWAY_SECRET is too short. Use at least 16 characters"),
        (Some("sixteen letters!"), "GATEWAY_SECRET may only hold visible ASCII characters"),
    ];
    for (secret, text) in cases {
        let error = refused_start(secret, "127.0.0.1:0");
        assert!(error.starts_with(&format!("customer-service: {text}")), "{error}");
    }
}

#[test]
fn it_does_not_start_on_a_taken_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = refused_start(Some(SECRET), &address);
    let start = format!("customer-service: cannot listen on {address}: ");
    assert!(error.starts_with(&start), "{error}");
}

#[test]
fn it_says_where_it_listens_answers_and_ends_with_0_on_either_signal() {
    for signal in ["-TERM", "-INT"] {
        let mut service = Running::start();
        assert!(service.get("/customers/health", "").starts_with("HTTP/1.1 200 OK"));
        assert!(service.get("/customers", "").starts_with("HTTP/1.1 403 "));
        let identity = format!("x-gateway-secret: {SECRET}\r\nx-user-roles: customer-manager\r\n");
        let answer = service.get("/customers", &identity);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.contains(r#"[{"id":1,"#), "{answer}");

        let (code, _) = service.stop(signal);
        assert_eq!(code, Some(0), "{signal}");
        assert!(TcpStream::connect(service.address).is_err(), "{signal}");
    }
}

#[test]
fn it_can_ask_another_of_its_kind_for_its_health() {
    let service = Running::start();
    let ask = |path: &str| {
        let url = format!("http://{}{path}", service.address);
        // Without a secret: whoever asks need not know it.
        let output = command("127.0.0.1:0").args(["--check-health", &url]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(ask("/customers/health"), (Some(0), String::new()));
    let refused = (Some(1), "customer-service: status 403 Forbidden\n".to_owned());
    assert_eq!(ask("/customers"), refused);
}

#[test]
fn a_client_that_never_ends_its_request_does_not_hold_up_a_stop() {
    let mut service = Running::start();
    let mut idle = TcpStream::connect(service.address).unwrap();
    idle.write_all(b"GET /customers/health HTTP/1.1\r\n").unwrap();
    assert!(service.get("/customers/health", "").starts_with("HTTP/1.1 200 OK"));
    let (code, took) = service.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_secret_is_checked_for_length_and_characters() {
    let refused = |text: &str| GatewaySecret::new(text.to_owned()).err();
    assert_eq!(refused("123456789012345"), Some(InvalidSecret::Short));
    assert_eq!(refused("1234567890123456"), None);
    assert_eq!(refused("12345678901234\r\n"), Some(InvalidSecret::NotVisibleAscii));
    assert_eq!(refused("ééééééééé"), Some(InvalidSecret::NotVisibleAscii));
}

/// The one line with which the process ended, which must be with status 1.
fn refused_start(secret: Option<&str>, address: &str) -> String {
    let mut command = command(address);
    if let Some(secret) = secret {
        command.env(SECRET_VARIABLE, secret);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn command(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_customer-service"));
    command.args(["--listen", address]).env_remove(SECRET_VARIABLE).stderr(Stdio::piped());
    command
}

/// A started service; killed when dropped, however the test ends.
struct Running {
    child: Child,
    address: SocketAddr,
}

impl Running {
    fn start() -> Self {
        let mut child = command("127.0.0.1:0").env(SECRET_VARIABLE, SECRET).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { child, address }
    }

    /// The whole answer to a GET.
    fn get(&self, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Signals the process; its exit code and how long it took to end.
    fn stop(&mut self, signal: &str) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        (self.child.wait().unwrap().code(), start.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
