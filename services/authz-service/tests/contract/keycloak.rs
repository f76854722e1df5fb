//! Logging out of a real Keycloak: what it tells us by back-channel logout reaches the state that
//! filters read. Run by `cargo xtask test-idp`, which prepares Keycloak and says where it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claimgate_proc::{Launch, Output, Process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Reply, send};
use crate::redis::free_port;
use crate::service::{ENTITIES, POLICIES, Service, bare_command, eventually};

const REALM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../keycloak/realm.json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
/// A first start makes the database and imports the realm.
const START: Duration = Duration::from_secs(180);
/// What an operator's user notices.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A running Keycloak with the demo's realm; stopped when dropped.
struct Keycloak {
    address: String,
    _process: Process,
    _folder: TempDir,
}

impl Keycloak {
    /// Starts one whose clients say a logout to `logout_url`.
    fn start(port: u16, logout_url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = copy_of_installed(folder.path());
        std::fs::create_dir_all(home.join("data/import")).unwrap();
        std::fs::write(home.join("data/import/realm.json"), realm(logout_url)).unwrap();
        let (port, management) = (port.to_string(), free_port().to_string());
        let log = folder.path().join("keycloak.log");
        let process = Launch::new("keycloak", home.join("bin/kc.sh"), Output::Log(log))
            .args(["start", "--optimized", "--import-realm", "--cache=local"])
            .args(["--http-enabled=true", "--hostname-strict=false", "--http-host=127.0.0.1"])
            .arg(format!("--http-port={port}"))
            .arg("--http-management-host=127.0.0.1")
            .arg(format!("--http-management-port={management}"))
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin-of-the-tests")
            .env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx192m")
            .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC")
            .start()
            .unwrap();
        let management = format!("127.0.0.1:{management}");
        let end = Instant::now() + START;
        while !is_ready(&management) {
            assert!(process.exited().is_none(), "it ended:\n{}", process.log_tail(20));
            assert!(Instant::now() < end, "not ready:\n{}", process.log_tail(20));
            std::thread::sleep(Duration::from_millis(200));
        }
        Self { address: format!("127.0.0.1:{port}"), _process: process, _folder: folder }
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        send(&self.address, "POST", path, headers, Some(body.as_bytes()))
    }

    fn realm(&self, endpoint: &str, form: &str) -> Reply {
        let path = format!("/realms/api-gateway-poc/protocol/openid-connect/{endpoint}");
        self.post(&path, &[FORM], form)
    }

    fn log_in(&self) -> Session {
        let form =
            "grant_type=password&client_id=test-client&username=testuser-cm&password=testpass";
        let reply = self.realm("token", form);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let tokens = reply.json();
        let claims = tokens["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
        let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Session {
            refresh: text(&tokens["refresh_token"]),
            sid: text(&claims["sid"]),
            sub: text(&claims["sub"]),
        }
    }

    fn log_out(&self, session: &Session) {
        let reply = self
            .realm("logout", &format!("client_id=test-client&refresh_token={}", session.refresh));
        assert_eq!(reply.status, 204, "{}", reply.body);
    }

    /// As an administrator ends all sessions of a user.
    fn end_sessions_of(&self, sub: &str) {
        let form =
            "grant_type=password&client_id=admin-cli&username=admin&password=admin-of-the-tests";
        let path = "/realms/master/protocol/openid-connect/token";
        let token = self.post(path, &[FORM], form).json();
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let path = format!("/admin/realms/api-gateway-poc/users/{sub}/logout");
        let reply = self.post(&path, &[("authorization", &bearer), JSON], "{}");
        assert_eq!(reply.status, 204, "{}", reply.body);
    }
}

struct Session {
    refresh: String,
    sid: String,
    sub: String,
}

/// Keycloak writes into its own folder, so every run has a copy.
fn copy_of_installed(folder: &Path) -> PathBuf {
    let installed = std::env::var_os("KEYCLOAK_HOME").expect("run by `cargo xtask test-idp`");
    let home = folder.join("keycloak");
    let copied = Command::new("cp").arg("-a").arg(installed).arg(&home).status().unwrap();
    assert!(copied.success());
    home
}

/// The demo's realm, with this place to say logouts to.
fn realm(logout_url: &str) -> String {
    let mut realm: Value = serde_json::from_slice(&std::fs::read(REALM).unwrap()).unwrap();
    realm["clients"][0]["attributes"]["backchannel.logout.url"] = json!(logout_url);
    realm.to_string()
}

fn is_ready(management: &str) -> bool {
    std::net::TcpStream::connect(management).is_ok()
        && send(management, "GET", "/health/ready", &[], None).status == 200
}

/// A service that trusts the realm of the Keycloak that will listen on `port`.
fn trusting(port: u16) -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authz.yaml");
    let text = format!(
        "policies: {POLICIES}\nentities: {ENTITIES}\nissuers:\n\
         - issuer: http://127.0.0.1:{port}/realms/api-gateway-poc\n  logout-audiences: [test-client]\n"
    );
    std::fs::write(&file, text).unwrap();
    (Service::spawn(bare_command().arg("--config").arg(&file)), folder)
}

fn revoked_sessions(service: &Service) -> Vec<String> {
    let state = service.send("GET", "/v1/state", &[]).json();
    let entries = state["entries"].as_array().unwrap();
    let sessions = entries.iter().filter(|entry| entry["kind"] == "session");
    sessions.map(|entry| entry["sid"].as_str().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs Keycloak: cargo xtask test-idp"]
fn logging_out_of_keycloak_ends_the_session_for_every_filter_within_a_second() {
    let port = free_port();
    let (service, _folder) = trusting(port);
    let keycloak = Keycloak::start(port, &format!("http://{}/backchannel-logout", service.address));
    let (first, second) = (keycloak.log_in(), keycloak.log_in());
    assert_ne!(first.sid, second.sid);
    assert_eq!(revoked_sessions(&service), [""; 0]);
    keycloak.log_out(&first);
    eventually(AT_ONCE, "the session is revoked", || revoked_sessions(&service) == [&*first.sid]);
    // An administrator ends the rest, and a login after that is a session of its own.
    keycloak.end_sessions_of(&second.sub);
    eventually(AT_ONCE, "the other session is revoked", || {
        revoked_sessions(&service).contains(&second.sid)
    });
    assert!(!revoked_sessions(&service).contains(&keycloak.log_in().sid));
}
