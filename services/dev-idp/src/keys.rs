//! The realm's keys: one for encryption that nobody uses, as Keycloak has, and the signing keys,
//! newest first.
//!
//! A key that was replaced stays published until it is retired, so tokens it signed stay good.
//! The key that signs cannot be retired. Private parts never leave this module.

use std::sync::Arc;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use rsa::{
    RsaPrivateKey, RsaPublicKey, pkcs1v15,
    pkcs8::{DecodePrivateKey, EncodePublicKey},
    rand_core::OsRng,
    signature::{RandomizedSigner, SignatureEncoding},
    traits::PublicKeyParts,
};
use serde::Serialize;
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::sync::RwLock;

use crate::certificate::self_signed;

/// More are refused until one is retired.
const MAX_SIGNING_KEYS: usize = 8;

/// Why there is no usable key.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// Not a PKCS#8 PEM with an RSA key.
    #[error("not an RSA key in PKCS#8 PEM: {0}")]
    Pem(#[from] rsa::pkcs8::Error),
    /// Shorter than RS256 allows.
    #[error("the RSA key has {0} bits; RS256 needs at least 2048 (RFC 7518, section 3.3)")]
    Short(usize),
    /// Generating or signing failed.
    #[error("RSA: {0}")]
    Rsa(#[from] rsa::Error),
    /// The key's public half cannot be encoded.
    #[error("public key: {0}")]
    Public(#[from] rsa::pkcs8::spki::Error),
    /// The key's certificate cannot be made.
    #[error("certificate: {0}")]
    Certificate(#[from] x509_cert::builder::Error),
}

/// A key that signs tokens, and how it is published.
pub struct SigningKey {
    key: pkcs1v15::SigningKey<Sha256>,
    jwk: Jwk,
    public_der: String,
}

impl SigningKey {
    /// A new RSA key of 2048 bits. Takes a good part of a second: not for an async thread.
    ///
    /// # Errors
    /// When the system's random source fails.
    pub fn generate() -> Result<Self, InvalidKey> {
        Self::new(RsaPrivateKey::new(&mut OsRng, 2048)?)
    }

    /// The key in a PKCS#8 PEM. The same file always has the same `kid`.
    ///
    /// # Errors
    /// When it is not such a key, or too short for RS256.
    pub fn from_pem(pem: &str) -> Result<Self, InvalidKey> {
        Self::new(RsaPrivateKey::from_pkcs8_pem(pem)?)
    }

    fn new(key: RsaPrivateKey) -> Result<Self, InvalidKey> {
        let bits = key.size() * 8;
        if bits < 2048 {
            return Err(InvalidKey::Short(bits));
        }
        let public = key.to_public_key();
        let public_der = Base64::encode_string(public.to_public_key_der()?.as_bytes());
        let key = pkcs1v15::SigningKey::<Sha256>::new(key);
        let jwk = Jwk::new(&public, Usage::Sign, &self_signed(&key)?);
        Ok(Self { key, jwk, public_der })
    }

    /// The key's RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// The public half, base64 of its DER, as Keycloak shows it on the realm's page.
    pub(crate) fn public_der(&self) -> &str {
        &self.public_der
    }

    /// A JWT with these claims, signed RS256. Blinded, since RSA in software is not constant-time.
    pub(crate) fn token(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.kid()}).to_string();
        let payload = serde_json::to_vec(claims)?;
        let signed = format!("{}.{}", url_safe(header.as_bytes()), url_safe(&payload));
        let signature = self.key.try_sign_with_rng(&mut OsRng, signed.as_bytes())?;
        Ok(format!("{signed}.{}", url_safe(&signature.to_bytes())))
    }
}

/// Why a token could not be made. Only a fault of ours can be the cause.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("claims: {0}")]
    Claims(#[from] serde_json::Error),
    #[error("signature: {0}")]
    Signature(#[from] rsa::signature::Error),
}

/// All keys of the realm.
pub struct KeyRing {
    encryption: Jwk,
    signing: RwLock<SigningKeys>,
}

struct SigningKeys {
    current: Arc<SigningKey>,
    replaced: Vec<Arc<SigningKey>>,
}

impl KeyRing {
    /// A ring that signs with `signing`. Makes the encryption key: not for an async thread.
    ///
    /// # Errors
    /// When the system's random source fails.
    pub fn new(signing: SigningKey) -> Result<Self, InvalidKey> {
        let key = RsaPrivateKey::new(&mut OsRng, 2048)?;
        let public = key.to_public_key();
        let certificate = self_signed(&pkcs1v15::SigningKey::new(key))?;
        Ok(Self {
            encryption: Jwk::new(&public, Usage::Encrypt, &certificate),
            signing: RwLock::new(SigningKeys { current: Arc::new(signing), replaced: Vec::new() }),
        })
    }

    /// The key that signs now.
    pub async fn current(&self) -> Arc<SigningKey> {
        Arc::clone(&self.signing.read().await.current)
    }

    /// The published set: the encryption key first, which a reader has to pass over, then the
    /// signing keys, newest first.
    pub(crate) async fn published(&self) -> KeySet {
        let signing = self.signing.read().await;
        let replaced = signing.replaced.iter().rev();
        let signing = std::iter::once(&signing.current).chain(replaced).map(|key| key.jwk.clone());
        KeySet { keys: std::iter::once(self.encryption.clone()).chain(signing).collect() }
    }

    /// Signs with `next` from now on; the key before it stays published.
    pub(crate) async fn rotate(&self, next: SigningKey) -> Result<(), TooManyKeys> {
        let mut signing = self.signing.write().await;
        if signing.replaced.len() + 1 >= MAX_SIGNING_KEYS {
            return Err(TooManyKeys);
        }
        let before = std::mem::replace(&mut signing.current, Arc::new(next));
        signing.replaced.push(before);
        Ok(())
    }

    /// Takes a replaced key out of the published set.
    pub(crate) async fn retire(&self, kid: &str) -> Result<(), RetireError> {
        let mut signing = self.signing.write().await;
        if signing.current.kid() == kid {
            return Err(RetireError::Current);
        }
        let count = signing.replaced.len();
        signing.replaced.retain(|key| key.kid() != kid);
        if signing.replaced.len() == count { Err(RetireError::Unknown) } else { Ok(()) }
    }
}

/// The ring is full.
#[derive(Debug)]
pub(crate) struct TooManyKeys;

/// Why a key stays published.
#[derive(Debug)]
pub(crate) enum RetireError {
    /// It signs.
    Current,
    /// There is no such signing key.
    Unknown,
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Serialize)]
pub(crate) struct KeySet {
    keys: Vec<Jwk>,
}

/// An RSA key in Keycloak's form, members in its order.
#[derive(Clone, Serialize)]
struct Jwk {
    kid: String,
    kty: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    x5c: [String; 1],
    x5t: String,
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
    n: String,
    e: String,
}

#[derive(Clone, Copy)]
enum Usage {
    Sign,
    Encrypt,
}

impl Jwk {
    fn new(key: &RsaPublicKey, usage: Usage, certificate: &[u8]) -> Self {
        let (alg, usage) = match usage {
            Usage::Sign => ("RS256", "sig"),
            Usage::Encrypt => ("RSA-OAEP", "enc"),
        };
        let (n, e) = (url_safe(&key.n().to_bytes_be()), url_safe(&key.e().to_bytes_be()));
        Self {
            kid: thumbprint(&n, &e),
            kty: "RSA",
            alg,
            usage,
            x5c: [Base64::encode_string(certificate)],
            x5t: url_safe(&Sha1::digest(certificate)),
            x5t_s256: url_safe(&Sha256::digest(certificate)),
            n,
            e,
        }
    }
}

/// RFC 7638: the required members only, in order, without spaces.
fn thumbprint(n: &str, e: &str) -> String {
    url_safe(&Sha256::digest(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)))
}

fn url_safe(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}
