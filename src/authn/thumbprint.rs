//! SHA-256 hashes that bind one thing to another: of a key (RFC 7638), of a certificate (RFC 8705
//! §3.1), of an access token (`ath`, RFC 9449 §4.2).
//!
//! None of them is a secret: whoever sends a proof or a certificate can compute its hash. So they
//! are compared as any other value, not in constant time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};

use super::jwks::{Key, Material};

/// A SHA-256 hash that something is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The hash of bytes: a certificate's DER, an access token's ASCII.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The thumbprint of a public key (RFC 7638 §3, RFC 8037 §2); `None` for a secret, which has
    /// none here. It is made from the key and not from the text it was read from, so one key has
    /// one thumbprint however its numbers were written.
    ///
    /// An Ed25519 key is the 32 bytes of its text. A point with a second encoding would have to be
    /// among the few dozen whose y is below 19; nobody knows a private key to one that is not of
    /// small order, and those are refused as keys.
    pub fn of_key(key: &Key) -> Option<Self> {
        let members = match key.material() {
            Material::Rsa(key) => {
                let [e, n] = [key.e(), key.n()].map(|number| encode(&number.to_bytes_be()));
                ["{\"e\":\"", &e, "\",\"kty\":\"RSA\",\"n\":\"", &n].concat()
            }
            Material::P256(_) => curve("P-256", point(key, 65)?)?,
            Material::P384(_) => curve("P-384", point(key, 97)?)?,
            Material::P521(_) => curve("P-521", point(key, 133)?)?,
            Material::Ed25519(key) => {
                let x = encode(key.as_bytes());
                ["{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"", &x].concat()
            }
            Material::Secret(_) => return None,
        };
        Some(Self::of((members + "\"}").as_bytes()))
    }

    /// From base64url without padding, as `jkt`, `x5t#S256` and `ath` carry it: 43 characters.
    pub fn from_base64url(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// From 64 hexadecimal digits, as Envoy says which certificate a client has shown.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digits = text.bytes().map(hex_digit);
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            *byte = digits.next()?? << 4 | digits.next()??;
        }
        digits.next().is_none().then_some(Self(bytes))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The uncompressed point of a key on a curve, with which its SubjectPublicKeyInfo ends.
fn point(key: &Key, len: usize) -> Option<&[u8]> {
    let spki = key.spki();
    spki.get(spki.len().checked_sub(len)?..)
}

/// Hashes of what clients send reach no log.
impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thumbprint")
    }
}

/// The members of a key on a curve (RFC 7638 §3.2), from its uncompressed point (SEC 1 §2.3.3).
fn curve(name: &str, point: &[u8]) -> Option<String> {
    let coordinates = point.get(1..)?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    let (x, y) = (encode(x), encode(y));
    Some(["{\"crv\":\"", name, "\",\"kty\":\"EC\",\"x\":\"", &x, "\",\"y\":\"", &y].concat())
}

/// The value of a hexadecimal digit.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn thumbprint(jwk: &Value) -> Option<Thumbprint> {
        Thumbprint::of_key(&Key::of_jwk(jwk)?)
    }

    /// RFC 7638 §3.1.
    const RSA: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu\
        hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-\
        65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-\
        bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn keys_of_the_standards_have_the_thumbprints_of_the_standards() {
        let table = [
            (
                json!({"kty": "RSA", "n": RSA, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}),
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            ),
            // RFC 8037 appendix A.3.
            (
                json!({"kty": "OKP", "crv": "Ed25519",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
                "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            ),
            // RFC 9449 §6.1.
            (
                json!({"kty": "EC", "crv": "P-256",
                    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}),
                "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            ),
        ];
        for (jwk, expected) in table {
            let found = thumbprint(&jwk).map(|found| encode(found.as_bytes()));
            assert_eq!(found.as_deref(), Some(expected), "{jwk}");
        }
    }

    #[test]
    fn the_larger_curves_hash_their_members_in_order() {
        // Base points (FIPS 186-4 D.1.2): every coordinate at its full length.
        let p384 = (
            "P-384",
            "qofKIr6LBTeOscce8yCtdG4dO2KLp5uYWfdB4IJUKjhVAvJdv1UpbDpUXjhydgq3",
            "NhfeSpYmLG9dnpi_kpLcKfj0Hb0omhR86doxE7XwuMAKYLHOHX6BnXpDHXyQ6g5f",
        );
        let (crv, x, y) = p384;
        let jwk = json!({"y": y, "x": x, "kty": "EC", "crv": crv, "use": "sig"});
        let canonical = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
        assert_eq!(thumbprint(&jwk), Some(Thumbprint::of(canonical.as_bytes())));
    }

    #[test]
    fn one_key_has_one_thumbprint_however_it_is_written() {
        let padded =
            URL_SAFE_NO_PAD.encode([&[0, 0][..], &URL_SAFE_NO_PAD.decode(RSA).unwrap()].concat());
        let plain = thumbprint(&json!({"kty": "RSA", "n": RSA, "e": "AQAB"}));
        assert!(plain.is_some());
        assert_eq!(thumbprint(&json!({"kty": "RSA", "n": padded, "e": "AAEAAQ"})), plain);
        // Stray bits and padding are no base64url at all.
        assert_eq!(thumbprint(&json!({"kty": "RSA", "n": RSA, "e": "AQAB="})), None);
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp";
        assert_eq!(thumbprint(&json!({"kty": "OKP", "crv": "Ed25519", "x": x})), None);
    }

    #[test]
    fn hashes_are_read_at_their_full_length_only() {
        let of = Thumbprint::of(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Thumbprint::from_hex(hex), Some(of));
        assert_eq!(Thumbprint::from_hex(&hex.to_uppercase()), Some(of));
        for bad in [
            "",
            "e3",
            hex.trim_end_matches('5'),
            &format!("{hex}0"),
            &hex.replace('e', "g"),
            &hex.replace('e', "é"),
        ] {
            assert_eq!(Thumbprint::from_hex(bad), None, "{bad}");
        }
        let text = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(Thumbprint::from_base64url(text), Some(of));
        for bad in [
            "",
            text.trim_start_matches('4'),
            &format!("{text}="),
            &text.replace('-', "+"),
            &text.replace("uFU", "uFV"),
        ] {
            assert_eq!(Thumbprint::from_base64url(bad), None, "{bad}");
        }
    }
}
