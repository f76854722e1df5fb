//! The process: what it refuses to start with, whom it lets in, how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::service::{ENTITIES, EVALUATION, Service, command, eventually};

const TOKEN: &str = "a-secret-of-the-tests";

/// Runs a command that must end by itself, with an error.
pub(crate) fn refused(command: &mut Command) -> String {
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > Duration::from_secs(10) {
            let _ = child.kill();
            panic!("it started");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    assert!(!status.success() && !text.contains("listening on"), "{text}");
    text
}

fn bad_directory(schema: &str, policy: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("policies")).unwrap();
    std::fs::write(directory.path().join("schema.cedarschema"), schema).unwrap();
    std::fs::write(directory.path().join("policies/one.cedar"), policy).unwrap();
    directory
}

#[test]
fn a_bad_policy_set_is_named_with_file_and_problem() {
    let schema = "entity user; action read appliesTo { principal: [user], resource: [user] };";
    for (policy, names) in [
        ("permit (principal, action, resourc);", "policies/one.cedar:1:28: "),
        ("permit (principal is robot, action, resource);", "policies/one.cedar:1: "),
    ] {
        let directory = bad_directory(schema, policy);
        let mut command = command();
        command.args(["--entities", ENTITIES, "--policies"]).arg(directory.path());
        // The last of two --policies would be an error of its own.
        let text = refused(&mut without_first_policies(&command));
        assert!(text.contains(&format!("authz-service: --policies: {names}")), "{text}");
    }
}

/// The same command without its first `--policies DIR`.
fn without_first_policies(command: &Command) -> Command {
    let mut arguments: Vec<_> = command.get_args().collect();
    let at = arguments.iter().position(|argument| *argument == "--policies").unwrap();
    arguments.drain(at..at + 2);
    let mut other = Command::new(command.get_program());
    other.env_clear().args(arguments).stderr(std::process::Stdio::piped());
    other
}

#[test]
fn bad_entities_databases_and_urls_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("entities.json");
    std::fs::write(&file, r#"{"subjects":[{"type":"user","id":""}]}"#).unwrap();
    let text = refused(command().arg("--entities").arg(&file));
    assert!(text.contains("entities.json: subjects[0]: "), "{text}");
    let with =
        |flag: &str, value: &str| refused(command().args(["--entities", ENTITIES, flag, value]));
    assert!(
        with("--database", "mysql://host/db").contains("must be `sqlite:FILE` or `postgres://")
    );
    let text = with("--database", "postgres://user:hunter2@host/db?sslmode=perhaps");
    assert!(text.contains("--database: ") && !text.contains("hunter2"), "{text}");
    assert!(with("--database", "sqlite:/nonexistent/x.db").contains("--database: cannot open it"));
    let text = with("--redis", "redis+sentinel://user:hunter2@host");
    assert!(text.contains("--redis: must be redis[s]://") && !text.contains("hunter2"), "{text}");
    let text = with("--redis", "redis-sentinel://user:hunter2@host");
    assert!(text.contains("name of the primary is missing") && !text.contains("hunter2"), "{text}");
    assert!(refused(&mut command()).contains("--entities"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let service = Service::start(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_authz-service"));
    command.env_clear().args(["--listen", &service.address, "--entities", ENTITIES]);
    command.args(["--policies", crate::service::POLICIES]).stderr(std::process::Stdio::piped());
    let text = refused(&mut command);
    assert!(text.contains(&format!("authz-service: --listen {}: ", service.address)), "{text}");
}

#[test]
fn outside_loopback_it_needs_a_credential_to_start() {
    let everywhere = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_authz-service"));
        command.env_clear().args(["--listen", "0.0.0.0:0", "--entities", ENTITIES]);
        command.args(["--policies", crate::service::POLICIES]).stderr(std::process::Stdio::piped());
        command
    };
    assert!(refused(&mut everywhere()).contains("set AUTHZ_SERVICE_TOKEN"));
    let text = refused(everywhere().env("AUTHZ_SERVICE_TOKEN", "short"));
    assert!(text.contains("AUTHZ_SERVICE_TOKEN must have at least 16"), "{text}");
    assert!(!text.contains("short"), "{text}");
    let mut service = Service::spawn(everywhere().env("AUTHZ_SERVICE_TOKEN", TOKEN));
    service.address = service.address.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(service.send("GET", "/authz/me", &[]).status, 401);
}

#[test]
fn the_credential_guards_everything_but_health() {
    let mut command = command();
    command.args(["--entities", ENTITIES]).env("AUTHZ_SERVICE_TOKEN", TOKEN);
    let service = Service::spawn(&mut command);
    let good = format!("Bearer {TOKEN}");
    for path in [
        "/authz/me",
        "/authz/roles",
        "/authz/roles/products",
        "/.well-known/authzen-configuration",
        "/nowhere",
        EVALUATION,
    ] {
        let refused = service.send("GET", path, &[]);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert_ne!(service.send("GET", path, &[("authorization", &good)]).status, 401, "{path}");
    }
    for value in [
        "Bearer wrong-secret-of-the-tests",
        "Bearer ",
        "Bearer",
        TOKEN,
        &format!("Basic {TOKEN}"),
        &format!("Bearer {TOKEN}x"),
        &format!("Bearer  {TOKEN}"),
    ] {
        let reply = service.send("GET", "/authz/me", &[("authorization", value)]);
        assert_eq!(reply.status, 401, "{value}");
    }
    let twice = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(service.send("GET", "/authz/me", &twice).status, 401);
    assert_eq!(service.post(&json!({})).status, 401);
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(service.send("GET", path, &[]).status, 200, "{path}");
    }
    assert!(!service.log().contains(TOKEN));
}

#[test]
fn a_signal_ends_it_with_status_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut service = Service::start(&[]);
        // A client that keeps its connection open must not keep the process.
        let idle = TcpStream::connect(&service.address).unwrap();
        assert_eq!(service.send("GET", "/health/live", &[]).status, 200);
        kill_process(Pid::from_child(&service.child), signal).unwrap();
        // An idle connection would be kept for five minutes.
        eventually(Duration::from_secs(20), "it ends", || {
            service.child.try_wait().unwrap().is_some()
        });
        assert!(service.child.wait().unwrap().success());
        drop(idle);
    }
}

#[test]
fn more_requests_than_it_can_hold_are_503_and_none_is_held_for_long() {
    let service = Service::start(&["--max-concurrent", "4"]);
    let head = format!(
        "POST {EVALUATION} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{"
    );
    let mut slow = Vec::new();
    let me = || service.send("GET", "/authz/me", &[]).status;
    // A place is lost again after two seconds, and a busy machine may take longer to fill them:
    // so more come until there is none.
    eventually(Duration::from_secs(20), "all places are taken", || {
        for _ in 0..4 {
            let mut client = TcpStream::connect(&service.address).unwrap();
            client.write_all(head.as_bytes()).unwrap();
            slow.push(client);
        }
        me() == 503
    });
    assert_eq!(service.send("GET", "/health/ready", &[]).status, 200);
    eventually(Duration::from_secs(20), "the places are free again", || me() == 200);
    for mut client in slow {
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 503");
    }
}

#[test]
fn it_can_ask_another_of_its_kind_for_its_health() {
    let service = Service::start(&[]);
    let ask = |path: &str| {
        let url = format!("http://{}{path}", service.address);
        let mut command = Command::new(env!("CARGO_BIN_EXE_authz-service"));
        let output = command.env_clear().args(["check-health", &url]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(ask("/health/ready"), (Some(0), String::new()));
    assert_eq!(ask("/nowhere"), (Some(1), "authz-service: status 404 Not Found\n".to_owned()));
}
