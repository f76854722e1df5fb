//! TLS on the callers' port: the right certificate, callers by theirs, and a renewal without a
//! restart. Every certificate is made by the test.

use std::fs;
use std::net::TcpStream;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http::{Reply, exchange};
use crate::service::{ENTITIES, Service, command, eventually};

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM.
pub(crate) struct Pair {
    certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    fn issue(&self) -> Pair {
        self.issue_to(SanType::DnsName("localhost".try_into().unwrap()))
    }

    /// For whoever has this name.
    pub(crate) fn issue_to(&self, name: SanType) -> Pair {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![name];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Pair {
    pub(crate) fn write(&self, folder: &Path) {
        fs::write(folder.join("key.pem"), &self.key).unwrap();
        fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
    }
}

/// Starts with the server's certificate of `folder`, and what else is in `arguments`.
fn start(folder: &Path, client_ca: bool, token: Option<&str>) -> Service {
    let mut command = command();
    command.args(["--entities", ENTITIES, "--tls-cert"]).arg(folder.join("cert.pem"));
    command.arg("--tls-key").arg(folder.join("key.pem"));
    if client_ca {
        command.arg("--tls-client-ca").arg(folder.join("ca.pem"));
    }
    if let Some(token) = token {
        command.env("AUTHZ_SERVICE_TOKEN", token);
    }
    Service::spawn(&mut command)
}

fn get(
    service: &Service,
    authority: &Authority,
    own: Option<&Pair>,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Reply, String> {
    ask(&service.address, (authority, own), ("GET", path), headers, None)
}

/// Asks over TLS, trusting an authority, presenting a certificate; the error when no answer comes.
pub(crate) fn ask(
    address: &str,
    (authority, own): (&Authority, Option<&Pair>),
    line: (&str, &str),
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Result<Reply, String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| error.to_string())?;
    }
    Ok(exchange(&mut stream, "localhost", line, headers, body))
}

#[test]
fn it_serves_over_tls_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    authority.issue().write(folder.path());
    let service = start(folder.path(), false, None);
    assert!(service.log().contains("listening on https://"));
    let reply = get(&service, &authority, None, "/.well-known/authzen-configuration", &[]).unwrap();
    let base = reply.json()["policy_decision_point"].as_str().unwrap().to_owned();
    assert!(base.starts_with("https://"), "{base}");
    let error = get(&service, &Authority::new(), None, "/health/live", &[]).err().unwrap();
    assert!(error.starts_with("invalid peer certificate"), "{error}");
}

#[test]
fn a_caller_is_known_by_a_certificate_or_by_a_secret() {
    const TOKEN: &str = "a-secret-of-the-tests";
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.issue().write(folder.path());
    fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let service = start(folder.path(), true, Some(TOKEN));
    let own = authority.issue();
    let bearer = format!("Bearer {TOKEN}");
    let status = |own, headers: &[(&str, &str)]| {
        get(&service, &authority, own, "/authz/me", headers).unwrap().status
    };
    assert_eq!(status(Some(&own), &[]), 200);
    assert_eq!(status(None, &[("authorization", &bearer)]), 200);
    assert_eq!(status(None, &[]), 401);
    assert_eq!(get(&service, &authority, None, "/health/ready", &[]).unwrap().status, 200);
    // Someone else's certificate ends the handshake, or the connection right behind it.
    let refused = std::panic::catch_unwind(AssertUnwindSafe(|| {
        get(&service, &authority, Some(&stranger.issue()), "/authz/me", &[])
            .map(|reply| reply.status)
    }));
    assert!(!matches!(refused, Ok(Ok(200))), "{refused:?}");
}

#[test]
fn a_renewed_certificate_is_taken_over_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Authority::new(), Authority::new());
    first.issue().write(folder.path());
    let service = start(folder.path(), false, None);
    get(&service, &first, None, "/health/live", &[]).unwrap();
    fs::write(folder.path().join("cert.pem"), "no certificate").unwrap();
    eventually(Duration::from_secs(15), "the bad one is seen", || {
        service.log().contains("kept the last good certificate")
    });
    get(&service, &first, None, "/health/live", &[]).unwrap();
    second.issue().write(folder.path());
    eventually(Duration::from_secs(15), "the new one is served", || {
        get(&service, &second, None, "/health/live", &[]).is_ok()
    });
}
