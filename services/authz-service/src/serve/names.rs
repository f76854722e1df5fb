//! What a client certificate is called: its URI, or, where it has none, its DNS name (in lower case); each
//! out of the subject alternative names. The common name is nobody's (RFC 9525, section 2). A certificate
//! with two URIs, or with two DNS names and no URI, has no name: which one would be meant is a guess.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The name of a certificate that was verified.
pub fn name(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut uris = certificate.valid_uri_names();
    match (uris.next(), uris.next()) {
        (Some(uri), None) => return Some(uri.into()),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let mut hosts = certificate.valid_dns_names();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if !host.contains('*') => Some(host.to_ascii_lowercase().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn named(names: &[&str]) -> Option<Arc<str>> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "common.example");
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.contains("://") {
                true => SanType::URI((*name).try_into().unwrap()),
                false => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        name(certificate.der())
    }

    #[test]
    fn a_certificate_has_one_name_or_none() {
        for (names, expected) in [
            (&["spiffe://example/ci"][..], Some("spiffe://example/ci")),
            (&["ci.example", "spiffe://example/ci", "b.example"], Some("spiffe://example/ci")),
            (&["CI.example"], Some("ci.example")),
            (&["spiffe://example/a", "spiffe://example/b"], None),
            (&["a.example", "b.example"], None),
            (&["*.example"], None),
            (&[], None),
        ] {
            assert_eq!(named(names).as_deref(), expected, "{names:?}");
        }
    }
}
