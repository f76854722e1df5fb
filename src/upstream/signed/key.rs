//! The gateway's own key: ECDSA on P-256 (ES256, RFC 7518 §3.4), in PKCS#8 (RFC 5958) with its public half,
//! as OpenSSL writes it. No other form of it is taken: one that is fixed needs no parser.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::STATEMENT_TYPE;
use crate::authn::{Key, Thumbprint};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Up to the secret number: version, ECDSA on P-256, version of the key within (RFC 5915).
const BEFORE_SECRET: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02,
    0x01, 0x01, 0x04, 0x20,
];
const SECRET: usize = 32;
/// Up to the point's coordinates: the public key, uncompressed.
const BEFORE_POINT: [u8; 6] = [0xa1, 0x44, 0x03, 0x42, 0x00, 0x04];
const COORDINATE: usize = 32;

/// A key that signs.
pub struct SigningKey {
    pkcs8: Box<[u8]>,
    public: Key,
    id: Box<str>,
    header: Box<str>,
}

/// A text that is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl SigningKey {
    /// From PEM (RFC 7468 §10). Line breaks may be any white space, because environment variables
    /// seldom keep them.
    pub fn from_pem(text: &str) -> Result<Self, InvalidKey> {
        let body = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body = body.ok_or(InvalidKey)?.chars().filter(|c| !c.is_ascii_whitespace());
        let alphabet = |c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        };
        let body: String = body.map(alphabet).collect();
        let der = URL_SAFE_NO_PAD.decode(body.trim_end_matches('='));
        Self::from_der(der.map_err(|_| InvalidKey)?)
    }

    fn from_der(pkcs8: Vec<u8>) -> Result<Self, InvalidKey> {
        let rest = pkcs8.strip_prefix(&BEFORE_SECRET).ok_or(InvalidKey)?;
        let rest = rest.get(SECRET..).and_then(|rest| rest.strip_prefix(&BEFORE_POINT));
        let (x, y) = rest.and_then(|rest| rest.split_at_checked(COORDINATE)).ok_or(InvalidKey)?;
        let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode(number));
        let public = Key::of_jwk(&json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}));
        let public = public.ok_or(InvalidKey)?;
        let id = Thumbprint::of_key(&public).ok_or(InvalidKey)?;
        let id = URL_SAFE_NO_PAD.encode(id.as_bytes());
        let header = ["{\"alg\":\"ES256\",\"kid\":\"", &id, "\",\"typ\":\"", STATEMENT_TYPE, "\"}"];
        let header = URL_SAFE_NO_PAD.encode(header.concat());
        Ok(Self { pkcs8: pkcs8.into(), public, id: id.into(), header: header.into() })
    }

    /// Its name: the thumbprint of its public half (RFC 7638), as `kid` has it.
    pub const fn id(&self) -> &str {
        &self.id
    }

    /// Its public half.
    pub const fn public(&self) -> &Key {
        &self.public
    }

    /// The whole of it, DER; for the one place that signs.
    pub const fn reveal(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Its secret number; for the one place that signs.
    pub fn reveal_number(&self) -> &[u8] {
        let from = BEFORE_SECRET.len();
        self.pkcs8.get(from..from + SECRET).unwrap_or_default()
    }

    /// The header of what it signs, encoded.
    pub(super) const fn header(&self) -> &str {
        &self.header
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}
