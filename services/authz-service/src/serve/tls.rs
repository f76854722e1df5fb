//! TLS on a listener: certificate, key and the authority of callers' certificates, read at start
//! and again whenever a file changes, so that a renewed certificate needs no restart.
//!
//! A certificate that cannot be used is refused at start; later the last good one stays and the
//! log says why.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::config::{NamedFile, TlsFiles};

/// How often the files are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// A certificate, key or authority that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{option} {}: {problem}", file.display())]
pub struct InvalidTls {
    /// The option that names the file.
    pub option: &'static str,
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// What a listener shakes hands with.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files.
    pub fn load(files: TlsFiles) -> Result<Self, InvalidTls> {
        let current = RwLock::new(Arc::new(server_config(&files)?));
        Ok(Self { files, current })
    }

    /// For the next handshake.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    /// Reads the files again when they change, until `stop` turns true.
    pub async fn follow(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut seen = changed_at(&self.files);
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let now = changed_at(&self.files);
            if now != seen {
                seen = now;
                self.read_again();
            }
        }
    }

    fn read_again(&self) {
        match server_config(&self.files) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!("took over a changed certificate");
            }
            Err(error) => tracing::error!(%error, "kept the last good certificate"),
        }
    }
}

/// When each file last changed; `None` for one that is not there at the moment.
fn changed_at(files: &TlsFiles) -> Vec<Option<SystemTime>> {
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()]
        .into_iter()
        .flatten()
        .map(|file| fs::metadata(&file.path).and_then(|metadata| metadata.modified()).ok())
        .collect()
}

fn server_config(files: &TlsFiles) -> Result<ServerConfig, InvalidTls> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&files.certificate)?;
    let of_key = |error: &dyn ToString| invalid(&files.key, error);
    let key = PrivateKeyDer::from_pem_file(&files.key.path).map_err(|error| of_key(&error))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| of_key(&error))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => builder.with_client_cert_verifier(client_verifier(file, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| of_key(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Callers may come without a certificate: health needs none, and a secret does as well.
fn client_verifier(
    file: &NamedFile,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>, InvalidTls> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| invalid(file, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| invalid(file, &error))
}

fn certificates(file: &NamedFile) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&file.path).map_err(|error| invalid(file, &error))?.collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(invalid(file, &"holds no certificate")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(invalid(file, &error)),
    }
}

fn invalid(file: &NamedFile, problem: &dyn ToString) -> InvalidTls {
    InvalidTls { option: file.option, file: file.path.clone(), problem: problem.to_string() }
}
