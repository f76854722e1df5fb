//! SHA-256 hashes that bind one thing to another: of a key (RFC 7638), of a certificate (RFC 8705
//! §3.1), of an access token (`ath`, RFC 9449 §4.2).
//!
//! None of them is a secret: whoever sends a proof or a certificate can compute its hash. So they
//! are compared as any other value, not in constant time.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// A SHA-256 hash that something is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The hash of bytes: a certificate's DER, an access token's ASCII.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
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

/// Hashes of what clients send reach no log.
impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thumbprint")
    }
}

/// The value of a hexadecimal digit.
fn hex_digit(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
