//! The administration API, through the real process and, mostly, a real identity provider.

mod certificates;
mod changes;
mod document;
mod durability;
mod many;
mod reading;
mod schema;
mod who;

use std::process::Command;

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Reply, send};
use crate::provider::Provider;
use crate::service::{ENTITIES, POLICIES, Service, bare_command};

const JSON: (&str, &str) = ("content-type", "application/json");
const AUDIENCE: &str = "authz-admin";

/// A service whose administrators have tokens of `provider`.
pub(crate) struct Managed {
    service: Service,
    provider: Provider,
    address: String,
    folder: TempDir,
}

pub(crate) fn operators_address(service: &Service) -> String {
    let log = service.log();
    let line = log.lines().find_map(|line| line.strip_prefix("administration on "));
    let (_, address) =
        line.and_then(|url| url.split_once("://")).expect("it has an operators' port");
    address.to_owned()
}

impl Managed {
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    pub(crate) fn start_with(more: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), more)
    }

    /// With what is in `authz.db` of this folder.
    fn start_in(folder: TempDir, more: &str) -> Self {
        let provider = Provider::start();
        let file = folder.path().join("authz.yaml");
        let text = format!(
            "policies: {POLICIES}\nentities: {ENTITIES}\ndatabase: 'sqlite:{}'\nadmin-listen: 127.0.0.1:0\nadmin:\n  issuer: {}\n  audience: {AUDIENCE}\n  roles-claim: realm_access.roles\n{more}",
            folder.path().join("authz.db").display(),
            provider.issuer,
        );
        std::fs::write(&file, text).unwrap();
        let service = spawn(&folder);
        Self { address: operators_address(&service), service, provider, folder }
    }

    /// The same again, on what the one before left behind.
    fn restart(&mut self) {
        self.service.child.kill().unwrap();
        self.service.child.wait().unwrap();
        self.service = spawn(&self.folder);
        self.address = operators_address(&self.service);
    }

    fn claims(&self, role: &str) -> Value {
        let now = Timestamp::now().as_second();
        json!({"iss": self.provider.issuer, "aud": AUDIENCE, "iat": now, "exp": now + 300,
               "sub": format!("{role}-1"), "realm_access": {"roles": [role]}})
    }

    fn token(&self, role: &str) -> String {
        self.provider.sign("at+jwt", &self.claims(role))
    }

    fn with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("authorization", bearer.as_str()), JSON];
        all.extend(headers);
        let body = body.map(Value::to_string);
        let path = format!("/admin/v1{path}");
        let ask = || send(&self.address, method, &path, &all, body.as_deref().map(str::as_bytes));
        // A machine that is busy with other tests may not find the time; then one asks again.
        let mut reply = ask();
        for _ in 0..20 {
            if reply.status != 503 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            reply = ask();
        }
        schema::check(self.document(), method, &path, &reply);
        reply
    }

    fn document(&self) -> &'static Value {
        schema::document(|| {
            let bearer = format!("Bearer {}", self.token("admin"));
            let headers = [("authorization", bearer.as_str())];
            send(&self.address, "GET", "/admin/v1/openapi.json", &headers, None).json()
        })
    }

    /// As an administrator with every right.
    fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.with(&self.token("admin"), method, path, &[], body)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let reply = self.admin("GET", path, None);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.json()
    }

    pub(crate) fn done(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let reply = self.admin(method, path, body);
        assert!([200, 201].contains(&reply.status), "{method} {path}: {}", reply.body);
        reply.json()
    }
}

fn spawn(folder: &TempDir) -> Service {
    Service::spawn(bare_command().arg("--config").arg(folder.path().join("authz.yaml")))
}

/// What the local command prints.
fn admin_token(folder: &TempDir, lifetime: &str) -> String {
    let database = format!("sqlite:{}", folder.path().join("authz.db").display());
    let output = Command::new(env!("CARGO_BIN_EXE_authz-service"))
        .env_clear()
        .args(["admin-token", "--lifetime", lifetime, "--database", &database])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
