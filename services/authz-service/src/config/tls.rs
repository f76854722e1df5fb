//! The files that TLS on a listener needs, with the options that name them.

use std::path::PathBuf;

use super::Options;

/// A file, and the option that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The option, for whoever has to be told what is wrong with the file.
    pub option: &'static str,
    /// The file.
    pub path: PathBuf,
}

/// A listener's certificate and whom it lets in by theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM certificate chain, the server's own first.
    pub certificate: NamedFile,
    /// PEM private key.
    pub key: NamedFile,
    /// PEM certificates that callers' certificates must be signed by; none are asked for when
    /// `None`.
    pub client_ca: Option<NamedFile>,
}

/// Files that do not make a whole.
#[derive(Debug, thiserror::Error)]
pub enum HalfTls {
    /// On the callers' port.
    #[error("--tls-cert and --tls-key go together, and --tls-client-ca with both")]
    Callers,
    /// On the operators' port.
    #[error(
        "--admin-tls-cert and --admin-tls-key go together; --admin-client-ca needs both, or --tls-cert and --tls-key"
    )]
    Operators,
}

/// TLS on the callers' port and on the operators'. The latter, when it only names an authority, has
/// the certificate of the former.
pub(super) fn files(options: &Options) -> Result<(Option<TlsFiles>, Option<TlsFiles>), HalfTls> {
    let named =
        |option, path: &Option<PathBuf>| path.clone().map(|path| NamedFile { option, path });
    let certificate = named("--tls-cert", &options.tls_cert);
    let key = named("--tls-key", &options.tls_key);
    let client_ca = named("--tls-client-ca", &options.tls_client_ca);
    let own_certificate = named("--admin-tls-cert", &options.admin_tls_cert);
    let own_key = named("--admin-tls-key", &options.admin_tls_key);
    let admin_ca = named("--admin-client-ca", &options.admin_client_ca);
    let (own_certificate, own_key) = match (own_certificate, own_key, &admin_ca) {
        (None, None, Some(_)) => (certificate.clone(), key.clone()),
        (certificate, key, _) => (certificate, key),
    };
    let callers = whole(certificate, key, client_ca).ok_or(HalfTls::Callers)?;
    let operators = whole(own_certificate, own_key, admin_ca).ok_or(HalfTls::Operators)?;
    Ok((callers, operators))
}

/// All, or nothing at all; `None` for a part.
fn whole(
    certificate: Option<NamedFile>,
    key: Option<NamedFile>,
    client_ca: Option<NamedFile>,
) -> Option<Option<TlsFiles>> {
    match (certificate, key, client_ca) {
        (Some(certificate), Some(key), client_ca) => {
            Some(Some(TlsFiles { certificate, key, client_ca }))
        }
        (None, None, None) => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_port_can_share_the_callers_certificate() {
        let file = |name: &str| Some(PathBuf::from(name));
        let shared = Options {
            tls_cert: file("cert"),
            tls_key: file("key"),
            admin_client_ca: file("ca"),
            ..Options::default()
        };
        let (callers, operators) = files(&shared).unwrap();
        let operators = operators.unwrap();
        assert_eq!(operators.certificate, callers.unwrap().certificate);
        assert_eq!(operators.client_ca.unwrap().option, "--admin-client-ca");
        let own = Options { admin_tls_cert: file("a"), admin_tls_key: file("b"), ..shared };
        assert_eq!(files(&own).unwrap().1.unwrap().certificate.path, PathBuf::from("a"));
        let plain = Options { tls_cert: file("cert"), tls_key: file("key"), ..Options::default() };
        assert_eq!(files(&plain).unwrap().1, None);
        for half in [
            Options { admin_client_ca: file("ca"), ..Options::default() },
            Options { admin_tls_cert: file("a"), ..plain.clone() },
            Options { admin_tls_key: file("a"), admin_client_ca: file("ca"), ..plain },
        ] {
            assert!(matches!(files(&half), Err(HalfTls::Operators)));
        }
    }
}
