//! The real process: when it refuses to start, where it listens, how it stops.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/testdata/keys/rsa-1.pem");

#[test]
fn it_does_not_start_unless_told_that_this_is_for_development() {
    let error = refused_start(&["--listen", "127.0.0.1:0"]);
    let text = "dev-idp: this identity provider is for development only";
    assert!(error.starts_with(text) && error.contains("--development"), "{error}");
}

#[test]
fn it_does_not_start_where_others_could_reach_it() {
    let flags = ["--listen", "--admin-listen"];
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:127.0.0.1]:0"] {
        for flag in flags {
            let error = refused_start(&["--development", flag, address]);
            let text = format!("dev-idp: {flag} {address} is not a loopback address");
            assert!(error.starts_with(&text), "{error}");
        }
    }
}

#[test]
fn it_does_not_start_with_a_bad_issuer_key_or_address() {
    let issuer = ["--development", "--listen", "127.0.0.1:0", "--issuer", "http://localhost/x"];
    assert!(refused_start(&issuer).starts_with("dev-idp: --issuer must be an http or https URL"));
    let missing = refused_start(&["--development", "--signing-key", "/does/not/exist.pem"]);
    assert!(missing.starts_with("dev-idp: --signing-key /does/not/exist.pem: "), "{missing}");
    let no_key = refused_start(&["--development", "--signing-key", "/dev/null"]);
    assert!(no_key.contains("not an RSA key in PKCS#8 PEM"), "{no_key}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = refused_start(&["--development", "--listen", &address, "--signing-key", KEY_FILE]);
    assert!(error.starts_with(&format!("dev-idp: cannot listen on {address}: ")), "{error}");
}

#[test]
fn it_makes_its_keys_in_a_few_seconds_and_stops_on_term() {
    let start = Instant::now();
    let mut provider = Running::start(&[]);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let address = provider.addresses[0];
    let discovery = get(address, "/realms/api-gateway-poc/.well-known/openid-configuration");
    let issuer = format!(r#""issuer":"http://localhost:{}/realms/"#, address.port());
    assert!(discovery.contains(&issuer), "{discovery}");
    assert_eq!(provider.stop("-TERM"), Some(0));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn it_listens_on_both_loopback_addresses_and_the_administrators() {
    let issuer = "http://localhost:8180/realms/api-gateway-poc";
    let mut provider = Running::start(&[
        "--admin-listen",
        "127.0.0.1:0",
        "--signing-key",
        KEY_FILE,
        "--issuer",
        issuer,
        "--token-lifetime",
        "7",
    ]);
    let (first, admin) = (provider.addresses[0], *provider.addresses.last().unwrap());
    let has_v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let twin = SocketAddr::from((Ipv6Addr::LOCALHOST, first.port()));
    assert_eq!(provider.addresses.len(), if has_v6 { 3 } else { 2 });
    for address in [Some(first), has_v6.then_some(twin)].into_iter().flatten() {
        let certs = get(address, "/realms/api-gateway-poc/protocol/openid-connect/certs");
        assert!(certs.starts_with("HTTP/1.1 200 OK"), "{certs}");
        assert!(get(address, "/stats").starts_with("HTTP/1.1 404 "));
        let realm = get(address, "/realms/api-gateway-poc");
        assert!(realm.contains(&format!(r#""token-service":"{issuer}/"#)), "{realm}");
    }
    assert!(token(first).contains(r#""expires_in":7,"#));
    let reads = if has_v6 { 2 } else { 1 };
    let stats = get(admin, "/stats");
    assert!(stats.ends_with(&format!(r#"{{"jwks_requests":{reads},"token_requests":1}}"#)));
    assert_eq!(provider.stop("-INT"), Some(0));
}

/// The one line with which the process ended, which must be with status 1.
fn refused_start(arguments: &[&str]) -> String {
    let output = command(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dev-idp"));
    command.args(arguments).stderr(Stdio::piped());
    command
}

fn get(address: SocketAddr, path: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
}

fn token(address: SocketAddr) -> String {
    let form = "grant_type=password&client_id=test-client&username=testuser&password=testpass";
    let path = "/realms/api-gateway-poc/protocol/openid-connect/token";
    let headers = "host: x\r\nconnection: close\r\n\
                   content-type: application/x-www-form-urlencoded";
    let length = form.len();
    exchange(
        address,
        &format!("POST {path} HTTP/1.1\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{form}"),
    )
}

fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A started provider; killed when dropped, however the test ends.
struct Running {
    child: Child,
    /// In the order of the announcements.
    addresses: Vec<SocketAddr>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let all = [&["--development", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut child = command(&all).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut addresses = vec![announced(&mut lines, "listening")];
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            addresses.push(announced(&mut lines, "also listening"));
        }
        if arguments.contains(&"--admin-listen") {
            addresses.push(announced(&mut lines, "admin listening"));
        }
        Self { child, addresses }
    }

    /// Signals the process and waits for its exit code.
    fn stop(&mut self, signal: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn announced(lines: &mut BufReader<ChildStderr>, announcement: &str) -> SocketAddr {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix(&format!("{announcement} on http://"));
    address.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}
