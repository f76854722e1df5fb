//! An identity provider that is reached elsewhere than where its name leads: it is asked there, by its
//! name, and believed only with a certificate for that.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use claimgate_corpus::sign::{self, Signer};
use jiff::Timestamp;
use rcgen::SanType;
use serde_json::json;
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http::{Reply, send};
use crate::service::{ENTITIES, POLICIES, Service, bare_command};
use crate::tls::Authority;

const ISSUER: &str = "https://login.example/realms/shop";
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A provider with a certificate for `name`, and the `host` lines that it was asked with.
struct Provider {
    address: String,
    authority: Authority,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    fn with_certificate_for(name: &str) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        authority.issue_to(SanType::DnsName(name.try_into().unwrap())).write(folder.path());
        let config = Arc::new(config(folder.path()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                // One that does not like the certificate goes away: nothing is answered then.
                let _ = answer(StreamOwned::new(tls, stream), &heard);
            }
        });
        Self { address, authority, asked }
    }
}

fn config(folder: &Path) -> ServerConfig {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// Its keys, whatever is asked for.
fn answer(stream: impl Read + Write, heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let host =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("host: ")?.to_owned().into());
    heard.lock().unwrap().extend(host);
    let body = sign::jwks().to_string();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
    write!(reader.get_mut(), "{head} {}\r\n\r\n{body}", body.len())?;
    reader.get_mut().flush()
}

fn trusting(provider: &Provider) -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let [file, authorities] = ["authz.yaml", "ca.pem"].map(|name| folder.path().join(name));
    std::fs::write(&authorities, provider.authority.pem()).unwrap();
    let issuer = format!(
        "- issuer: {ISSUER}\n  jwks: {ISSUER}/certs\n  address: {}\n  logout-audiences: [gateway]",
        provider.address
    );
    let text = format!("policies: {POLICIES}\nentities: {ENTITIES}\nissuers:\n{issuer}\n");
    std::fs::write(&file, text).unwrap();
    let mut command = bare_command();
    command.arg("--config").arg(&file).env("SSL_CERT_FILE", &authorities);
    (Service::spawn(&mut command), folder)
}

fn log_out(service: &Service) -> Reply {
    let now = Timestamp::now().as_second();
    let claims = json!({"iss": ISSUER, "aud": "gateway", "iat": now, "exp": now + 120, "jti": "1",
        "sid": "session-1", "events": {LOGOUT: {}}});
    let header = json!({"alg": "RS256", "kid": sign::kid("RS256"), "typ": "logout+jwt"});
    let form = format!("logout_token={}", Signer::new().token("RS256", &header, &claims));
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    send(&service.address, "POST", "/backchannel-logout", &kind, Some(form.as_bytes()))
}

#[test]
fn a_provider_is_asked_at_its_address_by_its_name() {
    let provider = Provider::with_certificate_for("login.example");
    let (service, _folder) = trusting(&provider);
    let reply = log_out(&service);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(*provider.asked.lock().unwrap(), ["login.example"]);
}

#[test]
fn whoever_answers_there_without_its_certificate_is_not_believed() {
    let provider = Provider::with_certificate_for("elsewhere.example");
    let (service, _folder) = trusting(&provider);
    let reply = log_out(&service);
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
    assert!(provider.asked.lock().unwrap().is_empty());
    let state = send(&service.address, "GET", "/v1/state", &[], None);
    assert_eq!(state.json()["entries"], json!([]));
}

#[test]
fn an_address_that_is_none_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authz.yaml");
    let issuers = format!("- issuer: {ISSUER}\n  address: https://127.0.0.1");
    let text = format!("policies: {POLICIES}\nentities: {ENTITIES}\nissuers:\n{issuers}\n");
    std::fs::write(&file, text).unwrap();
    let refused = bare_command().arg("--config").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("issuers[0].address: must be HOST:PORT"),
        "{said}"
    );
}
