//! A real Keycloak: who logs out there is told to filters by way of back-channel logout, and who
//! logs in there can use the console. Run by `cargo xtask test-idp`, which prepares Keycloak and says where it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claimgate_proc::{Launch, Output, Process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::console::address_of;
use crate::http::{Reply, send, send_as};
use crate::redis::free_port;
use crate::service::{ENTITIES, POLICIES, Service, bare_command, eventually};

const REALM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../keycloak/realm.json");
/// `adminuser`.
const ADMIN: &str = "b2e36604-5d9a-4f98-a520-6d83f0a589eb";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");
/// A first start makes the database and imports the realm.
const START: Duration = Duration::from_secs(180);
/// What a user notices.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A running Keycloak with the demo's realm; stopped when dropped.
struct Keycloak {
    address: String,
    _process: Process,
    _folder: TempDir,
}

impl Keycloak {
    /// Starts one whose clients say a logout to `service`, and lead back to its console.
    fn start(port: u16, service: &Service) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = copy_of_installed(folder.path());
        std::fs::create_dir_all(home.join("data/import")).unwrap();
        std::fs::write(home.join("data/import/realm.json"), realm(service)).unwrap();
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

    /// Fills in the login form at `place`; the answer is where it leads.
    fn fill_in(&self, place: &str, user: &str, password: &str) -> String {
        let own = format!("http://{}", self.address);
        let form = send(&self.address, "GET", place.strip_prefix(&own).unwrap(), &[], None);
        assert_eq!(form.status, 200, "{}", form.body);
        let set = form.headers("set-cookie");
        let cookies: Vec<_> = set.iter().filter_map(|cookie| cookie.split(';').next()).collect();
        let action = form.body.split_once("action=\"").unwrap().1.split_once('"').unwrap().0;
        let action = action.replace("&amp;", "&");
        let cookies = cookies.join("; ");
        let filled = format!("username={user}&password={password}");
        let path = action.strip_prefix(&own).unwrap();
        let reply = self.post(path, &[FORM, ("cookie", &cookies)], &filled);
        assert_eq!(reply.status, 302, "{}", reply.body);
        reply.header("location").unwrap().to_owned()
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

/// The demo's realm, with this service in the place of the demo's.
fn realm(service: &Service) -> String {
    let mut realm: Value = serde_json::from_slice(&std::fs::read(REALM).unwrap()).unwrap();
    for client in realm["clients"].as_array_mut().unwrap() {
        let place = format!("http://{}/backchannel-logout", service.address);
        client["attributes"]["backchannel.logout.url"] = json!(place);
        if client["clientId"] == "authz-console" {
            let place = format!("http://{}/console/sign-in/callback", console_of(service));
            client["redirectUris"] = json!([place]);
        }
    }
    realm.to_string()
}

/// What browsers call the console.
fn console_of(service: &Service) -> String {
    address_of(service).replace("127.0.0.1", "localhost")
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
         - issuer: http://127.0.0.1:{port}/realms/api-gateway-poc\n  \
         logout-audiences: [test-client, authz-console]\nadmin-listen: 127.0.0.1:0\n\
         console-client-id: authz-console\nconsole-roles-claim: realm_access.roles\n\
         console-issuer: http://127.0.0.1:{port}/realms/api-gateway-poc\n"
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
    let keycloak = Keycloak::start(port, &service);
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

/// A page of the console, as the browser with this cookie gets it.
fn page(service: &Service, path: &str, cookie: &str) -> Reply {
    let (address, host) = (address_of(service), console_of(service));
    send_as(&address, &host, ("GET", path), &[("cookie", cookie)], None)
}

/// Signs in at the console by way of Keycloak; the answer is the session's cookie.
fn sign_in(service: &Service, keycloak: &Keycloak, user: &str, password: &str) -> String {
    let begun = page(service, "/console/sign-in/start", "");
    let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let back = keycloak.fill_in(begun.header("location").unwrap(), user, password);
    let own = format!("http://{}", console_of(service));
    let reply = page(service, back.strip_prefix(&own).unwrap(), &cookie);
    assert_eq!(reply.status, 200, "{}\n{}", reply.body, service.log());
    let set = reply.headers("set-cookie");
    let session = set.iter().find(|cookie| cookie.starts_with("__Host-authz-console="));
    session.unwrap().split(';').next().unwrap().to_owned()
}

#[test]
#[ignore = "needs Keycloak: cargo xtask test-idp"]
fn who_logs_in_at_keycloak_uses_the_console_until_their_session_there_ends() {
    let port = free_port();
    let (service, _folder) = trusting(port);
    let keycloak = Keycloak::start(port, &service);
    let admin = sign_in(&service, &keycloak, "adminuser", "adminpass");
    let subjects = page(&service, "/console/subjects", &admin);
    assert!(subjects.status == 200 && subjects.body.contains("adminuser"), "{}", subjects.body);
    // In, and allowed nothing: the realm gives them no role.
    let nobody = sign_in(&service, &keycloak, "testuser-pm", "testpass");
    assert_eq!(page(&service, "/console/subjects", &nobody).status, 403);
    keycloak.end_sessions_of(ADMIN);
    eventually(AT_ONCE, "the session is over here too", || {
        page(&service, "/console/subjects", &admin).status == 303
    });
}
