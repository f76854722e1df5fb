//! Certificates for one test: an authority and servers that it vouches for.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority made for one test, with its files in a directory of their own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(parameters, key), directory }
    }

    /// The file with its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Arguments with which redis-server is `name` on `port`, by TLS.
    pub(crate) fn server(&self, name: &str, port: u16) -> Vec<String> {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let file = |end: &str, text: String| {
            let path = self.directory.path().join(format!("{port}.{end}"));
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (certificate, key) = (file("crt", certificate.pem()), file("key", key.serialize_pem()));
        let arguments = [
            ["--tls-port".to_owned(), port.to_string()],
            ["--tls-cert-file".to_owned(), certificate],
            ["--tls-key-file".to_owned(), key],
            ["--tls-ca-cert-file".to_owned(), self.file().display().to_string()],
            ["--tls-auth-clients".to_owned(), "no".to_owned()],
        ];
        arguments.concat()
    }
}
