//! The certificate authorities that an image trusts: Mozilla's, from a pinned package, so that they are
//! the same on every machine. Whoever has others mounts them over the file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// All of them, as one PEM file.
pub(super) fn pem() -> String {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|certificate| one(certificate)).collect()
}

/// Lines of 64 characters (RFC 7468 §2).
fn one(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at.is_multiple_of(64) {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_is_a_certificate_of_its_own() {
        let pem = pem();
        let count = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
        assert!(count > 100, "{count}");
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----\n").count(), count);
        assert!(pem.lines().all(|line| line.len() <= 64));
        let first: String = pem.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
        let bytes = STANDARD.decode(first).unwrap();
        assert_eq!(bytes, &*webpki_root_certs::TLS_SERVER_ROOT_CERTS[0]);
    }
}
