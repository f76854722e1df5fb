//! Administrators by their client certificates, on an operators' port with TLS.

use std::fs;
use std::panic::AssertUnwindSafe;

use rcgen::SanType;
use serde_json::json;
use tempfile::TempDir;

use super::{admin_token, operators_address, spawn};
use crate::http::Reply;
use crate::process::refused;
use crate::service::{ENTITIES, POLICIES, Service, bare_command};
use crate::tls::{Authority, Pair, ask};

const ROLE: &str = "/admin/v1/roles/boss";

struct Certified {
    _service: Service,
    folder: TempDir,
    authority: Authority,
    address: String,
}

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn host(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn configuration(folder: &TempDir) -> String {
    let file = |name: &str| folder.path().join(name).display().to_string();
    format!(
        "policies: {POLICIES}\nentities: {ENTITIES}\ndatabase: 'sqlite:{}'\nadmin-listen: 127.0.0.1:0\n\
         admin-tls-cert: {}\nadmin-tls-key: {}\nadmin:\n  certificates:\n  \
         - {{name: 'spiffe://example/looks', roles: [viewer]}}\n  - {{name: ops.example, roles: [admin]}}\n",
        file("authz.db"),
        file("cert.pem"),
        file("key.pem"),
    )
}

impl Certified {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        authority.issue_to(host("localhost")).write(folder.path());
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let ca = folder.path().join("ca.pem").display().to_string();
        let text = format!("{}admin-client-ca: {ca}\n", configuration(&folder));
        fs::write(folder.path().join("authz.yaml"), text).unwrap();
        let service = spawn(&folder);
        assert!(service.log().contains("administration on https://"));
        Self { address: operators_address(&service), _service: service, folder, authority }
    }

    fn put(&self, own: Option<&Pair>, headers: &[(&str, &str)]) -> Reply {
        let headers = [&[super::JSON], headers].concat();
        let body = json!({"parents": ["editor"]}).to_string();
        let who = (&self.authority, own);
        ask(&self.address, who, ("PUT", ROLE), &headers, Some(body.as_bytes())).unwrap()
    }

    fn get(&self, own: Option<&Pair>, path: &str) -> Reply {
        ask(&self.address, (&self.authority, own), ("GET", path), &[], None).unwrap()
    }
}

#[test]
fn a_certificate_administers_as_far_as_the_roles_of_its_name_go() {
    let port = Certified::start();
    let viewer = port.authority.issue_to(uri("spiffe://example/looks"));
    let admin = port.authority.issue_to(host("OPS.example"));
    assert_eq!(port.get(Some(&viewer), "/admin/v1/roles").status, 200);
    assert_eq!(port.put(Some(&viewer), &[]).status, 403);
    assert_eq!(port.put(Some(&admin), &[]).status, 200);
    let info = port.get(Some(&viewer), "/admin/v1/info").json();
    let who = json!({"actor": "certificate:spiffe://example/looks", "roles": ["viewer"]});
    assert_eq!(info["administrator"], who);
    let audit = port.get(Some(&viewer), "/admin/v1/audit?actor=certificate:ops.example").json();
    assert_eq!(audit["items"][0]["target"], json!({"kind": "role", "id": "boss"}));
}

#[test]
fn whoever_is_not_known_by_name_may_nothing() {
    let port = Certified::start();
    for name in [uri("spiffe://example/else"), host("example"), uri("https://ops.example")] {
        let unknown = port.authority.issue_to(name);
        let reply = port.get(Some(&unknown), "/admin/v1/info");
        assert_eq!(reply.status, 403, "{}", reply.body);
        assert_eq!(port.put(Some(&unknown), &[]).status, 403);
        assert_eq!(port.get(Some(&unknown), "/health/ready").status, 200);
    }
    assert_eq!(port.get(None, "/admin/v1/info").status, 401, "this machine is not enough here");
    // Another authority's certificate ends the handshake, or the connection right behind it.
    let stranger = Authority::new().issue_to(host("ops.example"));
    let refused = std::panic::catch_unwind(AssertUnwindSafe(|| {
        port.get(Some(&stranger), "/health/live").status
    }));
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn what_is_presented_beside_a_certificate_counts_alone() {
    let port = Certified::start();
    let admin = port.authority.issue_to(host("ops.example"));
    assert_eq!(port.put(Some(&admin), &[("authorization", "Bearer x")]).status, 401);
    let bearer = format!("Bearer {}", admin_token(&port.folder, "1m"));
    let viewer = port.authority.issue_to(uri("spiffe://example/looks"));
    assert_eq!(port.put(Some(&viewer), &[("authorization", &bearer)]).status, 200);
}

#[test]
fn names_without_an_authority_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authz.yaml");
    fs::write(&file, configuration(&folder)).unwrap();
    let text = refused(bare_command().arg("--config").arg(&file));
    assert!(text.contains("admin.certificates: needs --admin-client-ca"), "{text}");
    let ca = "admin-client-ca: /nowhere.pem\n";
    let own = configuration(&folder).replace("admin-tls-key", "#");
    fs::write(&file, own + ca).unwrap();
    let text = refused(bare_command().arg("--config").arg(&file));
    assert!(text.contains("--admin-tls-cert and --admin-tls-key go together"), "{text}");
}
