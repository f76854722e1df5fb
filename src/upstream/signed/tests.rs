use p256::pkcs8::DecodePrivateKey as _;
use serde_json::json;

use super::*;
use crate::authn::{Algorithm, PortableVerifier, SignatureVerifier as _};

const ONE: &str = include_str!("../../../tests/testdata/keys/p256-1.pem");

fn key() -> SigningKey {
    SigningKey::from_pem(ONE).unwrap()
}

#[test]
fn a_key_as_openssl_writes_it_is_taken_whatever_became_of_its_line_breaks() {
    let id = key().id().to_owned();
    for text in [ONE.replace('\n', " "), ONE.replace('\n', "\r\n"), format!("\n {ONE} \n")] {
        assert_eq!(SigningKey::from_pem(&text).unwrap().id(), id);
    }
    let number = p256::SecretKey::from_pkcs8_pem(ONE).unwrap().to_bytes();
    assert_eq!(key().reveal_number(), &number[..]);
}

#[test]
fn a_keys_name_is_the_thumbprint_of_its_public_half() {
    let point = p256::SecretKey::from_pkcs8_pem(ONE).unwrap().public_key().to_sec1_bytes();
    let number = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
    let (x, y) = (number(1), number(33));
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let id = crate::authn::Thumbprint::of(canonical.as_bytes());
    assert_eq!(key().id(), URL_SAFE_NO_PAD.encode(id.as_bytes()));
}

#[test]
fn other_keys_and_other_forms_are_not_taken() {
    let rsa = include_str!("../../../tests/testdata/keys/rsa-1.pem");
    let p384 = include_str!("../../../tests/testdata/keys/p384-1.pem");
    let cut = ONE.replacen("MIGH", "MIGI", 1);
    let other = ONE.replace("PRIVATE KEY", "EC PRIVATE KEY");
    for text in
        ["", "-----BEGIN PRIVATE KEY-----", rsa, p384, &cut, &other, ONE.get(..100).unwrap()]
    {
        assert_eq!(SigningKey::from_pem(text).err(), Some(InvalidKey), "{text}");
    }
    let mut off_the_curve = ONE.as_bytes().to_vec();
    let last = ONE.find("-----END").unwrap() - 6;
    off_the_curve[last] = if off_the_curve[last] == b'A' { b'B' } else { b'A' };
    let off_the_curve = String::from_utf8(off_the_curve).unwrap();
    assert_eq!(SigningKey::from_pem(&off_the_curve).err(), Some(InvalidKey));
}

#[test]
fn what_is_signed_verifies_and_a_key_of_two_halves_is_found_out() {
    let mut notary = Notary::new(7);
    assert!(notary.passes_self_test(&key(), &PortableVerifier));
    let two = include_str!("../../../tests/testdata/keys/p256-2.pem");
    let two = SigningKey::from_pem(two).unwrap();
    assert!(two.id() != key().id());
    let signature = PortableSigner.sign(&key(), b"text").unwrap();
    assert!(PortableVerifier.verify(Algorithm::Es256, key().public(), b"text", &signature));
    assert!(!PortableVerifier.verify(Algorithm::Es256, two.public(), b"text", &signature));
    notary.employ(Box::new(Other(two)));
    assert!(!notary.passes_self_test(&key(), &PortableVerifier));
    notary.employ(Box::new(NoSigner));
    assert!(!notary.passes_self_test(&key(), &PortableVerifier));
}

/// Signs with a key of its own, whichever it is given.
#[derive(Debug)]
struct Other(SigningKey);

impl Signer for Other {
    fn sign(&self, _: &SigningKey, message: &[u8]) -> Option<[u8; 64]> {
        PortableSigner.sign(&self.0, message)
    }
}

#[test]
fn the_key_has_no_form_to_be_seen_in() {
    let shown = format!("{:?}", key());
    assert_eq!(shown, format!("SigningKey({})", key().id()));
    assert_eq!(format!("{:?}", SigningKey::from_pem("secret").unwrap_err()), "InvalidKey");
}

#[test]
fn signatures_get_joses_form_from_any_that_a_library_writes() {
    for at in 0..32 {
        for byte in [1, 0x7f, 0x80, 0xfe] {
            let mut raw = [0; 64];
            raw[at] = byte;
            raw[32 + (at + 7) % 32] = byte;
            let der = p256::ecdsa::Signature::from_slice(&raw).unwrap().to_der();
            assert_eq!(ecdsa_raw(der.as_bytes()), Some(raw), "{at} {byte}");
        }
    }
}

#[test]
fn what_is_no_signature_gets_no_form() {
    let long = [&[0x30, 0x26, 0x02, 0x21][..], &[1; 33], &[0x02, 0x01, 0x01]].concat();
    for bad in [
        &[][..],
        &[0x30],
        &[0x30, 0x00],
        &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01],
        &[0x30, 0x07, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01, 0x00],
        &[0x31, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01],
        &[0x30, 0x06, 0x03, 0x01, 0x01, 0x02, 0x01, 0x01],
        &[0x30, 0x06, 0x02, 0x7f, 0x01, 0x02, 0x01, 0x01],
        &long,
    ] {
        assert_eq!(ecdsa_raw(bad), None, "{bad:?}");
    }
}

#[test]
fn no_two_statements_have_one_name() {
    let (one, two) = (Notary::new(1), Notary::new(2));
    let mut names = vec![one.next_id(), one.next_id(), two.next_id(), two.next_id()];
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn a_header_says_how_to_check_what_follows() {
    let header = URL_SAFE_NO_PAD.decode(key().header()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    let expected = json!({"alg": "ES256", "kid": key().id(), "typ": STATEMENT_TYPE});
    assert_eq!(header, expected);
}
