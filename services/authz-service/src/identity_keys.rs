//! The public keys of the gateway's signed identity statements, published for the services behind
//! it (RFC 7517).
//!
//! Public ones only: what signs is the gateway's alone, so a file with a private key is refused
//! and nothing of it is kept. The keys are read once, at the start.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::PublicKey;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::pkcs8::DecodePublicKey as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Most keys that are published: one that signs, its successor, and room for several gateways.
const MAX_KEYS: usize = 8;
/// Largest file that is looked at, in bytes. A key has about 180.
const MAX_FILE: u64 = 16 * 1024;

/// A file that holds no key to publish.
#[derive(Debug, thiserror::Error)]
#[error("--identity-key {file}: {problem}")]
pub struct InvalidIdentityKey {
    file: String,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("has more than {MAX_FILE} bytes")]
    Large,
    #[error(
        "holds a private key. Give the public one (openssl pkey -in FILE -pubout): what signs must not be here"
    )]
    Private,
    #[error("holds no public key: one PEM block `-----BEGIN PUBLIC KEY-----` is expected")]
    None,
    #[error("holds more than one PEM block. Give each key a file of its own")]
    Several,
    #[error("holds no public key on P-256, which ES256 needs")]
    Curve,
    #[error("holds the same key as {0}")]
    Twice(String),
    #[error("is one more than the {MAX_KEYS} that can be published")]
    TooMany,
}

/// A published key, members in RFC 7517's order.
#[derive(Serialize)]
struct Jwk {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    crv: &'static str,
    x: String,
    y: String,
}

/// The published set.
#[derive(Clone, Debug, Default)]
pub struct IdentityKeys(Option<Bytes>);

impl IdentityKeys {
    /// The keys in `files`, in their order; none when there are no files.
    pub fn load(files: &[PathBuf]) -> Result<Self, InvalidIdentityKey> {
        let mut keys: Vec<Jwk> = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let invalid =
                |problem| InvalidIdentityKey { file: file.display().to_string(), problem };
            if at >= MAX_KEYS {
                return Err(invalid(Problem::TooMany));
            }
            let key = read(file).and_then(|text| Jwk::from_pem(&text)).map_err(invalid)?;
            if let Some(first) = keys.iter().position(|known| known.kid == key.kid) {
                let first = files.get(first).map(|file| file.display().to_string());
                return Err(invalid(Problem::Twice(first.unwrap_or_default())));
            }
            keys.push(key);
        }
        Ok(Self::of(&keys))
    }

    fn of(keys: &[Jwk]) -> Self {
        let document = serde_json::json!({ "keys": keys }).to_string();
        Self((!keys.is_empty()).then(|| document.into()))
    }

    /// The document, a JWK Set; `None` when there is no key.
    pub fn document(&self) -> Option<&Bytes> {
        self.0.as_ref()
    }
}

fn read(file: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Problem::Large);
    }
    String::from_utf8(bytes).map_err(|_| Problem::None)
}

impl Jwk {
    fn from_pem(text: &str) -> Result<Self, Problem> {
        // Whatever else is in the file: a private key must not be there at all.
        if text.lines().any(|line| line.contains("-----BEGIN ") && line.contains("PRIVATE")) {
            return Err(Problem::Private);
        }
        let block = text.find("-----BEGIN PUBLIC KEY-----").ok_or(Problem::None)?;
        if text.matches("-----BEGIN ").count() > 1 {
            return Err(Problem::Several);
        }
        // Tools write notes above a block, and the reader takes none.
        let block = text.get(block..).ok_or(Problem::None)?;
        PublicKey::from_public_key_pem(block).map(|key| Self::of(&key)).map_err(|_| Problem::Curve)
    }

    fn of(key: &PublicKey) -> Self {
        let point = key.to_encoded_point(false);
        let encoded =
            |part: Option<&_>| part.map_or_else(String::new, |part| URL_SAFE_NO_PAD.encode(part));
        let (x, y) = (encoded(point.x()), encoded(point.y()));
        // RFC 7638 §3.2: the required members, in order, without spaces.
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(members));
        Self { kty: "EC", usage: "sig", alg: "ES256", kid, crv: "P-256", x, y }
    }
}

#[cfg(test)]
mod tests;
