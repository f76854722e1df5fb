//! The identity provider's keys, one for each algorithm that is measured.
//!
//! They are the test-only ones of the repository.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::Sha256;

const RSA: &str = include_str!("../../testdata/keys/rsa-1.pem");
const P256: &str = include_str!("../../testdata/keys/p256-1.pem");
const ED25519: &str = include_str!("../../testdata/keys/ed25519-1.pem");

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5, 2048 bits.
    Rs256,
    /// ECDSA on P-256.
    Es256,
    /// RSA PSS, the key of RS256.
    Ps256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All that are measured.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Es256, Self::Ps256, Self::EdDsa];

    /// As JOSE calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Where the identity provider publishes its key.
    pub fn keys_path(self) -> String {
        format!("/keys/{}", self.name())
    }

    /// `kid` of its key.
    pub fn key_id(self) -> &'static str {
        match self {
            Self::Rs256 => "JgyL3oT8Ov4kZ1mqRzE9bX0sWn5hVfUdCpA7iKtYeQo",
            Self::Es256 => "q2TnC0y7vWbXf5kZr1sPj8GmHd3LxA9eUoRi6KzQcYw",
            Self::Ps256 => "Vx8dRk1oTzS5nYh2GcLq7UeJb4WmPf9AiKs3Zr6QyEt",
            Self::EdDsa => "t5WcY9pKq3ZxGv7LmRj1Ud2HbNs8AfEo4Ti6QyXzCkP",
        }
    }

    /// Whether its signatures are short: 64 bytes instead of 256.
    pub fn is_short(self) -> bool {
        matches!(self, Self::Es256 | Self::EdDsa)
    }
}

/// Signs as the identity provider.
pub struct Signer {
    rsa: rsa::RsaPrivateKey,
    rs256: rsa::pkcs1v15::SigningKey<Sha256>,
    ps256: rsa::pss::SigningKey<Sha256>,
    es256: p256::ecdsa::SigningKey,
    eddsa: ed25519_dalek::SigningKey,
}

impl Signer {
    /// With the repository's test keys.
    pub fn new() -> Result<Self> {
        let rsa = rsa::RsaPrivateKey::from_pkcs8_pem(RSA).context("the RSA key is broken")?;
        let p256 = p256::SecretKey::from_pkcs8_pem(P256).context("the P-256 key is broken")?;
        let eddsa = ed25519_dalek::SigningKey::from_pkcs8_pem(ED25519);
        Ok(Self {
            rs256: rsa::pkcs1v15::SigningKey::new(rsa.clone()),
            ps256: rsa::pss::SigningKey::new(rsa.clone()),
            rsa,
            es256: p256.into(),
            eddsa: eddsa.context("the Ed25519 key is broken")?,
        })
    }

    /// The signature as JOSE has it.
    pub fn sign(&self, algorithm: Algorithm, input: &[u8]) -> Result<Vec<u8>> {
        Ok(match algorithm {
            Algorithm::Rs256 => self.rs256.try_sign(input)?.to_vec(),
            Algorithm::Ps256 => self.ps256.try_sign_with_rng(&mut OsRng, input)?.to_vec(),
            Algorithm::Es256 => {
                let signature: p256::ecdsa::Signature = self.es256.try_sign(input)?;
                signature.to_vec()
            }
            Algorithm::EdDsa => self.eddsa.try_sign(input)?.to_vec(),
        })
    }

    /// What the identity provider publishes for this algorithm: one key.
    pub fn jwks(&self, algorithm: Algorithm) -> Value {
        let number = |n: &rsa::BigUint| URL_SAFE_NO_PAD.encode(n.to_bytes_be());
        let mut jwk = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                json!({"kty": "RSA", "n": number(self.rsa.n()), "e": number(self.rsa.e())})
            }
            Algorithm::Es256 => {
                let point = self.es256.verifying_key().to_encoded_point(false);
                let half = |half: Option<&p256::FieldBytes>| {
                    half.map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
                };
                json!({"kty": "EC", "crv": "P-256", "x": half(point.x()), "y": half(point.y())})
            }
            Algorithm::EdDsa => {
                let x = URL_SAFE_NO_PAD.encode(self.eddsa.verifying_key().as_bytes());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x})
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(algorithm.name());
        jwk["kid"] = json!(algorithm.key_id());
        json!({"keys": [jwk]})
    }

    /// The public key as base64 of a SubjectPublicKeyInfo, of an algorithm that Envoy's
    /// `verify_signature` knows.
    pub fn spki(&self, algorithm: Algorithm) -> Result<String> {
        let der = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => self.rsa.to_public_key().to_public_key_der()?,
            Algorithm::Es256 => self.es256.verifying_key().to_public_key_der()?,
            Algorithm::EdDsa => anyhow::bail!("not a key for verify_signature"),
        };
        Ok(STANDARD.encode(der.as_bytes()))
    }
}
